/** Turns what happened elsewhere into notifications, once each. */

import type { Inbox as HandledEvents } from "#pkg/app/module";
import type { Clock } from "#pkg/clock/clock";
import type { Logger } from "#pkg/obs/obs";
import type { Db, Tx } from "#pkg/postgres/db";
import { type Inbox, type Message, playable } from "./domain/notification.ts";
import type { NotificationStore } from "./store/notification-store.ts";

export interface WritingOptions {
  readonly db: Db;
  readonly store: NotificationStore;
  readonly handled: HandledEvents;
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

  /**
   * Tells that an asset can be played, unless it was told that it is ready, and what waited for its owner to be known:
   * events keep no order.
   */
  async tellPackaged(
    eventId: string,
    asset: { readonly asset: string; readonly fileName: string; readonly ownerId: string },
    ready: Message | undefined,
  ): Promise<void> {
    const { store } = this.#options;
    await this.#once(eventId, async (tx) => {
      // The lock first: of two revisions that come at once one waits, and then sees what the other one told.
      if (!(await store.open(tx, asset.ownerId))) return;
      for (const waited of await store.saveOwner(tx, asset.asset, asset.ownerId)) {
        await this.#add(tx, asset.ownerId, waited);
      }
      if (ready !== undefined) await this.#add(tx, asset.ownerId, ready);
      else if (!(await store.has(tx, asset.ownerId, "upload_ready", asset.asset))) {
        await this.#add(tx, asset.ownerId, playable(asset));
      }
    });
  }

  /** Tells whoever handed the asset in, as soon as that is known. */
  async tellOwnerOf(eventId: string, asset: string, message: Message): Promise<void> {
    const { store, clock } = this.#options;
    await this.#once(eventId, async (tx) => {
      const ownerId = await store.lockOwner(tx, asset);
      if (ownerId === undefined) await store.addWaiting(tx, asset, eventId, message, clock.now());
      else await this.#add(tx, ownerId, message);
    });
  }

  /** Erases what an account was told; nothing that comes late is written to it. Again is no error. */
  async erase(inbox: Inbox): Promise<void> {
    const { db, store, log } = this.#options;
    await db.tx((tx) => store.erase(tx, inbox));
    log.info({ inbox }, "inbox erased");
  }

  async #once(eventId: string, work: (tx: Tx) => Promise<void>): Promise<void> {
    const { db, handled } = this.#options;
    await db.tx(async (tx) => {
      if (await handled.firstTime(tx, eventId)) await work(tx);
    });
  }

  async #add(tx: Tx, inbox: Inbox, message: Message): Promise<void> {
    const { store, clock, written } = this.#options;
    if (await store.add(tx, inbox, message, clock.now())) tx.afterCommit(() => written(message));
  }
}
