/** Writing titles: drafts, changes, publishing, and what packaging and playing do to them. */

import type { Inbox } from "#pkg/app/module";
import { type Clock, newId } from "#pkg/clock/clock";
import type { Db, Tx } from "#pkg/postgres/db";
import {
  etagOf,
  missingForPublish,
  type Still,
  type Title,
  type TitleFields,
  type TitleMedia,
} from "./domain/title.ts";
import { errors } from "./errors.ts";
import type { CatalogEvents } from "./events.ts";
import type { Films } from "./films.ts";
import type { After, TitleFilter, TitleStore } from "./store/title-store.ts";

export class Titles {
  readonly #db: Db;
  readonly #inbox: Inbox;
  readonly #store: TitleStore;
  readonly #films: Films;
  readonly #events: CatalogEvents;
  readonly #clock: Clock;
  readonly #onWrite: () => void;

  constructor(deps: {
    readonly db: Db;
    readonly inbox: Inbox;
    readonly store: TitleStore;
    readonly films: Films;
    readonly events: CatalogEvents;
    readonly clock: Clock;
    /** Called after a commit that the search index has to follow. */
    readonly onWrite: () => void;
  }) {
    this.#db = deps.db;
    this.#inbox = deps.inbox;
    this.#store = deps.store;
    this.#films = deps.films;
    this.#events = deps.events;
    this.#clock = deps.clock;
    this.#onWrite = deps.onWrite;
  }

  /** The title that the same request made before, or a new draft. */
  async create(fields: TitleFields & Pick<Title, "kind">, requestId: string): Promise<Title> {
    const now = this.#clock.now();
    const made = await this.#db.tx(async (tx) => {
      const title = await this.#store.insert(tx, { id: newId(), ...fields }, requestId, now);
      if (title !== undefined) await this.#films.follow(tx, { assetIds: [], titleIds: [title.id] });
      return title;
    });
    const title = made ?? (await this.#store.findByRequest(requestId));
    if (title === undefined) throw errors.TITLE_NOT_FOUND();
    return title;
  }

  /** Throws `TITLE_NOT_FOUND`; deleted titles are found, so that they can be brought back. */
  async get(id: string): Promise<Title> {
    const title = await this.#store.find(id);
    if (title === undefined) throw errors.TITLE_NOT_FOUND();
    return title;
  }

  list(filter: TitleFilter, limit: number, after?: After): Promise<Title[]> {
    return this.#store.list(filter, limit, after);
  }

  /** Replaces the given fields. Throws `TITLE_NOT_FOUND`, `TITLE_CHANGED`, `TITLE_INCOMPLETE` for a published one. */
  async update(id: string, change: Partial<TitleFields>, etag: string): Promise<Title> {
    return this.#change(id, etag, async (tx, title) => {
      if (title.state === "deleted") throw errors.TITLE_WRONG_STATE(title.state, "changed");
      const fields: TitleFields = { ...title, ...change };
      if (title.state === "published") requireComplete(fields);
      await this.#store.saveFields(tx, id, fields, this.#clock.now());
    });
  }

  /** Throws `TITLE_INCOMPLETE` naming what is missing. Publishing twice is no error. */
  async publish(id: string, etag: string): Promise<Title> {
    return this.#change(id, etag, async (tx, title) => {
      if (title.state === "deleted") throw errors.TITLE_WRONG_STATE(title.state, "published");
      requireComplete(title);
      if (title.state !== "published") await this.#store.saveState(tx, id, "published", this.#clock.now());
    });
  }

  /** Unpublishing what is not published is no error. */
  async unpublish(id: string, etag: string): Promise<Title> {
    return this.#change(id, etag, async (tx, title) => {
      if (title.state === "published") await this.#store.saveState(tx, id, "unpublished", this.#clock.now());
    });
  }

  async delete(id: string, etag: string): Promise<Title> {
    return this.#change(id, etag, async (tx, title) => {
      if (title.state !== "deleted") await this.#store.saveState(tx, id, "deleted", this.#clock.now());
    });
  }

  async undelete(id: string): Promise<Title> {
    return this.#change(id, "", async (tx, title) => {
      if (title.state === "deleted") await this.#store.saveState(tx, id, "draft", this.#clock.now());
    });
  }

  /** Locks, checks the etag, changes, and says what viewers have to learn of it, in one transaction. */
  async #change(id: string, etag: string, work: (tx: Tx, title: Title) => Promise<void>): Promise<Title> {
    return this.#db.tx(async (tx) => {
      const before = await this.#store.lock(tx, id);
      if (before === undefined) throw errors.TITLE_NOT_FOUND();
      if (etag !== "" && etag !== etagOf(before)) throw errors.TITLE_CHANGED();
      await work(tx, before);
      const after = await this.#store.lock(tx, id);
      if (after === undefined) throw errors.TITLE_NOT_FOUND();
      const assetIds = before.assetId === undefined ? [] : [before.assetId];
      if (after.version !== before.version) await this.#films.follow(tx, { assetIds, titleIds: [id] });
      await this.#tell(tx, before, after);
      return after;
    });
  }

  async #tell(tx: Tx, before: Title, after: Title): Promise<void> {
    if (after.version === before.version) return;
    tx.afterCommit(this.#onWrite);
    if (after.state === "published") await this.#events.published(tx, after, before.state !== "published");
    else if (before.state === "published") await this.#events.unpublished(tx, after);
  }

  /**
   * A revision of an asset is packaged: remembers it, and shows it with every title that plays the asset. Only a larger
   * revision changes anything, so that the same event twice, or an older one late, does not.
   */
  async packaged(
    assetId: string,
    pack: { readonly media: TitleMedia; readonly packageJson: object; readonly stills: readonly Still[] },
  ): Promise<void> {
    const now = this.#clock.now();
    await this.#db.tx(async (tx) => {
      // The lock comes first: a title that chooses the asset at the same time waits, and then finds the package.
      const before = await this.#store.lockByAsset(tx, assetId);
      if (!(await this.#store.savePackage(tx, assetId, pack, now))) return;
      for (const title of before) await this.#store.touch(tx, title.id, now);
      for (const after of await this.#store.lockByAsset(tx, assetId)) {
        const was = before.find(({ id }) => id === after.id);
        if (was !== undefined) await this.#tell(tx, was, after);
      }
    });
  }

  /** Counts a started play once, however often the event comes. */
  async viewed(eventId: string, titleId: string): Promise<void> {
    await this.#db.tx(async (tx) => {
      if (!(await this.#inbox.firstTime(tx, eventId))) return;
      // Event ids are UUIDv7: their last digits are random, which spreads the counting over the slots.
      await this.#store.countView(tx, titleId, Number.parseInt(eventId.slice(-4), 16));
    });
  }
}

function requireComplete(fields: TitleFields): void {
  const missing = missingForPublish(fields);
  if (missing.length > 0) throw errors.TITLE_INCOMPLETE(missing);
}
