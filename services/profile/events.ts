/** Business events of the profile service: into the outbox, a counter and the log. */

import { AccountDeletedSchema, ListChangedSchema, ProfileCreatedSchema } from "#gen/matinee/profile/v1/events_pb";
import type { Outbox } from "#pkg/app/module";
import type { Logger, Metrics } from "#pkg/obs/obs";
import type { Tx } from "#pkg/postgres/db";
import { profileToProto } from "./convert.ts";
import type { Profile } from "./domain/account.ts";

export const PROFILE_EVENTS = [ProfileCreatedSchema, ListChangedSchema, AccountDeletedSchema] as const;

export type ProfileEvents = ReturnType<typeof openProfileEvents>;

export function openProfileEvents(deps: {
  readonly outbox: Outbox<(typeof PROFILE_EVENTS)[number]>;
  readonly log: Logger;
  readonly metrics: Metrics;
}) {
  const { outbox, log } = deps;
  const accounts = deps.metrics.counter("matinee_accounts_total", "Accounts made and erased", ["change"]);
  return {
    async profileCreated(tx: Tx, profile: Profile): Promise<void> {
      await outbox.emit(tx, ProfileCreatedSchema, { profile: profileToProto(profile) }, profile.accountId);
      tx.afterCommit(() => {
        accounts.add(1, { change: "created" });
        log.info({ accountId: profile.accountId, profileId: profile.id }, "profile created");
      });
    },

    async listChanged(tx: Tx, profileId: string, titleId: string, change: "listed" | "unlisted"): Promise<void> {
      await outbox.emit(
        tx,
        ListChangedSchema,
        { profile: `profiles/${profileId}`, title: `titles/${titleId}`, isListed: change === "listed" },
        profileId,
      );
    },

    async accountDeleted(tx: Tx, accountId: string, profileIds: readonly string[]): Promise<void> {
      await outbox.emit(
        tx,
        AccountDeletedSchema,
        { account: `accounts/${accountId}`, profiles: profileIds.map((id) => `profiles/${id}`) },
        accountId,
      );
      tx.afterCommit(() => {
        accounts.add(1, { change: "erased" });
        log.info({ accountId }, "account erased");
      });
    },
  };
}
