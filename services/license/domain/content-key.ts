/** What a content key is: one for each asset and class of tracks. */

/** Tracks that share a key. */
export type KeyClass = "audio" | "sd" | "hd" | "uhd" | "uhd2";

/** A key as it is stored: wrapped. */
export interface WrappedContentKey {
  /** 16 bytes. */
  readonly keyId: Uint8Array;
  readonly assetId: string;
  readonly keyClass: KeyClass;
  readonly wrappedKey: Uint8Array;
  readonly createdAt: Date;
}

/** The constant initialization vector that a track was encrypted with. */
export interface ContentKeyIv {
  readonly keyId: Uint8Array;
  /** The track's id. */
  readonly track: string;
  readonly constantIv: Uint8Array;
}

/** AES-128 (ISO/IEC 23001-7). */
export const KEY_BYTES = 16;
export const KEY_ID_BYTES = 16;

/** What the wrapping is bound to: the ciphertext of one row opens in no other. */
export function keyContext(key: Pick<WrappedContentKey, "keyId" | "assetId" | "keyClass">): Record<string, string> {
  return { purpose: "content-key", asset: key.assetId, kid: toKid(key.keyId), class: key.keyClass };
}

/** The key id as 32 hex digits, to compare and to log. */
export function toKid(keyId: Uint8Array): string {
  return Buffer.from(keyId.buffer, keyId.byteOffset, keyId.byteLength).toString("hex");
}
