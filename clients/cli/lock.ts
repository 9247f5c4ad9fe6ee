/** One process at a time, by a folder that its holder touches: one that was killed is taken over within seconds. */

import { mkdir, rm, stat, utimes } from "node:fs/promises";
import { dirname } from "node:path";
import { nowMs, sleep } from "@matinee/sdk/clock";

const WAIT_MS = 50;
const TOUCH_MS = 3_000;
/** A lock of this age belongs to a process that died. */
const STALE_MS = 15_000;

/** Waits until nobody else holds it; `onWait` is told once where it has to. Rejects as cancelled on abort. */
export async function holdLock(
  path: string,
  options: { readonly signal?: AbortSignal; readonly onWait?: () => void } = {},
): Promise<AsyncDisposable> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  for (let looks = 0; !(await tryLock(path)); looks++) {
    if (looks === 1) options.onWait?.();
    await sleep(WAIT_MS, options.signal);
  }
  const timer = setInterval(() => {
    const now = new Date(nowMs());
    utimes(path, now, now).catch(() => undefined);
  }, TOUCH_MS);
  timer.unref();
  return {
    async [Symbol.asyncDispose]() {
      clearInterval(timer);
      await rm(path, { recursive: true, force: true });
    },
  };
}

async function tryLock(path: string): Promise<boolean> {
  try {
    await mkdir(path);
    return true;
  } catch {
    const age = await stat(path).then(
      ({ mtimeMs }) => nowMs() - mtimeMs,
      () => 0,
    );
    if (age > STALE_MS) await rm(path, { recursive: true, force: true });
    return false;
  }
}
