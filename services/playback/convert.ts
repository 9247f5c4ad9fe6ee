/** Between the contracts of playback and its domain. */

import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { durationFromMs, durationMs, timestampDate, timestampFromDate } from "@bufbuild/protobuf/wkt";
import {
  type KeySystem,
  ManifestFormat,
  Protection,
  Ceiling as ProtoCeiling,
  TrackClass as ProtoClass,
} from "#gen/matinee/common/v1/media_pb";
import type { Package } from "#gen/matinee/packager/v1/package_pb";
import {
  KeyPolicy_Hdcp,
  KeyPolicy_Robustness,
  type PlayGrant,
  PlayGrantSchema,
} from "#gen/matinee/playback/v1/play_grant_pb";
import { Device_Kind, PlaySession_State, type Device as ProtoDevice } from "#gen/matinee/playback/v1/play_session_pb";
import { requireId, requireRevision } from "#pkg/aip/resource-name";
import { errors as authErrors } from "#pkg/auth/errors";
import type { Ceiling } from "./domain/ceiling.ts";
import type { Format, Grant, HeldGrant, OfferedKeySystem, PlayablePackage, TrackClass } from "./domain/grant.ts";
import type { Device, PlaySession } from "./domain/session.ts";
import { errors } from "./errors.ts";

const CEILINGS: ReadonlyMap<number, Ceiling> = new Map([
  [ProtoCeiling.SD, "sd"],
  [ProtoCeiling.HD, "hd"],
  [ProtoCeiling.UHD, "uhd"],
  [ProtoCeiling.UHD2, "uhd2"],
]);

const CLASSES: ReadonlyMap<number, TrackClass> = new Map([
  [ProtoClass.AUDIO, "audio"],
  [ProtoClass.SD, "sd"],
  [ProtoClass.HD, "hd"],
  [ProtoClass.UHD, "uhd"],
  [ProtoClass.UHD2, "uhd2"],
]);

const FORMATS: ReadonlyMap<number, Format> = new Map([
  [ManifestFormat.DASH, "dash"],
  [ManifestFormat.HLS, "hls"],
]);

const DEVICE_KINDS: ReadonlyMap<number, Device["kind"]> = new Map([
  [Device_Kind.WEB, "web"],
  [Device_Kind.TV, "tv"],
  [Device_Kind.MOBILE, "mobile"],
]);

const HDCP = {
  none: KeyPolicy_Hdcp.NONE,
  v1: KeyPolicy_Hdcp.V1,
  v2_2: KeyPolicy_Hdcp.V2_2,
  v2_3: KeyPolicy_Hdcp.V2_3,
};
const ROBUSTNESS = {
  none: KeyPolicy_Robustness.NONE,
  software_crypto: KeyPolicy_Robustness.SOFTWARE_CRYPTO,
  hardware_all: KeyPolicy_Robustness.HARDWARE_ALL,
};

/** Entries of a grant's `critical` that this release acts on. */
const UNDERSTOOD: ReadonlySet<string> = new Set();

/** The contract's number for a name of ours. */
function numberOf<T>(names: ReadonlyMap<number, T>, name: T): number {
  for (const [number, candidate] of names) if (candidate === name) return number;
  return 0;
}

function known<T>(names: ReadonlyMap<number, T>, numbers: readonly number[]): T[] {
  return numbers.flatMap((number) => names.get(number) ?? []);
}

export function toProtoFormat(format: Format): ManifestFormat {
  return numberOf(FORMATS, format) as ManifestFormat;
}

export function toProtoLicenseServer({ keySystem, uri, emeNames }: OfferedKeySystem) {
  return { keySystem: keySystem as KeySystem, uri, emeNames: [...emeNames] };
}

/** What the device can do, in its order of preference; kinds that this release does not know are passed over. */
export function fromProtoDevice(device: ProtoDevice) {
  const formats = known(FORMATS, device.formats);
  return {
    device: {
      id: device.id,
      kind: DEVICE_KINDS.get(device.kind) ?? "",
      displayName: device.displayName || "a device without a name",
    } satisfies Device,
    formats: formats.length === 0 ? (["dash"] as const) : formats,
    keySystems: device.keySystems,
    maxHeight: device.maxHeight,
  };
}

