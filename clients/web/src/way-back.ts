/** Who is asked before the browser's way back is taken. */

let ask: ((event: PopStateEvent) => void) | undefined;

/** Call it before the router listens: who listens first hears first. */
export function hearWayBack(): void {
  addEventListener("popstate", (event) => ask?.(event));
}

/** `guard` may stop the event, so that the router does not hear of it. Answers how to let go. */
export function guardWayBack(guard: (event: PopStateEvent) => void): () => void {
  ask = guard;
  return () => {
    if (ask === guard) ask = undefined;
  };
}
