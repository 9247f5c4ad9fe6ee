/**
 * Which sign-in sessions have ended while access tokens of theirs still live. The issuer of the tokens keeps the list,
 * which is as long as what ended within one token's life; every process that verifies tokens follows it, as it follows
 * the issuer's keys, so that no call waits for a look-up and a lost cache gives no token back its life.
 */

import type { Clock } from "#pkg/clock/clock";
import type { Logger } from "#pkg/obs/obs";
import { looping } from "#pkg/work/loop";
import { type Published, readPublished } from "./published.ts";

export interface EndedSession {
  /** As tokens name it in `sid`. */
  readonly id: string;
  /** No token of the session lives longer. */
  readonly untilMs: number;
}

/** The issuer's list. */
export interface EndedSessionFeed {
  /** What ended since the cursor of an earlier answer, perhaps with some of what ended before; without one, all. */
  since(cursor: string | undefined): Promise<{ readonly sessions: readonly EndedSession[]; readonly cursor: string }>;
  /** Is told of those that end in this process before whoever ended them is answered. */
  onEnded(listener: (sessions: readonly EndedSession[]) => void): void;
}

export interface EndedSessions {
  /** True where the session has ended; at most some seconds late where it ended in another process. */
  has(sessionId: string): boolean;
  /** Follows the issuer until the signal is aborted. While it cannot be reached, what is known stays. */
  follow(source: EndedSessionSource, signal: AbortSignal): Promise<void>;
}

/** In this process, or where another one publishes it. */
export type EndedSessionSource = { readonly feed: EndedSessionFeed } | Published;

export interface EndedSessionsOptions {
  readonly clock: Clock;
  readonly log: Logger;
  /** Is told of sessions that were not known to have ended. */
  readonly onEnded: (sessionIds: ReadonlySet<string>) => void;
}

/** How late a process may hear of a session that ended in another. */
const POLL_MS = 1_000;
/** What nobody asks about any more is forgotten this often. */
const FORGET_MS = 60_000;

export function newEndedSessions(options: EndedSessionsOptions): EndedSessions {
  const { clock, log } = options;
  const untilOf = new Map<string, number>();
  let forgotAtMs = clock.now().getTime();

  function add(sessions: readonly EndedSession[]): void {
    const nowMs = clock.now().getTime();
    const fresh = new Set<string>();
    for (const { id, untilMs } of sessions) {
      if (untilMs <= nowMs || untilOf.has(id)) continue;
      untilOf.set(id, untilMs);
      fresh.add(id);
    }
    if (fresh.size > 0) options.onEnded(fresh);
    if (nowMs - forgotAtMs < FORGET_MS) return;
    forgotAtMs = nowMs;
    for (const [id, untilMs] of untilOf) if (untilMs <= nowMs) untilOf.delete(id);
  }

  return {
    has: (sessionId) => untilOf.has(sessionId),

    async follow(source, signal) {
      if ("feed" in source) source.feed.onEnded(add);
      let cursor: string | undefined;
      const work = async () => {
        const answer = await ("feed" in source ? source.feed.since(cursor) : read(source, cursor, signal));
        add(answer.sessions);
        cursor = answer.cursor;
        return POLL_MS;
      };
      await looping("ended sessions", work, { clock, log }).run(signal);
    },
  };
}

async function read(
  source: Published,
  cursor: string | undefined,
  signal: AbortSignal,
): ReturnType<EndedSessionFeed["since"]> {
  const url = cursor === undefined ? source.url : `${source.url}?since=${encodeURIComponent(cursor)}`;
  const body = await readPublished({ ...source, url }, signal);
  if (!isAnswer(body)) throw new Error(`${source.url} answered something that is no list of sessions`);
  return body;
}

function isAnswer(value: unknown): value is Awaited<ReturnType<EndedSessionFeed["since"]>> {
  if (typeof value !== "object" || value === null || !("sessions" in value) || !("cursor" in value)) return false;
  return typeof value.cursor === "string" && Array.isArray(value.sessions) && value.sessions.every(isEndedSession);
}

function isEndedSession(value: unknown): value is EndedSession {
  if (typeof value !== "object" || value === null || !("id" in value) || !("untilMs" in value)) return false;
  return typeof value.id === "string" && typeof value.untilMs === "number";
}
