/**
 * The states of a host:
 *
 *     new -> opening -> running -> draining -> closed
 *               |          |           |
 *               +----------+-----------+----> failed
 */

export type HostState = "new" | "opening" | "running" | "draining" | "closed" | "failed";

const NEXT: Readonly<Record<HostState, readonly HostState[]>> = {
  new: ["opening"],
  opening: ["running", "draining", "failed"],
  running: ["draining", "failed"],
  draining: ["closed", "failed"],
  closed: [],
  failed: ["draining"],
};

/** Keeps the state and refuses steps that do not exist. */
export class Lifecycle {
  #state: HostState = "new";
  #failure: Error | undefined;
  #announce: (error: Error) => void = () => {};
  /** Resolves with the first failure, never otherwise. */
  readonly failed = new Promise<Error>((resolve) => {
    this.#announce = resolve;
  });

  get state(): HostState {
    return this.#state;
  }

  get failure(): Error | undefined {
    return this.#failure;
  }

  to(state: HostState): void {
    if (!NEXT[this.#state].includes(state)) throw new Error(`a host cannot go from ${this.#state} to ${state}`);
    this.#state = state;
  }

  /** Records the first failure; one during draining changes nothing any more. */
  fail(error: Error): void {
    if (this.#failure !== undefined || this.#state === "draining" || this.#state === "closed") return;
    this.#failure = error;
    this.#state = "failed";
    this.#announce(error);
  }
}
