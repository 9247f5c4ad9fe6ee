/** Rows of ingestion's tables, and what they mean. */

import type { Row } from "#pkg/postgres/db";
import type { Asset, AssetState, Protection, Rejection } from "../domain/asset.ts";
import type { Media } from "../domain/media.ts";
import type { Upload, UploadState } from "../domain/upload.ts";

export const ASSET_COLUMNS =
  "id, owner_id, file_name, state, protection, size_bytes, sha256, media, rejection_reason, rejection_message, waiting, version, purge_at, created_at, updated_at";

export interface AssetRow extends Row {
  readonly id: string;
  readonly owner_id: string;
  readonly file_name: string;
  readonly state: string;
  readonly protection: string;
  readonly size_bytes: string;
  readonly sha256: string | null;
  readonly media: Media | null;
  readonly rejection_reason: string | null;
  readonly rejection_message: string | null;
  readonly waiting: Rejection | null;
  readonly version: number;
  readonly purge_at: Date | null;
  readonly created_at: Date;
  readonly updated_at: Date;
}

export function toAsset(row: AssetRow): Asset {
  return {
    id: row.id,
    ownerId: row.owner_id,
    fileName: row.file_name,
    state: row.state as AssetState,
    protection: row.protection as Protection,
    sizeBytes: Number(row.size_bytes),
    sha256: row.sha256 ?? undefined,
    media: row.media ?? undefined,
    rejection:
      row.rejection_reason === null
        ? undefined
        : { reason: row.rejection_reason, message: row.rejection_message ?? "" },
    waiting: (row.state === "inspecting" ? row.waiting : null) ?? undefined,
    version: row.version,
    purgeAt: row.purge_at ?? undefined,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  };
}

export const UPLOAD_COLUMNS =
  "id, asset_id, owner_id, file_name, size_bytes, part_size_bytes, part_count, multipart_id, state, sha256, expires_at, created_at";

export interface UploadRow extends Row {
  readonly id: string;
  readonly asset_id: string;
  readonly owner_id: string;
  readonly file_name: string;
  readonly size_bytes: string;
  readonly part_size_bytes: string;
  readonly part_count: number;
  readonly multipart_id: string | null;
  readonly state: string;
  readonly sha256: string | null;
  readonly expires_at: Date;
  readonly created_at: Date;
}

export function toUpload(row: UploadRow): Upload {
  return {
    id: row.id,
    assetId: row.asset_id,
    ownerId: row.owner_id,
    fileName: row.file_name,
    sizeBytes: Number(row.size_bytes),
    partSizeBytes: Number(row.part_size_bytes),
    partCount: row.part_count,
    multipartId: row.multipart_id ?? undefined,
    state: row.state as UploadState,
    sha256: row.sha256 ?? undefined,
    expiresAt: row.expires_at,
    createdAt: row.created_at,
  };
}
