/** Base64 of secrets into bytes instead of a string: a string cannot be zeroed and stays in the heap. */

const STANDARD = Buffer.from("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/");
const URL_SAFE = Buffer.from("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_");
const PADDING = 0x3d;

/** RFC 4648 section 4, with padding, as ASCII; zero it after use. */
export function base64Bytes(bytes: Uint8Array): Buffer {
  return encode(bytes, STANDARD, Buffer.alloc(4 * Math.ceil(bytes.byteLength / 3), PADDING));
}

/** RFC 4648 section 5, without padding, as ASCII; zero it after use. */
export function base64UrlBytes(bytes: Uint8Array): Buffer {
  return encode(bytes, URL_SAFE, Buffer.alloc(Math.ceil((bytes.byteLength * 4) / 3)));
}

function encode(bytes: Uint8Array, alphabet: Uint8Array, text: Buffer): Buffer {
  const digits = Math.ceil((bytes.byteLength * 4) / 3);
  let at = 0;
  for (let index = 0; index < bytes.byteLength; index += 3) {
    const group = ((bytes[index] ?? 0) << 16) | ((bytes[index + 1] ?? 0) << 8) | (bytes[index + 2] ?? 0);
    for (let shift = 18; shift >= 0 && at < digits; shift -= 6) text[at++] = alphabet[(group >> shift) & 63] ?? 0;
  }
  return text;
}
