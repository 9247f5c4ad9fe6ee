/**
 * Shares the turns of the event loop out: of many requests that one connection sends at once, few begin before everybody
 * else has been looked after again. Without it, a client's hundred streams in one packet are a hundred calls in one turn.
 */

/** Of one connection in the turn in which they came. */
const AT_ONCE = 2;
/** Of all that wait, in each turn. */
const PER_TURN = 8;

export class Turns<Connection> {
  readonly #isClosed: (connection: Connection) => boolean;
  /** Requests that wait, by connection; whose turn is next comes first. */
  readonly #waiting = new Map<Connection, (() => void)[]>();
  readonly #begun = new Map<Connection, number>();
  #next: NodeJS.Immediate | undefined;

  /** `isClosed` tells of which connections nothing is to begin any more. */
  constructor(isClosed: (connection: Connection) => boolean) {
    this.#isClosed = isClosed;
  }

  /** Calls `begin` now or in a later turn. */
  take(connection: Connection, begin: () => void): void {
    this.#next ??= setImmediate(() => this.#turn());
    const waiting = this.#waiting.get(connection);
    if (waiting !== undefined) {
      waiting.push(begin);
      return;
    }
    const begun = this.#begun.get(connection) ?? 0;
    if (begun >= AT_ONCE) {
      this.#waiting.set(connection, [begin]);
      return;
    }
    this.#begun.set(connection, begun + 1);
    begin();
  }

  #turn(): void {
    this.#next = undefined;
    this.#begun.clear();
    for (let count = 0; count < PER_TURN; count++) {
      const [first] = this.#waiting;
      if (first === undefined) return;
      const [connection, waiting] = first;
      this.#waiting.delete(connection);
      const begin = this.#isClosed(connection) ? undefined : waiting.shift();
      // It goes to the end of the line.
      if (begin !== undefined && waiting.length > 0) this.#waiting.set(connection, waiting);
      begin?.();
    }
    if (this.#waiting.size > 0) this.#next = setImmediate(() => this.#turn());
  }
}
