/**
 * What networks have been refused lately. A refusal costs us more than asking costs them, so each is counted against the
 * network that asked, and one that has used up its share makes no new connections and keeps none over which it is
 * refused again; who behaves in it goes on over the connections that it has.
 */

import { LRUCache } from "lru-cache";
import { type Bucket, takeFrom } from "#pkg/cache/bucket";
import type { NodeRequest } from "#pkg/http/node";

/** What is forgotten has been refused nothing for long, or is one of more networks than this. */
const MAX_NETWORKS = 50_000;

/** What each kind of misconduct costs. */
export const COST = {
  /** Made a connection and asked nothing, as browsers do now and then. */
  silent: 0.25,
  /** Said something that had to be refused. */
  refused: 1,
  /** Was told to wait, and did not. */
  impatient: 5,
  /** Broke the protocol, flooded it, or was refused so often that the connection was closed. */
  hostile: 50,
} as const;

/** Tells the listener that a request had to be refused. */
export type Blame = (request: NodeRequest, cost: number) => void;

export class Conduct {
  readonly #bucket: Bucket;
  readonly #fullAtMs = new LRUCache<string, number>({ max: MAX_NETWORKS });

  constructor(bucket: Bucket) {
    this.#bucket = bucket;
  }

  /** Takes `cost` from what is left of the network's share; what is missing is owed, up to half a share. */
  blame(network: string, cost: number): void {
    const now = performance.now();
    const tokenMs = 1000 / this.#bucket.perSecond;
    const fullAtMs = Math.max(this.#fullAtMs.get(network) ?? now, now) + cost * tokenMs;
    this.#fullAtMs.set(network, Math.min(fullAtMs, now + 1.5 * this.#bucket.burst * tokenMs));
  }

  /** True where the share is used up. */
  isSpent(network: string): boolean {
    return takeFrom(this.#fullAtMs.get(network), performance.now(), this.#bucket).retryAfterMs > 0;
  }
}
