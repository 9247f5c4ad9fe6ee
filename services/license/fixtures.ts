/** Play tokens as playback signs them, keys as the packager gets them, and licence requests as players send them. */

import assert from "node:assert/strict";
import type { MessageInitShape } from "@bufbuild/protobuf";
import { durationFromMs, timestampFromDate } from "@bufbuild/protobuf/wkt";
import { TrackClass } from "#gen/matinee/common/v1/media_pb";
import { LicenseService } from "#gen/matinee/license/v1/license_service_pb";
import { KeyPolicy_Hdcp, KeyPolicy_Robustness, PlayGrantSchema } from "#gen/matinee/playback/v1/play_grant_pb";
import { newId } from "#pkg/clock/clock";
import { type Caller, messageClaim, operator, playSession, service, type TestPlatform } from "#pkg/testkit/module";

export const AUDITOR = operator(["licenses.read"]);

export type TokenCaller = Exclude<Caller, { kind: "service" }>;

export interface Play {
  readonly session: string;
  readonly asset: string;
  readonly account?: string;
  readonly classes?: readonly TrackClass[];
  readonly territory?: string;
  readonly rightsEndAt?: Date;
  readonly lifeMs?: number;
  readonly use?: string;
  /** Fields of the grant in place of its own. */
  readonly grant?: MessageInitShape<typeof PlayGrantSchema>;
}

/** A play token as playback signs it. */
export function playToken(platform: TestPlatform, play: Play): Promise<string> {
  const grant = messageClaim(PlayGrantSchema, {
    playSession: `playSessions/${play.session}`,
    account: `accounts/${play.account ?? newId()}`,
    asset: `assets/${play.asset}`,
    territory: play.territory ?? "US",
    ...(play.rightsEndAt === undefined ? {} : { rightsEndTime: timestampFromDate(play.rightsEndAt) }),
    keyPolicies: (play.classes ?? [TrackClass.AUDIO, TrackClass.SD]).map((trackClass) => ({
      trackClass,
      licenseDuration: durationFromMs(300_000),
      minHdcp: KeyPolicy_Hdcp.NONE,
      minRobustness: KeyPolicy_Robustness.NONE,
    })),
    ...play.grant,
  });
  const claims = { sub: play.session, grant, use: play.use ?? "play" };
  return platform.token(playSession(claims) as TokenCaller, { lifeMs: play.lifeMs ?? 300_000 });
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly reason: string | undefined;
  readonly message: string | undefined;
  /** Key by key id, in hex. */
  readonly keys: ReadonlyMap<string, string>;
}

export async function askLicense(
  platform: TestPlatform,
  ask: {
    readonly session: string;
    readonly token?: string | undefined;
    readonly keyIds?: readonly Uint8Array[];
    readonly body?: string;
    readonly system?: string;
    readonly headers?: Readonly<Record<string, string>>;
  },
): Promise<Answer> {
  const kids = (ask.keyIds ?? []).map((keyId) => Buffer.from(keyId).toString("base64url"));
  const response = await fetch(`${platform.url}/license/${ask.system ?? "clearkey"}?session=${ask.session}`, {
    method: "POST",
    headers: { ...(ask.token === undefined ? {} : { authorization: `Bearer ${ask.token}` }), ...ask.headers },
    body: ask.body ?? JSON.stringify({ kids, type: "temporary" }),
  });
  const body = (await response.json()) as {
    keys?: { kid: string; k: string }[];
    message?: string;
    details?: { debug?: { reason?: string } }[];
  };
  const hex = (text: string) => Buffer.from(text, "base64url").toString("hex");
  return {
    status: response.status,
    headers: response.headers,
    reason: JSON.stringify(body.details ?? "").match(/"reason":"([A-Z_]+)"/)?.[1],
    message: body.message,
    keys: new Map((body.keys ?? []).map(({ kid, k }) => [hex(kid), hex(k)])),
  };
}

/** Keys of all classes of a new asset, as the packager gets them. */
export async function makeKeys(platform: TestPlatform, asset = newId()) {
  const packager = platform.client(LicenseService, { as: service("packager") });
  const { contentKeys } = await packager.ensureContentKeys({
    content: `assets/${asset}`,
    trackClasses: [TrackClass.AUDIO, TrackClass.SD, TrackClass.HD],
  });
  const of = (trackClass: TrackClass) => {
    const key = contentKeys.find((candidate) => candidate.trackClass === trackClass);
    assert.ok(key);
    return key;
  };
  return { asset, audio: of(TrackClass.AUDIO), sd: of(TrackClass.SD), hd: of(TrackClass.HD) };
}

export const hexOf = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");
