/** The arithmetic of one play: how long until the first picture, how long pictures moved, how long they should have. */

export class PlayTime {
  readonly #requestedMs: number;
  #settledMs: number;
  #playingMs = 0;
  #stalledMs = 0;
  #stallStartMs: number | undefined;
  #hasFirstFrame = false;
  #isRunning = false;

  constructor(requestedMs: number) {
    this.#requestedMs = requestedMs;
    this.#settledMs = requestedMs;
  }

  get hasFirstFrame(): boolean {
    return this.#hasFirstFrame;
  }

  /** Pictures move. Answers the time since the request at the first time, and the length of a stall that is over. */
  playing(nowMs: number): { readonly startupMs?: number; readonly stallMs?: number } {
    const isFirst = !this.#hasFirstFrame;
    const stallMs = this.#endStall(nowMs);
    this.#settle(nowMs, true);
    this.#hasFirstFrame = true;
    return {
      ...(isFirst ? { startupMs: nowMs - this.#requestedMs } : {}),
      ...(stallMs === undefined ? {} : { stallMs }),
    };
  }

  /** Nothing is there to show although it should move. Before the first picture and while seeking this is no stall. */
  waiting(nowMs: number): void {
    if (!this.#isRunning) return;
    this.#settle(nowMs, false);
    this.#stallStartMs = nowMs;
  }

  /** The viewer paused or seeks, or the film is over. Answers the length of a stall that this ends. */
  halted(nowMs: number): number | undefined {
    const stallMs = this.#endStall(nowMs);
    this.#settle(nowMs, false);
    return stallMs;
  }

  /** Both up to now, a stall that goes on included. */
  totals(nowMs: number): { readonly playingMs: number; readonly stalledMs: number } {
    const runningMs = this.#isRunning ? nowMs - this.#settledMs : 0;
    const stallMs = this.#stallStartMs === undefined ? 0 : nowMs - this.#stallStartMs;
    return { playingMs: this.#playingMs + runningMs, stalledMs: this.#stalledMs + stallMs };
  }

  #settle(nowMs: number, isRunning: boolean): void {
    if (this.#isRunning) this.#playingMs += nowMs - this.#settledMs;
    this.#settledMs = nowMs;
    this.#isRunning = isRunning;
  }

  #endStall(nowMs: number): number | undefined {
    if (this.#stallStartMs === undefined) return undefined;
    const stallMs = nowMs - this.#stallStartMs;
    this.#stallStartMs = undefined;
    this.#stalledMs += stallMs;
    return stallMs;
  }
}
