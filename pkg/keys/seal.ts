/** AES-256-GCM (NIST SP 800-38D) of a secret under a key at hand, bound to a context: what every keys adapter wraps with. */

import { createCipheriv, createDecipheriv, randomBytes } from "node:crypto";
import { errors } from "./errors.ts";
import type { KeyContext } from "./keys.ts";

const CIPHER = "aes-256-gcm";
const IV_BYTES = 12;
const TAG_BYTES = 16;

/** Of the keys that seal. */
export const SEAL_KEY_BYTES = 32;

/** The header in the clear, bound as the context is, then nonce, tag and ciphertext. */
export function seal(key: Uint8Array, header: Uint8Array, plaintext: Uint8Array, context: KeyContext): Uint8Array {
  const iv = randomBytes(IV_BYTES);
  const cipher = createCipheriv(CIPHER, key, iv, { authTagLength: TAG_BYTES });
  cipher.setAAD(additionalData(header, context));
  const body = Buffer.concat([cipher.update(plaintext), cipher.final()]);
  return Buffer.concat([header, iv, cipher.getAuthTag(), body]);
}

/** What was sealed with a header of this many bytes. Throws `KEY_UNWRAP_FAILED`. */
export function unseal(key: Uint8Array, headerBytes: number, sealed: Uint8Array, context: KeyContext): Uint8Array {
  const tagAt = headerBytes + IV_BYTES;
  const bodyAt = tagAt + TAG_BYTES;
  if (sealed.byteLength <= bodyAt) throw errors.KEY_UNWRAP_FAILED();
  const decipher = createDecipheriv(CIPHER, key, sealed.subarray(headerBytes, tagAt), { authTagLength: TAG_BYTES });
  decipher.setAAD(additionalData(sealed.subarray(0, headerBytes), context));
  decipher.setAuthTag(sealed.subarray(tagAt, bodyAt));
  const plaintext = decipher.update(sealed.subarray(bodyAt));
  try {
    decipher.final();
  } catch (error) {
    plaintext.fill(0);
    throw errors.KEY_UNWRAP_FAILED(error);
  }
  return plaintext;
}

/** The context with sorted names, so that the order in which it was written does not matter. */
function additionalData(header: Uint8Array, context: KeyContext): Buffer {
  const sorted = Object.entries(context).sort(([a], [b]) => (a < b ? -1 : 1));
  return Buffer.concat([header, Buffer.from(JSON.stringify(sorted))]);
}
