/** Notifications as people read them: in pages, and live. */

import type { Clock } from "#pkg/clock/clock";
import type { Db } from "#pkg/postgres/db";
import { WakeUp } from "#pkg/work/wake-up";
import type { Inbox, Notification } from "./domain/notification.ts";
import { errors } from "./errors.ts";
import { INBOX_CHANNEL, type NotificationStore, type Position } from "./store/notification-store.ts";

export interface ReadingOptions {
  readonly db: Db;
  readonly store: NotificationStore;
  readonly clock: Clock;
  readonly keepAliveMs: number;
  readonly streamsPerAccount: number;
}

const BATCH = 100;

export class Reading {
  readonly #options: ReadingOptions;
  readonly #watchers = new Map<Inbox, Set<WakeUp>>();

  constructor(options: ReadingOptions) {
    this.#options = options;
  }

  /** Newest first. */
  list(
    inboxes: readonly Inbox[],
    page: { readonly afterId: string | undefined; readonly limit: number },
  ): Promise<Notification[]> {
    return this.#options.store.list(inboxes, page);
  }

  countUnread(inboxes: readonly Inbox[]): Promise<number> {
    return this.#options.store.countUnread(inboxes);
  }

  /** These, and all up to `throughId`. */
  markRead(inboxes: readonly Inbox[], ids: readonly string[], throughId: string | undefined): Promise<void> {
    return this.#options.store.markRead(inboxes, { ids, throughId }, this.#options.clock.now());
  }

  /**
   * What is written after `afterId`, or from now on; undefined as a sign of life, at once and then in every silence.
   * The first inbox is the account's own. Ends with the signal. Throws `NOTIFICATION_STREAMS_EXHAUSTED`.
   */
  async *watch(
    inboxes: readonly [Inbox, ...Inbox[]],
    afterId: string | undefined,
    signal: AbortSignal,
  ): AsyncGenerator<Notification | undefined> {
    const { store, clock, keepAliveMs } = this.#options;
    const wakeUp = new WakeUp();
    this.#enter(inboxes, wakeUp);
    // Whoever goes while nothing is asked of the stream must not keep its place.
    const leave = () => this.#leave(inboxes, wakeUp);
    signal.addEventListener("abort", leave, { once: true });
    try {
      let position = await store.positionAfter(inboxes, afterId);
      yield undefined;
      while (!signal.aborted) {
        wakeUp.reset();
        const batch = await store.listBehind(position, BATCH);
        yield* batch;
        position = advance(position, batch);
        if (batch.length === BATCH) continue;
        const before = clock.now().getTime();
        await wakeUp.wait(keepAliveMs, clock, signal);
        if (!signal.aborted && clock.now().getTime() - before >= keepAliveMs) yield undefined;
      }
    } finally {
      signal.removeEventListener("abort", leave);
      leave();
    }
  }

  /** Rings the watchers of an inbox when any process has written to it. */
  listen(signal: AbortSignal): Promise<void> {
    return this.#options.db.listen(
      INBOX_CHANNEL,
      (inbox) => {
        const concerned = inbox === "" ? [...this.#watchers.values()] : [this.#watchers.get(inbox) ?? []];
        for (const wakeUps of concerned) for (const wakeUp of wakeUps) wakeUp.wake();
      },
      signal,
    );
  }

  #enter(inboxes: readonly [Inbox, ...Inbox[]], wakeUp: WakeUp): void {
    const { streamsPerAccount } = this.#options;
    if ((this.#watchers.get(inboxes[0])?.size ?? 0) >= streamsPerAccount)
      throw errors.NOTIFICATION_STREAMS_EXHAUSTED(streamsPerAccount);
    for (const inbox of inboxes) {
      const wakeUps = this.#watchers.get(inbox) ?? new Set();
      this.#watchers.set(inbox, wakeUps.add(wakeUp));
    }
  }

  #leave(inboxes: readonly Inbox[], wakeUp: WakeUp): void {
    for (const inbox of inboxes) {
      const wakeUps = this.#watchers.get(inbox);
      wakeUps?.delete(wakeUp);
      if (wakeUps?.size === 0) this.#watchers.delete(inbox);
    }
  }
}

function advance(position: Position, read: readonly Notification[]): Position {
  if (read.length === 0) return position;
  const next = new Map(position);
  for (const one of read) next.set(one.inbox, Math.max(one.seq, next.get(one.inbox) ?? 0));
  return next;
}
