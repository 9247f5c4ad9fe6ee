/** Why a process should end: a signal, or the host that started it has gone. */

/** Aborted at SIGINT, SIGTERM, or when the parent's channel closes. Dispose to stop listening. */
export function untilTold(): { readonly signal: AbortSignal } & Disposable {
  const controller = new AbortController();
  const onSignal = (name: NodeJS.Signals) => controller.abort(new Error(name));
  const onDisconnect = () => controller.abort(new Error("the host has gone"));
  process.on("SIGINT", onSignal);
  process.on("SIGTERM", onSignal);
  process.once("disconnect", onDisconnect);
  return {
    signal: controller.signal,
    [Symbol.dispose]() {
      process.off("SIGINT", onSignal);
      process.off("SIGTERM", onSignal);
      process.off("disconnect", onDisconnect);
      // An open channel would keep the process alive.
      if (process.connected) process.disconnect();
    },
  };
}
