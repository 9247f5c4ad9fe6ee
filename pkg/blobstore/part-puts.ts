/**
 * The PUTs of parts that are under way in this process: one for each part, a few for each upload, none that stands still.
 * A signed URL may be used by anyone who has it, as often as they like; each PUT holds a connection and a buffer.
 */

import type { Clock } from "#pkg/clock/clock";
import { errors } from "./errors.ts";

/** A client sends three at a time. */
const MAX_PUTS_PER_UPLOAD = 16;
/** 4 KiB/s over half a minute: a line on which the smallest part takes twenty minutes. */
const PACE = { windowMs: 30_000, bytes: 128 * 1024 } as const;

export interface PartPuts {
  /**
   * Runs `store` with the body, as long as it keeps coming and no newer PUT of the same part does: a client that begins
   * anew has given the older one up. Throws `BLOB_PARTS_TOO_MANY`, `BLOB_PART_REPLACED`, `BLOB_PART_TOO_SLOW`.
   */
  run<T>(
    part: { readonly multipartId: string; readonly number: number },
    body: AsyncIterable<Uint8Array>,
    store: (body: AsyncIterable<Uint8Array>) => Promise<T>,
  ): Promise<T>;
}

export function newPartPuts(clock: Clock): PartPuts {
  const uploads = new Map<string, Map<number, AbortController>>();

  return {
    async run({ multipartId, number }, body, store) {
      const running = uploads.get(multipartId) ?? new Map<number, AbortController>();
      const older = running.get(number);
      if (older === undefined && running.size >= MAX_PUTS_PER_UPLOAD)
        throw errors.BLOB_PARTS_TOO_MANY(MAX_PUTS_PER_UPLOAD);
      older?.abort(errors.BLOB_PART_REPLACED(number));
      const own = new AbortController();
      running.set(number, own);
      uploads.set(multipartId, running);
      const progress = { bytes: 0 };
      const ended = new AbortController();
      void watchPace(clock, progress, ended.signal, () => own.abort(errors.BLOB_PART_TOO_SLOW(number)));
      try {
        return await store(untilAborted(body, progress, own.signal));
      } finally {
        ended.abort();
        if (running.get(number) === own) running.delete(number);
        if (running.size === 0) uploads.delete(multipartId);
      }
    },
  };
}

async function watchPace(
  clock: Clock,
  progress: { readonly bytes: number },
  ended: AbortSignal,
  cut: () => void,
): Promise<void> {
  for (;;) {
    const before = progress.bytes;
    await clock.sleep(PACE.windowMs, ended).catch(() => {});
    if (ended.aborted) return;
    if (progress.bytes - before < PACE.bytes) return cut();
  }
}

/** The chunks, counted; throws the signal's reason as soon as it is aborted, also while the next chunk does not come. */
async function* untilAborted(
  body: AsyncIterable<Uint8Array>,
  progress: { bytes: number },
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const chunks = body[Symbol.asyncIterator]();
  let stop: (reason: unknown) => void = () => {};
  const onAbort = () => stop(signal.reason);
  signal.addEventListener("abort", onAbort);
  try {
    for (;;) {
      signal.throwIfAborted();
      const next = await new Promise<IteratorResult<Uint8Array>>((resolve, reject) => {
        stop = reject;
        chunks.next().then(resolve, reject);
      });
      if (next.done === true) return;
      progress.bytes += next.value.byteLength;
      yield next.value;
    }
  } finally {
    signal.removeEventListener("abort", onAbort);
    // Not awaited: it settles when the next chunk comes, which may be never.
    chunks.return?.().catch(() => {});
  }
}
