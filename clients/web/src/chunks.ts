/**
 * Parts of the client that are loaded when they are needed. Their files' names change with every deploy, so a page that
 * was opened before one asks for files that are gone: it is loaded anew, once.
 */

import { Code } from "@connectrpc/connect";
import { MatineeError, unreachable } from "@matinee/sdk/errors";

/** Kept in the entry of the browser's history: it outlives a reload, also where all storage is refused. */
const MARK = "matineeReloaded";

/** Throws `UNREACHABLE` where the network is gone, and `CLIENT_INCOMPLETE` where loading the page anew did not help. */
export async function loadChunk<T>(load: () => Promise<T>): Promise<T> {
  try {
    const loaded = await load();
    if (wasReloaded()) mark(false);
    return loaded;
  } catch (cause) {
    // A page that is loaded anew without a network is no page at all.
    if (!(await answers())) throw unreachable(cause);
    if (wasReloaded()) throw incomplete(cause);
    mark(true);
    location.reload();
    // This page is over.
    return new Promise(() => undefined);
  }
}

async function answers(): Promise<boolean> {
  try {
    return (await fetch("/", { method: "HEAD", cache: "no-store" })).ok;
  } catch {
    return false;
  }
}

function wasReloaded(): boolean {
  const state: unknown = history.state;
  return typeof state === "object" && state !== null && MARK in state;
}

function mark(isReloaded: boolean): void {
  const { [MARK]: _, ...state } = (history.state ?? {}) as Record<string, unknown>;
  history.replaceState(isReloaded ? { ...state, [MARK]: true } : state, "");
}

function incomplete(cause: unknown): MatineeError {
  return new MatineeError({
    code: Code.FailedPrecondition,
    reason: "CLIENT_INCOMPLETE",
    message: "A part of this page did not load. It may be there in a moment.",
    cause,
  });
}
