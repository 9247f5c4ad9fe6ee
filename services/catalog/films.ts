/** The studio's list of films: follows what the services say, and reads it page by page. */

import type { Clock } from "#pkg/clock/clock";
import type { Db, Tx } from "#pkg/postgres/db";
import { WakeUp } from "#pkg/work/wake-up";
import { entriesOf, type FilmFacts, type FilmStatus, NO_FACTS, shownRevision, statusOf } from "./domain/film.ts";
import type { Still, Title } from "./domain/title.ts";
import { errors } from "./errors.ts";
import { FILMS_CHANNEL, type FilmFilter, type FilmPart, type FilmStore, type ListedFilm } from "./store/film-store.ts";
import type { After, TitleStore } from "./store/title-store.ts";

/** A film with everything that is known of it; bodies are messages as proto-JSON. */
export interface SeenFilm {
  readonly film: ListedFilm;
  readonly status: FilmStatus;
  readonly title: Title | undefined;
  readonly stills: readonly Still[];
  readonly asset: object | undefined;
  readonly job: object | undefined;
  readonly package: object | undefined;
}

/** Who looks: everyone's films, or those of one owner. */
export interface FilmScope {
  readonly ownerId: string | undefined;
}

export interface FilmsOptions {
  readonly db: Db;
  readonly store: FilmStore;
  readonly titles: TitleStore;
  readonly clock: Clock;
  readonly keepAliveMs: number;
  readonly streamsPerAccount: number;
}

/** Changes of one film come in bursts: a stream shows the last one of each. */
const COLLECT_MS = 500;
/** More changes than this in one burst are left to the next listing. */
const MAX_PENDING = 1_000;
const LIST_BATCH = 100;
const LIST_AGAIN_MS = 60_000;

interface Watcher {
  readonly wakeUp: WakeUp;
  readonly changed: Set<string>;
}

export class Films {
  readonly #options: FilmsOptions;
  readonly #watchers = new Map<string, Set<Watcher>>();

  constructor(options: FilmsOptions) {
    this.#options = options;
  }

  /** Takes in what a service says of an asset; what is older than what is known changes nothing. */
  async told(tx: Tx, part: FilmPart): Promise<void> {
    const { store } = this.#options;
    await store.lock(tx, [part.assetId]);
    if (await store.savePart(tx, part)) await this.follow(tx, { assetIds: [part.assetId], titleIds: [] });
  }

  /** Makes the rows of these assets and titles anew. Call it after the change, in its transaction. */
  async follow(
    tx: Tx,
    changed: { readonly assetIds: readonly string[]; readonly titleIds: readonly string[] },
  ): Promise<void> {
    const { store, clock } = this.#options;
    const own = await store.loadTitles(tx, changed.titleIds, []);
    const assetIds = [
      ...new Set([...changed.assetIds, ...own.flatMap(({ assetId }) => (assetId === undefined ? [] : [assetId]))]),
    ];
    await store.lock(tx, [...assetIds, ...changed.titleIds]);
    const facts = await store.loadFacts(tx, assetIds);
    const titles = await store.loadTitles(tx, changed.titleIds, assetIds);
    for (const [assetId, { asset }] of facts) if (asset?.state === "deleted") await store.forgetParts(tx, assetId);
    const ids = [...new Set([...assetIds, ...changed.titleIds, ...titles.map(({ id }) => id)])];
    await store.replace(tx, ids, entriesOf(facts, titles), clock.now());
  }

  /** Newest first. */
  async list(filter: FilmFilter, limit: number, after: After | undefined): Promise<SeenFilm[]> {
    return this.#see(await this.#options.store.list(filter, limit, after));
  }

  /** Throws `FILM_NOT_FOUND`, also for somebody else's. */
  async get(id: string, scope: FilmScope): Promise<SeenFilm> {
    const [seen] = await this.#find(id, scope);
    if (seen === undefined) throw errors.FILM_NOT_FOUND();
    return seen;
  }

