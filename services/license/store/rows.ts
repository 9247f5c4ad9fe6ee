/** Rows of the license schema to domain values and back. */

import type { ContentKeyIv, KeyClass, WrappedContentKey } from "../domain/content-key.ts";
import type { KeySystem, LicenseRecord } from "../domain/record.ts";

export type ContentKeyRow = {
  readonly key_id: Buffer;
  readonly asset_id: string;
  readonly track_class: KeyClass;
  readonly wrapped_key: Buffer;
  readonly created_at: Date;
};

export function toContentKey(row: ContentKeyRow): WrappedContentKey {
  return {
    keyId: row.key_id,
    assetId: row.asset_id,
    keyClass: row.track_class,
    wrappedKey: row.wrapped_key,
    createdAt: row.created_at,
  };
}

export type ContentKeyIvRow = {
  readonly key_id: Buffer;
  readonly track: string;
  readonly constant_iv: Buffer;
};

export function toContentKeyIv(row: ContentKeyIvRow): ContentKeyIv {
  return { keyId: row.key_id, track: row.track, constantIv: row.constant_iv };
}

export type LicenseRecordRow = {
  readonly id: string;
  readonly created_at: Date;
  readonly key_system: KeySystem;
  readonly refusal_reason: string | null;
  readonly play_session_id: string | null;
  readonly account_id: string | null;
  readonly asset_id: string | null;
  readonly requested_key_ids: Buffer[];
  readonly issued_key_ids: Buffer[];
  readonly remote_address: string;
  readonly trace_id: string;
};

export function toRecord(row: LicenseRecordRow): LicenseRecord {
  return {
    id: row.id,
    createdAt: row.created_at,
    keySystem: row.key_system,
    refusalReason: row.refusal_reason ?? undefined,
    playSessionId: row.play_session_id ?? undefined,
    accountId: row.account_id ?? undefined,
    assetId: row.asset_id ?? undefined,
    requestedKeyIds: row.requested_key_ids,
    issuedKeyIds: row.issued_key_ids,
    remoteAddress: row.remote_address,
    traceId: row.trace_id,
  };
}
