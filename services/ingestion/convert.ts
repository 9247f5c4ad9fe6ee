/** Between ingestion's contracts and its domain. */

import type { MessageInitShape } from "@bufbuild/protobuf";
import { durationFromMs, timestampFromDate } from "@bufbuild/protobuf/wkt";
import { Protection as ProtoProtection } from "#gen/matinee/common/v1/media_pb";
import { Asset_State, type AssetSchema, type MediaInfoSchema } from "#gen/matinee/ingestion/v1/asset_pb";
import type {
  AssetChangedSchema,
  AssetDeletedSchema,
  AssetIngestedSchema,
  AssetRejectedSchema,
} from "#gen/matinee/ingestion/v1/events_pb";
import {
  type SignedPartSchema,
  type StoredPartSchema,
  Upload_State,
  type UploadSchema,
} from "#gen/matinee/ingestion/v1/upload_pb";
import type { PartInfo, SignedRequest } from "#pkg/blobstore/blobstore";
import {
  type Asset,
  type AssetState,
  etagOf,
  type IngestedAsset,
  originalKey,
  type Protection,
  type Rejection,
} from "./domain/asset.ts";
import type { Media } from "./domain/media.ts";
import type { Upload, UploadState } from "./domain/upload.ts";

const ASSET_STATES = {
  uploading: Asset_State.UPLOADING,
  inspecting: Asset_State.INSPECTING,
  ready: Asset_State.READY,
  rejected: Asset_State.REJECTED,
  deleted: Asset_State.DELETED,
} as const satisfies Record<AssetState, Asset_State>;

const UPLOAD_STATES = {
  active: Upload_State.ACTIVE,
  completing: Upload_State.COMPLETING,
  completed: Upload_State.COMPLETED,
  aborted: Upload_State.ABORTED,
  expired: Upload_State.EXPIRED,
} as const satisfies Record<UploadState, Upload_State>;

const PROTECTIONS = {
  clear: ProtoProtection.CLEAR,
  cbcs: ProtoProtection.CBCS,
} as const satisfies Record<Protection, ProtoProtection>;

export function fromProtection(protection: ProtoProtection): Protection {
  return protection === ProtoProtection.CLEAR ? "clear" : "cbcs";
}

/** Undefined for "unspecified" and for states that this release does not know. */
export function fromAssetState(state: Asset_State): AssetState | undefined {
  return (Object.keys(ASSET_STATES) as AssetState[]).find((known) => ASSET_STATES[known] === state);
}

/** `assets/{uuid}`. */
export function assetName(id: string): string {
  return `assets/${id}`;
}

export function toProtoAsset(asset: Asset): MessageInitShape<typeof AssetSchema> {
  return {
    name: assetName(asset.id),
    fileName: asset.fileName,
    state: ASSET_STATES[asset.state],
    protection: PROTECTIONS[asset.protection],
    sizeBytes: BigInt(asset.sizeBytes),
    sha256: asset.sha256 ?? "",
    ...(asset.media && { media: toProtoMedia(asset.media) }),
    ...(asset.rejection && { rejection: asset.rejection }),
    ...(asset.waiting && { waiting: asset.waiting }),
    owner: ownerName(asset.ownerId),
    createTime: timestampFromDate(asset.createdAt),
    updateTime: timestampFromDate(asset.updatedAt),
    etag: etagOf(asset),
    ...(asset.purgeAt && { purgeTime: timestampFromDate(asset.purgeAt) }),
  };
}

/** As it stands in a list: without the keyframes, which would make a page of long films too large to send. */
export function toListedAsset(asset: Asset): MessageInitShape<typeof AssetSchema> {
  const { media } = asset;
  return toProtoAsset(media ? { ...asset, media: { ...media, video: { ...media.video, keyframes: [] } } } : asset);
}

export function toProtoUpload(upload: Upload): MessageInitShape<typeof UploadSchema> {
  return {
    name: `uploads/${upload.id}`,
    asset: assetName(upload.assetId),
    fileName: upload.fileName,
    sizeBytes: BigInt(upload.sizeBytes),
    partSizeBytes: BigInt(upload.partSizeBytes),
    partCount: upload.partCount,
    state: UPLOAD_STATES[upload.state],
    expireTime: timestampFromDate(upload.expiresAt),
    createTime: timestampFromDate(upload.createdAt),
  };
}

export function toProtoStoredPart(part: PartInfo): MessageInitShape<typeof StoredPartSchema> {
  return { number: part.number, sizeBytes: BigInt(part.sizeBytes), sha256: part.sha256 };
}

export function toProtoSignedPart(number: number, request: SignedRequest): MessageInitShape<typeof SignedPartSchema> {
  return {
    number,
    url: request.url,
    headers: { ...request.headers },
    expireTime: timestampFromDate(request.expiresAt),
  };
}

export function toAssetIngested(asset: IngestedAsset): MessageInitShape<typeof AssetIngestedSchema> {
  return {
    asset: assetName(asset.id),
    owner: ownerName(asset.ownerId),
    fileName: asset.fileName,
    original: {
      store: "originals",
      key: originalKey(asset.id),
      sha256: asset.sha256,
      sizeBytes: BigInt(asset.sizeBytes),
    },
    media: toProtoMedia(asset.media),
    protection: PROTECTIONS[asset.protection],
  };
}

export function toAssetRejected(asset: Asset, rejection: Rejection): MessageInitShape<typeof AssetRejectedSchema> {
  return {
    asset: assetName(asset.id),
    owner: ownerName(asset.ownerId),
    fileName: asset.fileName,
    reason: rejection.reason,
    message: rejection.message,
  };
}

export function toAssetDeleted(asset: Asset): MessageInitShape<typeof AssetDeletedSchema> {
  return { asset: assetName(asset.id) };
}

export function toAssetChanged(asset: Asset, upload: Upload | undefined): MessageInitShape<typeof AssetChangedSchema> {
  return {
    asset: toListedAsset(asset),
    ...(upload?.state === "active" && { upload: toProtoUpload(upload) }),
  };
}

function ownerName(accountId: string): string {
  return `accounts/${accountId}`;
}

function toProtoMedia(media: Media): MessageInitShape<typeof MediaInfoSchema> {
  const { video } = media;
  return {
    container: media.container,
    duration: durationFromMs(Math.round(media.durationSeconds * 1000)),
    video: {
      streamIndex: video.index,
      codec: video.codec,
      displayWidth: video.displayWidth,
      displayHeight: video.displayHeight,
      frameRate: { numerator: BigInt(video.frameRate.num), denominator: BigInt(video.frameRate.den) },
      frameCount: BigInt(video.frameCount),
      rotation: video.rotation,
      pixelFormat: video.pixelFormat,
      colorTransfer: video.colorTransfer,
      isConstantFrameRate: video.isConstantFrameRate,
      keyframes: video.keyframes.map(BigInt),
    },
    audio: media.audio.map((track) => ({
      streamIndex: track.index,
      codec: track.codec,
      language: track.language,
      channels: track.channels,
      sampleRate: track.sampleRate,
      isDefault: track.isDefault,
      isAudioDescription: track.isDescription,
      title: track.title,
    })),
    text: media.text.map((track) => ({
      streamIndex: track.index,
      codec: track.codec,
      language: track.language,
      isDefault: track.isDefault,
      isForced: track.isForced,
      isSdh: track.isSdh,
      title: track.title,
    })),
  };
}
