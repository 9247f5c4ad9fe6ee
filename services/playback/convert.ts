/** Between the contracts of playback and its domain. */

import { create, fromJson, type JsonValue, toJson } from "@bufbuild/protobuf";
import { durationFromMs, durationMs, timestampDate, timestampFromDate } from "@bufbuild/protobuf/wkt";
import { Protection, Ceiling as ProtoCeiling, TrackClass as ProtoClass } from "#gen/matinee/common/v1/media_pb";
import { KeySystem as ProtoKeySystem } from "#gen/matinee/license/v1/license_record_pb";
import { Manifest_Format, type Package } from "#gen/matinee/packager/v1/package_pb";
import {
  KeyPolicy_Hdcp,
  KeyPolicy_Robustness,
  type PlayGrant,
  PlayGrantSchema,
} from "#gen/matinee/playback/v1/play_grant_pb";
import { Device_Kind, PlaySession_State, type Device as ProtoDevice } from "#gen/matinee/playback/v1/play_session_pb";
import { requireId } from "#pkg/aip/resource-name";
import type { Ceiling } from "./domain/ceiling.ts";
import type { Format, Grant, HeldGrant, KeySystem, PlayablePackage, TrackClass } from "./domain/grant.ts";
import type { Device, PlaySession } from "./domain/session.ts";

const CEILINGS: ReadonlyMap<number, Ceiling> = new Map([
  [ProtoCeiling.SD, "sd"],
  [ProtoCeiling.HD, "hd"],
  [ProtoCeiling.UHD, "uhd"],
]);

const CLASSES: ReadonlyMap<number, TrackClass> = new Map([
  [ProtoClass.AUDIO, "audio"],
  [ProtoClass.SD, "sd"],
  [ProtoClass.HD, "hd"],
  [ProtoClass.UHD, "uhd"],
]);

const FORMATS: ReadonlyMap<number, Format> = new Map([
  [Manifest_Format.DASH, "dash"],
  [Manifest_Format.HLS, "hls"],
]);

const KEY_SYSTEMS: ReadonlyMap<number, KeySystem> = new Map([
  [ProtoKeySystem.CLEARKEY, "clearkey"],
  [ProtoKeySystem.WIDEVINE, "widevine"],
  [ProtoKeySystem.PLAYREADY, "playready"],
  [ProtoKeySystem.FAIRPLAY, "fairplay"],
]);

const DEVICE_KINDS: ReadonlyMap<number, Device["kind"]> = new Map([
  [Device_Kind.WEB, "web"],
  [Device_Kind.TV, "tv"],
  [Device_Kind.MOBILE, "mobile"],
]);

const HDCP = { none: KeyPolicy_Hdcp.UNSPECIFIED, v1: KeyPolicy_Hdcp.V1, v2_2: KeyPolicy_Hdcp.V2_2 };
const ROBUSTNESS = {
  none: KeyPolicy_Robustness.UNSPECIFIED,
  software: KeyPolicy_Robustness.SOFTWARE,
  hardware: KeyPolicy_Robustness.HARDWARE,
};

/** The contract's number for a name of ours. */
function numberOf<T>(names: ReadonlyMap<number, T>, name: T): number {
  for (const [number, candidate] of names) if (candidate === name) return number;
  return 0;
}

function known<T>(names: ReadonlyMap<number, T>, numbers: readonly number[]): T[] {
  return numbers.flatMap((number) => names.get(number) ?? []);
}

export function formatToProto(format: Format): Manifest_Format {
  return numberOf(FORMATS, format) as Manifest_Format;
}

/** Undefined for one that this release does not know. */
export function keySystemFromProto(system: ProtoKeySystem): KeySystem | undefined {
  return KEY_SYSTEMS.get(system);
}

export function keySystemToProto(system: KeySystem): ProtoKeySystem {
  return numberOf(KEY_SYSTEMS, system) as ProtoKeySystem;
}

/** What the device can do, in its order of preference; kinds that this release does not know are passed over. */
export function deviceFromProto(device: ProtoDevice) {
  const formats = known(FORMATS, device.formats);
  return {
    device: {
      id: device.id,
      kind: DEVICE_KINDS.get(device.kind) ?? "",
      displayName: device.displayName || "a device without a name",
    } satisfies Device,
    formats: formats.length === 0 ? (["dash"] as const) : formats,
    keySystems: known(KEY_SYSTEMS, device.keySystems),
    maxHeight: device.maxHeight,
  };
}

export function packageFromProto(pack: Package): PlayablePackage {
  return {
    id: requireId("packages", pack.name),
    revision: pack.revision,
    assetId: requireId("assets", pack.asset),
    isEncrypted: pack.protection !== Protection.CLEAR,
    durationMs: pack.duration === undefined ? 0 : durationMs(pack.duration),
    manifests: pack.manifests.flatMap(({ format, ceiling, path }) => {
      const [knownFormat, knownCeiling] = [FORMATS.get(format), CEILINGS.get(ceiling)];
      if (knownFormat === undefined || knownCeiling === undefined) return [];
      return [{ format: knownFormat, ceiling: knownCeiling, path }];
    }),
    tracks: pack.tracks.flatMap(({ trackClass, path }) => {
      const known = CLASSES.get(trackClass);
      return known === undefined ? [] : [{ trackClass: known, path }];
    }),
  };
}

export function grantToJson(grant: Grant): object {
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
  return toJson(PlayGrantSchema, message) as object;
}

const held = new WeakMap<object, HeldGrant>();

/** The grant of a verified play token's claims. The same claims come with every call, so they are read once. */
export function heldGrantOf(claims: Readonly<Record<string, unknown>>): HeldGrant {
  const known = held.get(claims);
  if (known !== undefined) return known;
  const json = claims.grant as object;
  const grant = fromJson(PlayGrantSchema, json as JsonValue, { ignoreUnknownFields: true });
  const read: HeldGrant = {
    sessionId: requireId("playSessions", grant.playSession),
    accountId: requireId("accounts", grant.account),
    profileId: requireId("profiles", grant.profile),
    titleId: requireId("titles", grant.title),
    territory: grant.territory,
    rightsEndAt: grant.rightsEndTime && timestampDate(grant.rightsEndTime),
    tokenExpiresAt: new Date(Number(claims.exp) * 1000),
    grant: json,
  };
  held.set(claims, read);
  return read;
}

/** The same grant until another end of the rights. */
export function grantJsonUntil(grantJson: object, rightsEndAt: Date | undefined): object {
  const grant: PlayGrant = fromJson(PlayGrantSchema, grantJson as JsonValue, { ignoreUnknownFields: true });
  if (rightsEndAt === undefined) delete grant.rightsEndTime;
  else grant.rightsEndTime = timestampFromDate(rightsEndAt);
  return toJson(PlayGrantSchema, grant) as object;
}

export function sessionToProto(session: PlaySession, leaseEndsAt: Date) {
  return {
    name: `playSessions/${session.id}`,
    title: `titles/${session.titleId}`,
    displayTitle: session.displayTitle,
    state: session.endedAt === undefined ? PlaySession_State.ACTIVE : PlaySession_State.ENDED,
    createTime: timestampFromDate(session.startedAt),
    expireTime: timestampFromDate(leaseEndsAt),
  };
}
