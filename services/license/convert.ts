/** Domain values to and from the license contract. */

import type { MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import { KeySystem as KeySystemProto, TrackClass } from "#gen/matinee/common/v1/media_pb";
import type { ContentKeySchema } from "#gen/matinee/license/v1/content_key_pb";
import {
  type KeySystemStatusSchema,
  type LicenseRecordSchema,
  KeySystemStatus_Trust as TrustProto,
} from "#gen/matinee/license/v1/license_record_pb";
import type { SecretBytes } from "#pkg/keys/keys";
import type { ClearContentKey } from "./content-keys.ts";
import type { KeyClass } from "./domain/content-key.ts";
import type { KeySystem, LicenseRecord } from "./domain/record.ts";
import type { Trust } from "./drm/engine.ts";
import type { SystemStatus } from "./drm/systems.ts";

const KEY_SYSTEM: Readonly<Record<KeySystem, KeySystemProto>> = {
  clearkey: KeySystemProto.CLEARKEY,
  widevine: KeySystemProto.WIDEVINE,
  playready: KeySystemProto.PLAYREADY,
  fairplay: KeySystemProto.FAIRPLAY,
};

const KEY_CLASS: Readonly<Record<KeyClass, TrackClass>> = {
  audio: TrackClass.AUDIO,
  sd: TrackClass.SD,
  hd: TrackClass.HD,
  uhd: TrackClass.UHD,
  uhd2: TrackClass.UHD2,
};

const TRUST: Readonly<Record<Trust, TrustProto>> = {
  none: TrustProto.NONE,
  "synthetic-test": TrustProto.SYNTHETIC_TEST,
  production: TrustProto.PRODUCTION,
};

/** Classes that validation has let through. */
export function toKeyClasses(values: readonly TrackClass[]): KeyClass[] {
  return values.flatMap((value) => toKeyClass(value) ?? []);
}

/** Undefined for a class that has no key. */
export function toKeyClass(value: TrackClass): KeyClass | undefined {
  switch (value) {
    case TrackClass.AUDIO:
      return "audio";
    case TrackClass.SD:
      return "sd";
    case TrackClass.HD:
      return "hd";
    case TrackClass.UHD:
      return "uhd";
    case TrackClass.UHD2:
      return "uhd2";
    default:
      return undefined;
  }
}

export function toProtoRecord(record: LicenseRecord): MessageInitShape<typeof LicenseRecordSchema> {
  return {
    name: `licenseRecords/${record.id}`,
    createTime: timestampFromDate(record.createdAt),
    keySystem: KEY_SYSTEM[record.keySystem],
    isIssued: record.refusalReason === undefined,
    refusalReason: record.refusalReason ?? "",
    playSession: nameOf("playSessions", record.playSessionId),
    account: nameOf("accounts", record.accountId),
    asset: nameOf("assets", record.assetId),
    requestedKeyIds: record.requestedKeyIds.map((keyId) => new Uint8Array(keyId)),
    issuedKeyIds: record.issuedKeyIds.map((keyId) => new Uint8Array(keyId)),
    remoteAddress: record.remoteAddress,
    traceId: record.traceId,
  };
}

export function toProtoContentKey(
  key: ClearContentKey,
  secret: SecretBytes,
): MessageInitShape<typeof ContentKeySchema> {
  return {
    keyId: new Uint8Array(key.keyId),
    key: new Uint8Array(secret.reveal()),
    trackClass: KEY_CLASS[key.keyClass],
  };
}

export function toProtoStatus(status: SystemStatus): MessageInitShape<typeof KeySystemStatusSchema> {
  return {
    keySystem: KEY_SYSTEM[status.system],
    trust: TRUST[status.trust],
    isEnabled: status.isEnabled,
    note: status.note,
    uri: `/license/${status.system}`,
    emeNames: [...status.emeNames],
    systemId: status.systemId,
    hlsKeyFormat: status.hlsKeyFormat,
  };
}

function nameOf(collection: string, id: string | undefined): string {
  return id === undefined ? "" : `${collection}/${id}`;
}
