/** Business events of the profile service: into the outbox, a counter and the log. */

import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import {
  AccountDeletedSchema,
  ListChangedSchema,
  ProfileCreatedSchema,
  SessionsEndedSchema,
} from "#gen/matinee/profile/v1/events_pb";
import type { Outbox } from "#pkg/app/module";
import type { Logger, Metrics } from "#pkg/obs/obs";
import type { Tx } from "#pkg/postgres/db";
import type { Profile } from "./domain/account.ts";

export const PROFILE_EVENTS = [
  ProfileCreatedSchema,
  ListChangedSchema,
  SessionsEndedSchema,
  AccountDeletedSchema,
] as const;

/** As the contract says: an account may have more sessions than fit into one event. */
const MAX_SESSIONS_PER_EVENT = 1_000;

/** Why sessions ended, for the log. */
export type EndReason = "signed out" | "refresh token reused" | "account erased" | "password replaced";

export type ProfileEvents = ReturnType<typeof openProfileEvents>;

export function openProfileEvents(deps: {
  readonly outbox: Outbox<(typeof PROFILE_EVENTS)[number]>;
  readonly log: Logger;
  readonly metrics: Metrics;
}) {
  const { outbox, log } = deps;
  const accounts = deps.metrics.counter("matinee_accounts_total", "Accounts made and erased", ["change"]);
  const ended = deps.metrics.counter("matinee_sessions_ended_total", "Sign-in sessions ended, by why", ["reason"]);
  return {
    async profileCreated(tx: Tx, profile: Profile): Promise<void> {
      const event = { account: `accounts/${profile.accountId}`, profile: `profiles/${profile.id}` };
      await outbox.emit(tx, ProfileCreatedSchema, event, profile.accountId);
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

    async sessionsEnded(
      tx: Tx,
      accountId: string,
      sessionIds: readonly string[],
      endedAt: Date,
      reason: EndReason,
    ): Promise<void> {
      for (let from = 0; from < sessionIds.length; from += MAX_SESSIONS_PER_EVENT) {
        const sessions = sessionIds.slice(from, from + MAX_SESSIONS_PER_EVENT);
        await outbox.emit(
          tx,
          SessionsEndedSchema,
          { account: `accounts/${accountId}`, sessions, endTime: timestampFromDate(endedAt) },
          accountId,
        );
      }
      if (sessionIds.length === 0) return;
      tx.afterCommit(() => {
        ended.add(sessionIds.length, { reason });
        log.info({ accountId, sessions: sessionIds.length, reason }, "sessions ended");
      });
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
