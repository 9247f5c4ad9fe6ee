/** Protection system specific headers (ISO/IEC 23001-7 clause 8.1) as a manifest carries them. */

/** The W3C's "common" system: lists key ids and means nobody's DRM in particular. */
export const COMMON_SYSTEM_ID = "1077efec-c0b2-4d02-ace3-3c1e52e2fb4b";

/** A version 1 box with these key ids (32 hex digits each) and no data. */
export function commonPssh(keyIds: readonly string[]): Buffer {
  const systemId = Buffer.from(COMMON_SYSTEM_ID.replaceAll("-", ""), "hex");
  const sizeBytes = 8 + 4 + 16 + 4 + 16 * keyIds.length + 4;
  const box = Buffer.alloc(sizeBytes);
  box.writeUInt32BE(sizeBytes, 0);
  box.write("pssh", 4, "latin1");
  box.writeUInt8(1, 8);
  systemId.copy(box, 12);
  box.writeUInt32BE(keyIds.length, 28);
  keyIds.forEach((keyId, index) => void Buffer.from(keyId, "hex").copy(box, 32 + 16 * index));
  return box;
}
