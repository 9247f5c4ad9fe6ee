/** What a viewer may watch, keeps for later, and has watched so far. */

import type { Clock } from "#pkg/clock/clock";
import type { Db } from "#pkg/postgres/db";
import type { ListItem, Profile, ResumePoint } from "./domain/account.ts";
import { type Plan, planOf } from "./domain/plan.ts";
import { errors } from "./errors.ts";
import type { ProfileEvents } from "./events.ts";
import type { AccountStore } from "./store/account-store.ts";
import type { After, ViewingStore } from "./store/viewing-store.ts";

export interface Viewer {
  readonly profile: Profile;
  readonly plan: Plan;
  readonly resumePoint: ResumePoint | undefined;
}

export class Viewing {
  readonly #db: Db;
  readonly #accounts: AccountStore;
  readonly #store: ViewingStore;
  readonly #events: ProfileEvents;
  readonly #clock: Clock;

  constructor(deps: {
    readonly db: Db;
    readonly accounts: AccountStore;
    readonly store: ViewingStore;
    readonly events: ProfileEvents;
    readonly clock: Clock;
  }) {
    this.#db = deps.db;
    this.#accounts = deps.accounts;
    this.#store = deps.store;
    this.#events = deps.events;
    this.#clock = deps.clock;
  }

  /** Throws `ACCOUNT_NOT_FOUND`, `PROFILE_NOT_FOUND`. */
  async getViewer(accountId: string, profileId: string, titleId: string | undefined): Promise<Viewer> {
    const [account, profile, resumePoint] = await Promise.all([
      this.#accounts.findAccount(accountId),
      this.#accounts.findProfile(profileId),
      titleId === undefined ? undefined : this.#store.findResumePoint(profileId, titleId),
    ]);
    if (account === undefined) throw errors.ACCOUNT_NOT_FOUND();
    if (profile?.accountId !== accountId) throw errors.PROFILE_NOT_FOUND();
    return { profile, plan: planOf(account.tier), resumePoint };
  }

  listProfiles(accountId: string, limit: number, afterId?: string): Promise<Profile[]> {
    return this.#accounts.listProfiles(accountId, limit, afterId);
  }

  /** Throws `PROFILE_NOT_FOUND`: an access token outlives its account by minutes. */
  async addListItem(profileId: string, titleId: string): Promise<ListItem> {
    return this.#db.tx(async (tx) => {
      const added = await this.#store.addListItem(tx, profileId, titleId, this.#clock.now());
      if (added === undefined) throw errors.PROFILE_NOT_FOUND();
      const { item, isNew } = added;
      if (isNew) await this.#events.listChanged(tx, profileId, titleId, "listed");
      return item;
    });
  }

  async removeListItem(profileId: string, titleId: string): Promise<void> {
    await this.#db.tx(async (tx) => {
      const removed = await this.#store.removeListItem(tx, profileId, titleId);
      if (removed) await this.#events.listChanged(tx, profileId, titleId, "unlisted");
    });
  }

  listListItems(profileId: string, limit: number, after?: After): Promise<ListItem[]> {
    return this.#store.listListItems(profileId, limit, after);
  }

  listResumePoints(profileId: string, limit: number, after?: After): Promise<ResumePoint[]> {
    return this.#store.listResumePoints(profileId, limit, after);
  }

  async findResumePoint(profileId: string, titleId: string): Promise<ResumePoint | undefined> {
    return this.#store.findResumePoint(profileId, titleId);
  }

  /** Keeps the newest positions; idempotent, because one that is not newer changes nothing. */
  async saveResumePoints(points: readonly (ResumePoint & { readonly profileId: string })[]): Promise<void> {
    await this.#store.saveResumePoints(points);
  }
}
