/** Positions on their way to the event log: what comes while the log takes a batch is the next one, and nobody waits. */

import type { Clock } from "#pkg/clock/clock";
import type { Logger } from "#pkg/obs/obs";

export interface Position {
  readonly sessionId: string;
  readonly accountId: string;
  readonly profileId: string;
  readonly titleId: string;
  readonly positionMs: number;
  readonly durationMs: number;
  readonly at: Date;
}

const RETRY_MS = 2_000;
const BATCH = 1_000;
/** Sessions that wait at most, while the log is away; what is older is dropped, since a newer position follows. */
const MAX_WAITING = 100_000;

export class Progress {
  readonly #append: (positions: readonly Position[]) => Promise<void>;
  readonly #clock: Clock;
  readonly #log: Logger;
  /** By session, so that a newer position takes the place of one that still waits. */
  readonly #waiting = new Map<string, Position>();
  #wake: (() => void) | undefined;

  constructor(deps: {
    /** Resolves once they are in the log. */
    readonly append: (positions: readonly Position[]) => Promise<void>;
    readonly clock: Clock;
    readonly log: Logger;
  }) {
    this.#append = deps.append;
    this.#clock = deps.clock;
    this.#log = deps.log;
  }

  /** Takes the position and returns at once. */
  tell(position: Position): void {
    this.#waiting.delete(position.sessionId);
    this.#waiting.set(position.sessionId, position);
    const [oldest] = this.#waiting.keys();
    if (this.#waiting.size > MAX_WAITING && oldest !== undefined) this.#waiting.delete(oldest);
    this.#wake?.();
  }

  /** Resolves once the position is in the log: the next start resumes there. */
  async tellNow(position: Position): Promise<void> {
    this.#waiting.delete(position.sessionId);
    await this.#append([position]);
  }

  /** Appends what was told until the signal is aborted, and then what is left. */
  async run(signal: AbortSignal): Promise<void> {
    signal.addEventListener("abort", () => this.#wake?.(), { once: true });
    while (!signal.aborted) {
      if (this.#waiting.size === 0) {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
        this.#wake = undefined;
      }
      const isDone = await this.#flush();
      if (!isDone) await this.#clock.sleep(RETRY_MS, signal).catch(() => undefined);
    }
    await this.#flush();
  }

  /** False where the log took not all. */
  async #flush(): Promise<boolean> {
    const positions = [...this.#waiting.values()];
    for (let from = 0; from < positions.length; from += BATCH) {
      const batch = positions.slice(from, from + BATCH);
      try {
        await this.#append(batch);
      } catch (err) {
        this.#log.warn({ err, waiting: this.#waiting.size }, "positions could not be told; they are told again");
        return false;
      }
      for (const position of batch) {
        if (this.#waiting.get(position.sessionId) === position) this.#waiting.delete(position.sessionId);
      }
    }
    return true;
  }
}
