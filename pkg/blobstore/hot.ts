/**
 * Reads that many ask for, from memory: a reader of a blob store that keeps the blocks that were read lately, within a
 * bound of bytes, and loads each once however many wait for it. Only for keys that are written once: what lies in
 * memory is not looked for again while the object exists.
 */

import { LRUCache } from "lru-cache";
import type { Clock } from "#pkg/clock/clock";
import type { BlobInfo, BlobStore } from "./blobstore.ts";

export type BlobReader = Pick<BlobStore, "find" | "get">;

export interface HotBlobsOptions {
  readonly clock: Clock;
  /** How many bytes of blocks are kept; 0 keeps none. */
  readonly maxBytes: number;
}

/** What is read and kept at once; also what a slow caller holds of an object that nobody else reads. */
const BLOCK_BYTES = 512 * 1024;
/** An object that was deleted is served for that long at most. */
const INFO_LIFE_MS = 10_000;
const MAX_INFOS = 10_000;

interface Known {
  readonly info: BlobInfo;
  readonly untilMs: number;
}

export function newHotBlobs(store: BlobReader, options: HotBlobsOptions): BlobReader {
  const { clock, maxBytes } = options;
  if (maxBytes === 0) return store;
  const infos = new LRUCache<string, Known>({ max: MAX_INFOS });
  const blocks = new LRUCache<string, Uint8Array>({
    maxSize: maxBytes,
    sizeCalculation: (block) => Math.max(1, block.byteLength),
  });
  const finding = new Map<string, Promise<BlobInfo | undefined>>();
  const loading = new Map<string, Promise<Uint8Array>>();

  async function lookUp(key: string): Promise<BlobInfo | undefined> {
    const info = await store.find(key);
    if (info === undefined) infos.delete(key);
    else remember(info);
    return info;
  }

  function remember(info: BlobInfo): void {
    infos.set(info.key, { info, untilMs: clock.now().getTime() + INFO_LIFE_MS });
  }

  async function load(name: string, info: BlobInfo, start: number): Promise<Uint8Array> {
    const end = Math.min(start + BLOCK_BYTES, info.sizeBytes) - 1;
    // Of its own size: a slice of a larger buffer would keep that one in memory, beyond what is counted.
    const block = Buffer.allocUnsafeSlow(end - start + 1);
    let filled = 0;
    // Without a signal: others may be waiting by the time that whoever asked first goes away.
    const found = await store.get(info.key, { range: { start, end } });
    // What is read need not be looked for as well.
    remember(found.info);
    for await (const chunk of found.body) {
      block.set(chunk, filled);
      filled += chunk.byteLength;
    }
    const whole = filled === block.byteLength ? block : block.subarray(0, filled);
    blocks.set(name, whole);
    return whole;
  }

  async function* read(info: BlobInfo, from: number, to: number, signal: AbortSignal | undefined) {
    const version = `${info.key} ${info.sha256 ?? info.updatedAt.getTime()}`;
    for (let position = from; position <= to; ) {
      signal?.throwIfAborted();
      const start = position - (position % BLOCK_BYTES);
      const name = `${version} ${start}`;
      const block = blocks.get(name) ?? (await once(loading, name, () => load(name, info, start)));
      const slice = block.subarray(position - start, to - start + 1);
      // Shorter than it was: whoever sends it finds that bytes are missing.
      if (slice.byteLength === 0) return;
      position += slice.byteLength;
      yield slice;
    }
  }

  return {
    async find(key) {
      const known = infos.get(key);
      if (known !== undefined && known.untilMs > clock.now().getTime()) return known.info;
      return once(finding, key, () => lookUp(key));
    },
    async get(key, request = {}) {
      const { range, signal } = request;
      signal?.throwIfAborted();
      const info = await this.find(key);
      // The store says what is wrong.
      if (info === undefined || (range !== undefined && range.start >= info.sizeBytes)) return store.get(key, request);
      const last = info.sizeBytes - 1;
      return { info, body: read(info, range?.start ?? 0, Math.min(range?.end ?? last, last), signal) };
    },
  };
}

/** One run for all that ask while it runs. */
function once<T>(running: Map<string, Promise<T>>, name: string, start: () => Promise<T>): Promise<T> {
  const known = running.get(name);
  if (known !== undefined) return known;
  const run = start().finally(() => running.delete(name));
  running.set(name, run);
  return run;
}
