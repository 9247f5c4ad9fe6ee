/** Reads a file once, in order, and knows the SHA-256 of each part and of the whole. */

import { createSHA256 } from "hash-wasm";
import { sourceChanged } from "./errors.ts";

/** Read at a time: small enough that hashing it does not hold up a page's next frame. */
const SLICE_BYTES = 1024 * 1024;

/** A file as browsers and Node know it; `openAsBlob` makes one from a path. Reading it takes constant memory. */
export interface FileSource {
  readonly name: string;
  readonly blob: Blob;
  /** When it last changed, in milliseconds since 1970. */
  readonly modifiedMs: number;
  /** A faster SHA-256 than the portable one, where the platform has one. */
  readonly newSha256?: () => Sha256;
}

/** A hash that grows; `init` begins anew. */
export interface Sha256 {
  init(): unknown;
  update(bytes: Uint8Array): unknown;
  digest(encoding: "hex"): string;
}

/** The same for the same file on the same machine, also after a restart; changes when the file does. */
export function fingerprintOf(source: FileSource): string {
  return `${source.name}|${source.blob.size}|${Math.round(source.modifiedMs)}`;
}

export interface HashedPart {
  /** From 1. */
  readonly number: number;
  readonly blob: Blob;
  /** Lower-case hex. */
  readonly sha256: string;
}

/** Parts in order, each with its hash; `whole()` after the last one. */
export interface PartHasher {
  next(signal: AbortSignal | undefined): Promise<HashedPart | undefined>;
  /** SHA-256 of all bytes, lower-case hex. Only after `next` answered undefined. */
  whole(): string;
}

export async function newPartHasher(source: FileSource, partBytes: number): Promise<PartHasher> {
  const { newSha256 = createSHA256 } = source;
  const [whole, part] = await Promise.all([newSha256(), newSha256()]);
  whole.init();
  const { blob } = source;
  let number = 0;
  let digest: string | undefined;
  return {
    async next(signal) {
      const start = number * partBytes;
      if (start >= blob.size) {
        digest ??= whole.digest("hex");
        return undefined;
      }
      number += 1;
      const end = Math.min(start + partBytes, blob.size);
      part.init();
      for (let at = start; at < end; at += SLICE_BYTES) {
        signal?.throwIfAborted();
        const bytes = await readSlice(blob, at, Math.min(at + SLICE_BYTES, end));
        part.update(bytes);
        whole.update(bytes);
      }
      return { number, blob: blob.slice(start, end), sha256: part.digest("hex") };
    },
    whole() {
      if (digest === undefined) throw new RangeError("the whole hash is known after the last part");
      return digest;
    },
  };
}

async function readSlice(blob: Blob, start: number, end: number): Promise<Uint8Array> {
  try {
    return new Uint8Array(await blob.slice(start, end).arrayBuffer());
  } catch (cause) {
    // Both engines refuse to read a file-backed blob after the file changed or went away.
    throw sourceChanged(cause);
  }
}
