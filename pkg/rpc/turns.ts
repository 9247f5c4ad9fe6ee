/**
 * Shares the turns of the event loop out among networks: of what many of them ask at once, little begins before everybody
 * else has been looked after again, and each has its turn. Without it, a client's hundred streams in one packet are a
 * hundred calls in one turn, and the thousandth connection of strangers delays everybody's first.
 */

/** Of all networks in the turn in which it came. */
const AT_ONCE = 4;
/** Of one network in it. */
const AT_ONCE_EACH = 2;
/** Of all that wait, in each turn. */
const PER_TURN = 6;
/** Of what has become void while it waited, in each turn: it costs little. */
const VOID_PER_TURN = 20;

export class Turns {
  /** Requests that wait, by network; whose turn is next comes first. */
  readonly #waiting = new Map<string, (() => boolean)[]>();
  readonly #begun = new Map<string, number>();
  #allBegun = 0;
  #next: NodeJS.Immediate | undefined;

  /** Calls `begin` now or in a later turn; it answers false where there was nothing to begin any more. */
  take(network: string, begin: () => boolean): void {
    this.#next ??= setImmediate(() => this.#turn());
    const waiting = this.#waiting.get(network);
    if (waiting !== undefined) {
      waiting.push(begin);
      return;
    }
    const begun = this.#begun.get(network) ?? 0;
    if (begun >= AT_ONCE_EACH || this.#allBegun >= AT_ONCE) {
      this.#waiting.set(network, [begin]);
      return;
    }
    this.#begun.set(network, begun + 1);
    this.#allBegun += 1;
    begin();
  }

  #turn(): void {
    this.#next = undefined;
    this.#begun.clear();
    this.#allBegun = 0;
    let [begun, voided] = [0, 0];
    while (begun < PER_TURN && voided < VOID_PER_TURN) {
      const [first] = this.#waiting;
      if (first === undefined) return;
      const [network, waiting] = first;
      this.#waiting.delete(network);
      const begin = waiting.shift();
      // It goes to the end of the line.
      if (waiting.length > 0) this.#waiting.set(network, waiting);
      if (begin?.() === true) begun += 1;
      else voided += 1;
    }
    if (this.#waiting.size > 0) this.#next ??= setImmediate(() => this.#turn());
  }
}
