/** Reads a play token into the grant that licences are decided by. */

import { fromJson, type JsonValue } from "@bufbuild/protobuf";
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
import type { Grant, KeyPolicy } from "./domain/entitlement.ts";
import { licenseTokenInvalid } from "./errors.ts";

/** The claims of a verified play token. Throws `LICENSE_TOKEN_INVALID` where they are another token's. */
export function parseGrant(claims: Readonly<Record<string, unknown>>): Grant {
  if (claims.use !== PLAY_TOKEN_USE) throw licenseTokenInvalid();
  let grant: PlayGrant;
  try {
    grant = fromJson(PlayGrantSchema, claims.grant as JsonValue, { ignoreUnknownFields: true });
  } catch (error) {
    throw licenseTokenInvalid(error);
  }
  return {
    playSessionId: idOf("playSessions", grant.playSession),
    accountId: idOf("accounts", grant.account),
    assetId: idOf("assets", grant.asset),
    territory: grant.territory,
    rightsEndAt: grant.rightsEndTime && timestampDate(grant.rightsEndTime),
    policies: new Map(
      grant.keyPolicies.flatMap((policy): [KeyClass, KeyPolicy][] => {
        const keyClass = toKeyClass(policy.trackClass);
        return keyClass === undefined ? [] : [[keyClass, toPolicy(policy)]];
      }),
    ),
  };
}

/** A value that this release does not know asks for something that it cannot judge: the strictest is assumed. */
function toPolicy(policy: KeyPolicyProto): KeyPolicy {
  return {
    licenseDurationMs: policy.licenseDuration === undefined ? 0 : durationMs(policy.licenseDuration),
    minHdcp:
      policy.minHdcp === KeyPolicy_Hdcp.UNSPECIFIED ? "none" : policy.minHdcp === KeyPolicy_Hdcp.V1 ? "v1" : "v2_2",
    minRobustness:
      policy.minRobustness === KeyPolicy_Robustness.UNSPECIFIED
        ? "none"
        : policy.minRobustness === KeyPolicy_Robustness.SOFTWARE
          ? "software"
          : "hardware",
    canRenew: policy.canRenew,
    canPersist: policy.canPersist,
  };
}

function idOf(collection: string, name: string): string {
  const [found, id] = name.split("/");
  if (found !== collection || id === undefined || id === "") throw licenseTokenInvalid();
  return id;
}
