/** Turns what happened elsewhere into notifications, once each. */

import type { Clock } from "#pkg/clock/clock";
import type { Logger } from "#pkg/obs/obs";
import type { Db, Tx } from "#pkg/postgres/db";
import { type Inbox, type Message, playable } from "./domain/notification.ts";
import type { NotificationStore } from "./store/notification-store.ts";

export interface WritingOptions {
  readonly db: Db;
  readonly store: NotificationStore;
  /** True the first time that an event is handled; the mark belongs to the transaction. */
  readonly firstTime: (tx: Tx, eventId: string) => Promise<boolean>;
  readonly clock: Clock;
  readonly written: (message: Message) => void;
  readonly log: Logger;
}

export class Writing {
  readonly #options: WritingOptions;

  constructor(options: WritingOptions) {
    this.#options = options;
  }

  async tell(eventId: string, inbox: Inbox, message: Message): Promise<void> {
    await this.#once(eventId, (tx) => this.#add(tx, inbox, message));
  }

  /** Tells that an asset can be played, unless it was told that it is ready: events keep no order. */
  async tellPackaged(
    eventId: string,
    asset: { readonly asset: string; readonly fileName: string; readonly ownerId: string },
    ready: Message | undefined,
  ): Promise<void> {
    const { store } = this.#options;
    await this.#once(eventId, async (tx) => {
      await store.saveOwner(tx, asset.asset, asset.ownerId);
      if (ready !== undefined) await this.#add(tx, asset.ownerId, ready);
      else if (!(await store.has(tx, asset.ownerId, "upload_ready", asset.asset))) {
        await this.#add(tx, asset.ownerId, playable(asset));
      }
    });
  }

  /** Tells whoever handed the asset in; where that is not known, nobody waits for it. */
  async tellOwnerOf(eventId: string, asset: string, message: Message): Promise<void> {
    await this.#once(eventId, async (tx) => {
      const ownerId = await this.#options.store.findOwner(tx, asset);
      if (ownerId !== undefined) await this.#add(tx, ownerId, message);
    });
  }

  async #once(eventId: string, work: (tx: Tx) => Promise<void>): Promise<void> {
    const { db, firstTime } = this.#options;
    await db.tx(async (tx) => {
      if (await firstTime(tx, eventId)) await work(tx);
    });
  }

  async #add(tx: Tx, inbox: Inbox, message: Message): Promise<void> {
    const { store, clock, written } = this.#options;
    if (await store.add(tx, inbox, message, clock.now())) tx.afterCommit(() => written(message));
  }
}
