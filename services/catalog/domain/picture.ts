/** How large pictures are, from their first bytes. */

/** From the frame header (ITU-T T.81, B.2.2); undefined where the bytes are not the beginning of a JPEG. */
export function jpegSize(bytes: Uint8Array): { readonly width: number; readonly height: number } | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 4 || view.getUint16(0) !== 0xffd8) return undefined;
  let at = 2;
  while (at + 9 < bytes.length) {
    if (view.getUint8(at) !== 0xff) return undefined;
    const marker = view.getUint8(at + 1);
    // SOF0 to SOF15, but for DHT (C4), JPG (C8) and DAC (CC), which share the range.
    const isFrame = marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc;
    if (isFrame) return { height: view.getUint16(at + 5), width: view.getUint16(at + 7) };
    at += 2 + view.getUint16(at + 2);
  }
  return undefined;
}

/** From the frame header (RFC 6386, section 9.1); undefined where the bytes are not the beginning of a lossy WebP. */
export function webpWidth(bytes: Uint8Array): number | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const isWebp = bytes.length >= 30 && view.getUint32(0) === RIFF && view.getUint32(8) === WEBP;
  return isWebp && view.getUint32(12) === VP8 ? view.getUint16(26, true) & 0x3fff : undefined;
}

const [RIFF, WEBP, VP8] = [0x52494646, 0x57454250, 0x56503820];
