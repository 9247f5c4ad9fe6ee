/** Poster candidates as the catalogue shows them: which blobs they are, and how large. */

import { buffer } from "node:stream/consumers";
import type { BlobStore } from "#pkg/blobstore/blobstore";
import { jpegSize, webpWidth } from "./domain/picture.ts";
import type { PictureSize, Still } from "./domain/title.ts";

/** The size of a picture is in its first bytes. */
const HEADER_BYTES = 65_536;

/** The candidates that are stored and are pictures, best first. */
export async function loadStills(
  images: BlobStore,
  posters: readonly { readonly store: string; readonly key: string }[],
  signal: AbortSignal,
): Promise<Still[]> {
  const stills: (Still & { readonly sizes: PictureSize[]; readonly webp: PictureSize[] })[] = [];
  for (const { store, key } of posters) {
    const blob = store === "images" ? await images.find(key) : undefined;
    if (blob === undefined) continue;
    const range = { start: 0, end: Math.min(blob.sizeBytes, HEADER_BYTES) - 1 };
    const head = await buffer((await images.get(key, { range, signal })).body);
    // A picture is followed by copies of itself: smaller ones, and as WebP.
    const last = stills.at(-1);
    const width = webpWidth(head);
    if (width !== undefined) last?.webp.push({ key, width });
    const size = jpegSize(head);
    if (size === undefined) continue;
    const smallest = last?.sizes.at(-1)?.width ?? last?.width ?? 0;
    if (last !== undefined && size.width < smallest) last.sizes.push({ key, width: size.width });
    else stills.push({ key, ...size, sizes: [], webp: [] });
  }
  return stills;
}
