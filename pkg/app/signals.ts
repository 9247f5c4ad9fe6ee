/** Why a process should end: a signal, the host that started it has gone, or an error that nobody handled. */

import type { Logger } from "#pkg/obs/obs";

/**
 * Aborted at SIGINT, SIGTERM, or when the parent's channel closes; a second signal then ends the process at once.
 * Dispose to stop listening.
 */
export function untilTold(): { readonly signal: AbortSignal } & Disposable {
  const controller = new AbortController();
  const stopListening = () => {
    process.off("SIGINT", onSignal);
    process.off("SIGTERM", onSignal);
  };
  const onSignal = (name: NodeJS.Signals) => {
    stopListening();
    controller.abort(new Error(name));
  };
  const onDisconnect = () => controller.abort(new Error("the host has gone"));
  process.on("SIGINT", onSignal);
  process.on("SIGTERM", onSignal);
  process.once("disconnect", onDisconnect);
  return {
    signal: controller.signal,
    [Symbol.dispose]() {
      stopListening();
      process.off("disconnect", onDisconnect);
      // An open channel would keep the process alive.
      if (process.connected) process.disconnect();
    },
  };
}

/**
 * Resolves with the first error that nobody handled: an exception out of a callback, an event `error` without a listener,
 * a rejected promise. What it left half done is unknown, so the process should finish what it answers and end; whoever
 * started it starts it again. Each such error is logged. Where ending takes longer than `endMs`, the process ends at once
 * with 1. Dispose to give errors back to Node, which ends the process at the first.
 */
export function untilBroken(log: Logger, endMs: number): { readonly error: Promise<Error> } & Disposable {
  let announce: (error: Error) => void = () => {};
  const first = new Promise<Error>((resolve) => {
    announce = resolve;
  });
  let deadline: NodeJS.Timeout | undefined;
  const onError = (thrown: unknown) => {
    const error = thrown instanceof Error ? thrown : new Error(`${String(thrown)} was thrown`);
    log.fatal({ err: error }, "an error that nobody handled; the process ends");
    deadline ??= setTimeout(() => process.exit(1), endMs);
    announce(error);
  };
  process.on("uncaughtException", onError);
  process.on("unhandledRejection", onError);
  return {
    error: first,
    [Symbol.dispose]() {
      process.off("uncaughtException", onError);
      process.off("unhandledRejection", onError);
      clearTimeout(deadline);
    },
  };
}
