/** Keeps which sessions ended early for as long as access tokens of theirs may live. */

import type { EndedSession, EndedSessionFeed } from "#pkg/auth/ended-sessions";
import type { Clock } from "#pkg/clock/clock";
import type { Tx } from "#pkg/postgres/db";
import type { EndedSessionStore } from "./store/ended-session-store.ts";

/** A token that was signed as its session ended, and clocks that differ. */
const MARGIN_MS = 60_000;

const CURSOR = /^\d{1,20}$/;

export interface EndedSessionList extends EndedSessionFeed {
  /** In the transaction that ends them; this process knows as soon as it has committed. */
  add(tx: Tx, sessionIds: readonly string[], endedAt: Date): Promise<void>;
  sweep(): Promise<void>;
}

export function newEndedSessionList(deps: {
  readonly store: EndedSessionStore;
  readonly clock: Clock;
  readonly accessTokenLifeMs: number;
}): EndedSessionList {
  const { store, clock } = deps;
  const keepMs = deps.accessTokenLifeMs + MARGIN_MS;
  const listeners = new Set<(sessions: readonly EndedSession[]) => void>();
  const untilMs = (endedAt: Date) => endedAt.getTime() + keepMs;
  const oldest = () => new Date(clock.now().getTime() - keepMs);

  return {
    async add(tx, sessionIds, endedAt) {
      if (sessionIds.length === 0) return;
      await store.insert(tx, sessionIds, endedAt);
      tx.afterCommit(() => {
        const sessions = sessionIds.map((id) => ({ id, untilMs: untilMs(endedAt) }));
        for (const listener of listeners) listener(sessions);
      });
    },

    async since(cursor) {
      const known = cursor !== undefined && CURSOR.test(cursor) ? cursor : undefined;
      const answer = await store.listSince(known, oldest());
      return {
        cursor: answer.cursor,
        sessions: answer.sessions.map(({ id, endedAt }) => ({ id, untilMs: untilMs(endedAt) })),
      };
    },

    onEnded: (listener) => void listeners.add(listener),

    sweep: () => store.removeBefore(oldest()),
  };
}