export function fromProtoPackage(pack: Package): PlayablePackage {
  return {
    id: requireRevision("packages", pack.name).id,
    revision: pack.revision,
    assetId: requireId("assets", pack.asset),
    isEncrypted: pack.protection !== Protection.CLEAR,
    durationMs: pack.duration === undefined ? 0 : durationMs(pack.duration),
    manifests: pack.manifests.map(({ format, ceiling, path }) => {
      return { format: FORMATS.get(format), ceiling: CEILINGS.get(ceiling), path };
    }),
    tracks: pack.tracks
      .filter(({ trackClass }) => trackClass !== ProtoClass.UNSPECIFIED)
      .map(({ trackClass, path }) => ({ trackClass: CLASSES.get(trackClass), path })),
  };
}

/** The grant as a token's claim. */
export function grantToClaim(grant: Grant): string {
  const { pack } = grant;
  const message = create(PlayGrantSchema, {
    playSession: `playSessions/${grant.sessionId}`,
    account: `accounts/${grant.accountId}`,
    profile: `profiles/${grant.profileId}`,
    title: `titles/${grant.titleId}`,
    asset: `assets/${pack.assetId}`,
    package: `packages/${pack.id}`,
    revision: pack.revision,
    protection: pack.isEncrypted ? Protection.CBCS : Protection.CLEAR,
    ceiling: numberOf(CEILINGS, grant.ceiling) as ProtoCeiling,
    territory: grant.territory,
    ...(grant.rightsEndAt === undefined ? {} : { rightsEndTime: timestampFromDate(grant.rightsEndAt) }),
    keyPolicies: grant.policies.map((policy) => ({
      trackClass: numberOf(CLASSES, policy.trackClass) as ProtoClass,
      licenseDuration: durationFromMs(policy.licenseDurationMs),
      minHdcp: HDCP[policy.minHdcp],
      minRobustness: ROBUSTNESS[policy.minRobustness],
      canRenew: true,
    })),
    deviceId: grant.deviceId,
  });
  return toClaim(message);
}

const held = new WeakMap<object, HeldGrant>();

/**
 * The grant of a verified play token's claims. The same claims come with every call, so they are read once. Throws
 * `TOKEN_INVALID`, `PLAY_GRANT_NOT_UNDERSTOOD`.
 */
export function heldGrantOf(claims: Readonly<Record<string, unknown>>): HeldGrant {
  const known = held.get(claims);
  if (known !== undefined) return known;
  if (typeof claims.grant !== "string") throw authErrors.TOKEN_INVALID();
  const grant = fromClaim(claims.grant);
  const unknown = grant.critical.find((entry) => !UNDERSTOOD.has(entry));
  if (unknown !== undefined) throw errors.PLAY_GRANT_NOT_UNDERSTOOD(unknown);
  const read: HeldGrant = {
    sessionId: requireId("playSessions", grant.playSession),
    accountId: requireId("accounts", grant.account),
    profileId: requireId("profiles", grant.profile),
    titleId: requireId("titles", grant.title),
    territory: grant.territory,
    rightsEndAt: grant.rightsEndTime && timestampDate(grant.rightsEndTime),
    tokenExpiresAt: new Date(Number(claims.exp) * 1000),
    claim: claims.grant,
  };
  held.set(claims, read);
  return read;
}

/** The same grant until another end of the rights. */
export function claimUntil(claim: string, rightsEndAt: Date | undefined): string {
  const grant = fromClaim(claim);
  if (rightsEndAt === undefined) delete grant.rightsEndTime;
  else grant.rightsEndTime = timestampFromDate(rightsEndAt);
  return toClaim(grant);
}

function toClaim(grant: PlayGrant): string {
  return Buffer.from(toBinary(PlayGrantSchema, grant)).toString("base64url");
}

function fromClaim(claim: string): PlayGrant {
  try {
    return fromBinary(PlayGrantSchema, Buffer.from(claim, "base64url"));
  } catch (error) {
    throw authErrors.TOKEN_INVALID(error);
  }
}

export function toProtoSession(session: PlaySession, leaseEndsAt: Date) {
  return {
    name: `playSessions/${session.id}`,
    title: `titles/${session.titleId}`,
    displayTitle: session.displayTitle,
    state: session.endedAt === undefined ? PlaySession_State.ACTIVE : PlaySession_State.ENDED,
    createTime: timestampFromDate(session.startedAt),
    expireTime: timestampFromDate(leaseEndsAt),
    deviceDisplayName: session.device.displayName,
    deviceKind: numberOf(DEVICE_KINDS, session.device.kind) as Device_Kind,
  };
}
