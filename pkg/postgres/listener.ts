/** One connection that listens for a pool's notifications and comes back when it breaks. */

import { setTimeout as delay } from "node:timers/promises";
import pg from "pg";
import type { Logger } from "#pkg/obs/obs";

const RECONNECT_MS = { first: 50, most: 2000 };

export class Listener {
  readonly #config: pg.ClientConfig;
  readonly #log: Logger;
  readonly #wakes = new Map<string, Set<(payload: string) => void>>();
  #closed = new AbortController();
  #loop: Promise<void> | undefined;
  #current: { readonly client: pg.Client; readonly schema: string } | undefined;

  constructor(config: pg.ClientConfig, log: Logger) {
    // a listening session is idle for long: no limit on statements or reads applies
    const { query_timeout: _, idle_in_transaction_session_timeout: __, ...rest } = config;
    this.#config = { ...rest, connectionTimeoutMillis: 5000 };
    this.#log = log;
  }

  /** Resolves when the signal is aborted or the listener is closed. */
  async listen(channel: string, wake: (payload: string) => void, signal: AbortSignal): Promise<void> {
    if (signal.aborted || this.#closed.signal.aborted) return;
    const wakes = this.#wakes.get(channel) ?? new Set();
    this.#wakes.set(channel, wakes.add(wake));
    this.#loop ??= this.#run();
    if (wakes.size === 1 && this.#current !== undefined) await this.#subscribe(this.#current, channel);
    await aborted(AbortSignal.any([signal, this.#closed.signal]));
    wakes.delete(wake);
  }

  async close(): Promise<void> {
    this.#closed.abort();
    await this.#loop;
  }

  async #run(): Promise<void> {
    const closed = this.#closed.signal;
    let waitMs = RECONNECT_MS.first;
    while (!closed.aborted) {
      const client = new pg.Client(this.#config);
      const ended = new Promise<void>((resolve) => {
        client.once("end", () => resolve());
        client.on("error", () => resolve());
      });
      try {
        await client.connect();
        const found = await client.query<{ schema: string }>("select current_schema() as schema");
        const schema = found.rows[0]?.schema ?? "public";
        client.on("notification", (message) => {
          const channel = message.channel.slice(schema.length + 1);
          for (const wake of this.#wakes.get(channel) ?? []) wake(message.payload ?? "");
        });
        this.#current = { client, schema };
        for (const channel of this.#wakes.keys()) await this.#subscribe(this.#current, channel);
        waitMs = RECONNECT_MS.first;
        await Promise.race([ended, aborted(closed)]);
      } catch (error) {
        this.#log.debug({ reason: String(error) }, "listening for notifications failed");
      }
      this.#current = undefined;
      // @NOTE end() of a client that never connected may never resolve
      client.end().catch(() => undefined);
      await Promise.race([ended, delay(200)]);
      await delay(waitMs, undefined, { signal: closed, ref: false }).catch(() => undefined);
      waitMs = Math.min(waitMs * 2, RECONNECT_MS.most);
    }
  }

  async #subscribe(current: { readonly client: pg.Client; readonly schema: string }, channel: string): Promise<void> {
    try {
      await current.client.query(`listen ${pg.escapeIdentifier(`${current.schema}.${channel}`)}`);
      for (const wake of this.#wakes.get(channel) ?? []) wake("");
    } catch {
      // the connection is going down; the loop subscribes again on the next one
    }
  }
}

/** Resolves when the signal is aborted. */
function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
