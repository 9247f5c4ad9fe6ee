/** Reads a play token into the grant that licences are decided by. */

import { fromBinary } from "@bufbuild/protobuf";
import { durationMs, timestampDate } from "@bufbuild/protobuf/wkt";
import {
  KeyPolicy_Hdcp,
  KeyPolicy_Robustness,
  type KeyPolicy as KeyPolicyProto,
  type PlayGrant,
  PlayGrantSchema,
} from "#gen/matinee/playback/v1/play_grant_pb";
import { PLAY_TOKEN_USE } from "#pkg/auth/viewer";
import { toKeyClass } from "./convert.ts";
import type { KeyClass } from "./domain/content-key.ts";
import type { Grant, Hdcp, KeyPolicy, Robustness } from "./domain/entitlement.ts";
import { errors } from "./errors.ts";

/** The levels that this release can tell apart, from the lowest number to the highest. */
const HDCP: readonly (readonly [KeyPolicy_Hdcp, Hdcp])[] = [
  [KeyPolicy_Hdcp.NONE, "none"],
  [KeyPolicy_Hdcp.V1, "v1"],
  [KeyPolicy_Hdcp.V2, "v2"],
  [KeyPolicy_Hdcp.V2_1, "v2_1"],
  [KeyPolicy_Hdcp.V2_2, "v2_2"],
  [KeyPolicy_Hdcp.V2_3, "v2_3"],
];

const ROBUSTNESS: readonly (readonly [KeyPolicy_Robustness, Robustness])[] = [
  [KeyPolicy_Robustness.NONE, "none"],
  [KeyPolicy_Robustness.SOFTWARE_CRYPTO, "software_crypto"],
  [KeyPolicy_Robustness.SOFTWARE_DECODE, "software_decode"],
  [KeyPolicy_Robustness.HARDWARE_CRYPTO, "hardware_crypto"],
  [KeyPolicy_Robustness.HARDWARE_DECODE, "hardware_decode"],
  [KeyPolicy_Robustness.HARDWARE_ALL, "hardware_all"],
];

/** The claims of a verified play token. Throws `LICENSE_TOKEN_INVALID` where they are another token's. */
export function parseGrant(claims: Readonly<Record<string, unknown>>): Grant {
  if (claims.use !== PLAY_TOKEN_USE || typeof claims.grant !== "string") throw errors.LICENSE_TOKEN_INVALID();
  let grant: PlayGrant;
  try {
    grant = fromBinary(PlayGrantSchema, Buffer.from(claims.grant, "base64url"));
  } catch (error) {
    throw errors.LICENSE_TOKEN_INVALID(error);
  }
  return {
    playSessionId: idOf("playSessions", grant.playSession),
    accountId: idOf("accounts", grant.account),
    assetId: idOf("assets", grant.asset),
    played: grant.package === "" ? undefined : { packageId: idOf("packages", grant.package), revision: grant.revision },
    territory: grant.territory,
    rightsEndAt: grant.rightsEndTime && timestampDate(grant.rightsEndTime),
    policies: new Map(
      grant.keyPolicies.flatMap((policy): [KeyClass, KeyPolicy][] => {
        const [keyClass, terms] = [toKeyClass(policy.trackClass), toPolicy(policy)];
        return keyClass === undefined || terms === undefined ? [] : [[keyClass, terms]];
      }),
    ),
    critical: grant.critical,
  };
}

/** Undefined where it asks for more protection than this release can tell. */
function toPolicy(policy: KeyPolicyProto): KeyPolicy | undefined {
  const minHdcp = levelOf(HDCP, policy.minHdcp);
  const minRobustness = levelOf(ROBUSTNESS, policy.minRobustness);
  if (minHdcp === undefined || minRobustness === undefined) return undefined;
  return {
    licenseDurationMs: policy.licenseDuration === undefined ? 0 : durationMs(policy.licenseDuration),
    minHdcp,
    minRobustness,
    canRenew: policy.canRenew,
    canPersist: policy.canPersist,
  };
}

/** As the contract says: 0 is the strictest, a number between two levels the larger, one beyond all of them none. */
function levelOf<T>(levels: readonly (readonly [number, T])[], asked: number): T | undefined {
  if (asked < 0) return undefined;
  return (asked === 0 ? levels.at(-1) : levels.find(([number]) => number >= asked))?.[1];
}

function idOf(collection: string, name: string): string {
  const [found, id] = name.split("/");
  if (found !== collection || id === undefined || id === "") throw errors.LICENSE_TOKEN_INVALID();
  return id;
}
