/** Why a process should end: a signal, or the host that started it has gone. */

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
