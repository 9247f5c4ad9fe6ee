/** A film file that was handed in, and where its original is. */

import type { Media } from "./media.ts";

export type AssetState = "uploading" | "inspecting" | "ready" | "rejected" | "deleted";
export type Protection = "clear" | "cbcs";

export interface Asset {
  readonly id: string;
  /** The account that handed it in. */
  readonly ownerId: string;
  readonly fileName: string;
  readonly state: AssetState;
  readonly protection: Protection;
  readonly sizeBytes: number;
  /** Lower-case hex, from `ready` on. */
  readonly sha256: string | undefined;
  /** From `ready` on. */
  readonly media: Media | undefined;
  readonly rejection: Rejection | undefined;
  /** Why its inspection stands still for now; nothing is wrong with the file. */
  readonly waiting: Rejection | undefined;
  /** Grows with every change. */
  readonly version: number;
  /** When its blobs are removed for good; once it is deleted. */
  readonly purgeAt: Date | undefined;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}

/** Why an original was refused: a stable reason, and a sentence for the person who uploaded it. */
export interface Rejection {
  readonly reason: string;
  readonly message: string;
}

/** An asset whose original is verified and archived. */
export type IngestedAsset = Asset & { readonly sha256: string; readonly media: Media };

/** Whose assets a caller may touch: one account's, or everyone's where `ownerId` is undefined. */
export interface Scope {
  readonly ownerId: string | undefined;
}

/** Changes with every change of the asset. */
export function etagOf(asset: Asset): string {
  return String(asset.version);
}

/** Everything that belongs to the asset in the blob store starts with this. */
export function blobPrefix(assetId: string): string {
  return `${assetId}/`;
}

/** The original's key in the blob store. */
export function originalKey(assetId: string): string {
  return `${blobPrefix(assetId)}original`;
}
