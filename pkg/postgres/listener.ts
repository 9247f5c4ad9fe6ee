/** One connection that listens for a pool's notifications, there while somebody listens, and back when it breaks. */

import { setTimeout as delay } from "node:timers/promises";
import pg from "pg";
import type { Logger } from "#pkg/obs/obs";

const RECONNECT_MS = { first: 50, most: 2000 };

interface Connected {
  readonly client: pg.Client;
  readonly schema: string;
}

export class Listener {
  readonly #config: pg.ClientConfig;
  readonly #log: Logger;
  readonly #closed = new AbortController();
  readonly #wakes = new Map<string, Set<(payload: string) => void>>();
  #run: { readonly stop: AbortController; readonly ended: Promise<void> } | undefined;
  #connected: Connected | undefined;

  constructor(config: pg.ClientConfig, log: Logger) {
    // a listening session is idle for long: no limit on statements or reads applies
    const { query_timeout: _, idle_in_transaction_session_timeout: __, ...rest } = config;
    this.#config = { ...rest, connectionTimeoutMillis: 5000 };
    this.#log = log;
  }

  /** Resolves when the signal is aborted or the listener is closed. */
  async listen(channel: string, wake: (payload: string) => void, signal: AbortSignal): Promise<void> {
    const until = AbortSignal.any([signal, this.#closed.signal]);
    if (until.aborted) return;
    const wakes = this.#wakes.get(channel) ?? new Set();
    this.#wakes.set(channel, wakes.add(wake));
    if (this.#run === undefined) this.#start();
    else if (this.#connected !== undefined) await this.#subscribe(this.#connected, channel, [wake]);
    await aborted(until);
    wakes.delete(wake);
    if (wakes.size === 0 && this.#wakes.get(channel) === wakes) this.#wakes.delete(channel);
    if (this.#wakes.size === 0) await this.#stop();
  }

  async close(): Promise<void> {
    this.#closed.abort();
    await this.#stop();
  }

  #start(): void {
    const stop = new AbortController();
    this.#run = { stop, ended: this.#keepConnected(stop.signal) };
  }

  async #stop(): Promise<void> {
    const run = this.#run;
    this.#run = undefined;
    run?.stop.abort();
    await run?.ended;
  }

  async #keepConnected(stop: AbortSignal): Promise<void> {
    let waitMs = RECONNECT_MS.first;
    while (!stop.aborted) {
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
        const connected = { client, schema };
        this.#connected = connected;
        for (const [channel, wakes] of this.#wakes) await this.#subscribe(connected, channel, wakes);
        waitMs = RECONNECT_MS.first;
        await Promise.race([ended, aborted(stop)]);
      } catch (error) {
        this.#log.debug({ reason: String(error) }, "listening for notifications failed");
      }
      if (this.#connected?.client === client) this.#connected = undefined;
      // @NOTE end() of a client that never connected may never resolve
      client.end().catch(() => undefined);
      await Promise.race([ended, delay(200)]);
      await delay(waitMs, undefined, { signal: stop }).catch(() => undefined);
      waitMs = Math.min(waitMs * 2, RECONNECT_MS.most);
    }
  }

  async #subscribe({ client, schema }: Connected, channel: string, wakes: Iterable<(payload: string) => void>) {
    try {
      await client.query(`listen ${pg.escapeIdentifier(`${schema}.${channel}`)}`);
      for (const wake of wakes) wake("");
    } catch {
      // the connection is going down; the next one subscribes again
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
