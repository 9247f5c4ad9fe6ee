/** Protection system specific headers (ISO/IEC 23001-7 clause 8.1) as a manifest carries them. */

/** A version 1 box of the system (a UUID) with these key ids (32 hex digits each) and no data. */
export function keyIdsPssh(systemId: string, keyIds: readonly string[]): Buffer {
  const sizeBytes = 8 + 4 + 16 + 4 + 16 * keyIds.length + 4;
  const box = Buffer.alloc(sizeBytes);
  box.writeUInt32BE(sizeBytes, 0);
  box.write("pssh", 4, "latin1");
  box.writeUInt8(1, 8);
  Buffer.from(systemId.replaceAll("-", ""), "hex").copy(box, 12);
  box.writeUInt32BE(keyIds.length, 28);
  keyIds.forEach((keyId, index) => void Buffer.from(keyId, "hex").copy(box, 32 + 16 * index));
  return box;
}
