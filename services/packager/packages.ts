/** Packages as others see them: asked for by finished renditions, shown to operators, removed with their asset. */

import { loadPage, type Page, type PageRequest } from "#pkg/aip/page";
import type { Inbox } from "#pkg/app/module";
import type { Clock } from "#pkg/clock/clock";
import type { Db } from "#pkg/postgres/db";
import type { Revision, RevisionInput } from "./domain/revision.ts";
import { errors } from "./errors.ts";
import type { RevisionStore } from "./store/revision-store.ts";

/** A set of tracks for a revision. */
export interface NewInput {
  readonly assetId: string;
  readonly revision: number;
  readonly input: RevisionInput;
  /** The larger is the newer. */
  readonly version: bigint;
}

export interface PackagesOptions {
  readonly db: Db;
  readonly store: RevisionStore;
  readonly inbox: Inbox;
  readonly clock: Clock;
}

export class Packages {
  readonly #options: PackagesOptions;

  constructor(options: PackagesOptions) {
    this.#options = options;
  }

  /** Takes in a set of tracks once, however often the event comes. */
  async accept(eventId: string, of: NewInput): Promise<void> {
    const { db, store, inbox, clock } = this.#options;
    await db.tx(async (tx) => {
      if (await inbox.firstTime(tx, eventId)) await store.accept(tx, { ...of, at: clock.now() });
    });
  }

  /** Ends everything about a deleted asset; work on it stops at its next renewal. */
  async deleteOf(eventId: string, assetId: string): Promise<void> {
    const { db, store, inbox, clock } = this.#options;
    await db.tx(async (tx) => {
      if (await inbox.firstTime(tx, eventId)) await store.deleteAsset(tx, assetId, clock.now());
    });
  }

  /** `revision` undefined means the newest that is ready. Throws `PACKAGE_NOT_FOUND`. */
  async get(packageId: string, revision: number | undefined): Promise<Revision> {
    const found = await this.#options.store.find(packageId, revision);
    if (found === undefined) throw errors.PACKAGE_NOT_FOUND();
    return found;
  }

  /** Newest first. Throws `PAGE_TOKEN_INVALID`. */
  async list(request: PageRequest, filter: { readonly assetId: string | undefined }): Promise<Page<Revision>> {
    return loadPage(request, {
      parameters: [filter.assetId ?? ""],
      cursorOf: (item) => ({ at: item.createdAt.getTime(), id: item.packageId, revision: item.revision }),
      load: (limit, after) =>
        this.#options.store.list(filter, {
          limit,
          after: after && {
            createdAt: new Date(Number(after.at)),
            packageId: String(after.id),
            revision: Number(after.revision),
          },
        }),
    });
  }

  /** Throws `PACKAGE_NOT_FOUND`, `PACKAGE_NOT_FAILED`. One that was started over already is answered as it is. */
  async retry(packageId: string, revision: number): Promise<Revision> {
    const started = await this.#options.store.retry(packageId, revision);
    if (started !== undefined) return started;
    const found = await this.get(packageId, revision);
    if (found.state === "packaging") return found;
    throw errors.PACKAGE_NOT_FAILED(found.state);
  }
}