  /**
   * Films as they change from now on, `gone` for those that no longer have a row; undefined as a sign of life, at once
   * and then in every silence. Ends with the signal. Throws `FILM_STREAMS_EXHAUSTED`.
   */
  async *watch(
    accountId: string,
    scope: FilmScope,
    signal: AbortSignal,
  ): AsyncGenerator<SeenFilm | { readonly gone: string } | undefined> {
    const { clock, keepAliveMs } = this.#options;
    const watcher: Watcher = { wakeUp: new WakeUp(), changed: new Set() };
    this.#enter(accountId, watcher);
    // Whoever goes while nothing is asked of the stream must not keep its place.
    const leave = () => this.#leave(accountId, watcher);
    signal.addEventListener("abort", leave, { once: true });
    try {
      yield undefined;
      while (!signal.aborted) {
        await watcher.wakeUp.wait(keepAliveMs, clock, signal);
        if (signal.aborted) return;
        if (watcher.changed.size === 0) {
          watcher.wakeUp.reset();
          yield undefined;
          continue;
        }
        await clock.sleep(COLLECT_MS, signal).catch(() => undefined);
        watcher.wakeUp.reset();
        const ids = [...watcher.changed];
        watcher.changed.clear();
        for (const id of ids) {
          const [seen] = await this.#find(id, scope);
          if (seen !== undefined) yield seen;
          // Which ids others' films have is not told.
          else if (scope.ownerId === undefined) yield { gone: id };
        }
      }
    } finally {
      signal.removeEventListener("abort", leave);
      leave();
    }
  }

  /** Rings the watchers when any process has changed a film. */
  listen(signal: AbortSignal): Promise<void> {
    return this.#options.db.listen(
      FILMS_CHANNEL,
      (id) => {
        if (id === "") return;
        for (const watchers of this.#watchers.values()) {
          for (const { wakeUp, changed } of watchers) {
            if (changed.size < MAX_PENDING) changed.add(id);
            wakeUp.wake();
          }
        }
      },
      signal,
    );
  }

  /** Puts titles of an earlier release into the list, a few at a time. */
  async listOlder(): Promise<"again" | number> {
    const { db, store } = this.#options;
    const titleIds = await store.unlistedTitles(LIST_BATCH);
    for (const id of titleIds) await db.tx((tx) => this.follow(tx, { assetIds: [], titleIds: [id] }));
    return titleIds.length === LIST_BATCH ? "again" : LIST_AGAIN_MS;
  }

  async #find(id: string, scope: FilmScope): Promise<SeenFilm[]> {
    const film = await this.#options.store.find(id, scope.ownerId);
    return film === undefined ? [] : this.#see([film]);
  }

  async #see(films: readonly ListedFilm[]): Promise<SeenFilm[]> {
    const { db, store, titles } = this.#options;
    const assetIds = films.flatMap(({ assetId }) => (assetId === undefined ? [] : [assetId]));
    const titleIds = films.flatMap(({ titleId }) => (titleId === undefined ? [] : [titleId]));
    const [facts, bodies, known, stills] = await Promise.all([
      store.loadFacts(db, assetIds),
      store.loadBodies(assetIds),
      titles.loadAll(titleIds),
      titles.loadStills(assetIds),
    ]);
    return films.map((film) => {
      const { assetId, titleId } = film;
      const own: FilmFacts = (assetId === undefined ? undefined : facts.get(assetId)) ?? NO_FACTS;
      const body = assetId === undefined ? undefined : bodies.get(assetId);
      const title = titleId === undefined ? undefined : known.get(titleId);
      const revision = shownRevision(own.packages);
      return {
        film,
        status: statusOf(own, assetId !== undefined),
        title,
        stills: title?.stills ?? (assetId === undefined ? undefined : stills.get(assetId)) ?? [],
        asset: body?.get("asset"),
        job: body?.get("job"),
        package: revision === undefined ? undefined : body?.get(`package-${revision}`),
      };
    });
  }

  #enter(accountId: string, watcher: Watcher): void {
    const { streamsPerAccount } = this.#options;
    const watchers = this.#watchers.get(accountId) ?? new Set();
    if (watchers.size >= streamsPerAccount) throw errors.FILM_STREAMS_EXHAUSTED(streamsPerAccount);
    this.#watchers.set(accountId, watchers.add(watcher));
  }

  #leave(accountId: string, watcher: Watcher): void {
    const watchers = this.#watchers.get(accountId);
    watchers?.delete(watcher);
    if (watchers?.size === 0) this.#watchers.delete(accountId);
  }
}
