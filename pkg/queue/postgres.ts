/** The queue in PostgreSQL. */

import { type Clock, newId } from "#pkg/clock/clock";
import type { Db } from "#pkg/postgres/db";
import { WakeUp } from "#pkg/work/wake-up";
import { checkName, checkReceive, checkSend, checkVisibility } from "./limits.ts";
import type { Queue, QueueMessage } from "./queue.ts";

// Not pg-boss or graphile-worker: pg-boss fixes time-out and tries when a job is sent or its queue made, and here each
// receiver chooses and changes them, as with SQS; graphile-worker runs handlers in a loop of its own, hands out no
// leases, and frees the jobs of a killed process after four hours.

/** Looking by time as well covers notifications that were lost with a connection. */
const POLL_MS = 2000;

/** Owns `db`. */
export function openPostgresQueue(options: { readonly db: Db; readonly clock: Clock }): Queue {
  const { db, clock } = options;
  const closed = new AbortController();
  const wakeUps = new Map<string, Set<WakeUp>>();
  let listening: Promise<void> | undefined;

  function wake(queue: string): void {
    for (const [name, waiting] of wakeUps) {
      if (queue === "" || queue === name) for (const wakeUp of waiting) wakeUp.wake();
    }
  }

  async function claim(queue: string, max: number, visibilitySeconds: number): Promise<QueueMessage[]> {
    const rows = await db.query<MessageRow>(
      // Materialized: a plan that asks the inner part anew for each row takes more rows than its limit.
      `with next as materialized (
         select id from messages where queue = $1 and visible_at <= now()
         order by visible_at limit $2 for update skip locked)
       update messages m
       set visible_at = now() + make_interval(secs => $3), receive_count = receive_count + 1,
           receipt = gen_random_uuid()
       from next
       where m.id = next.id
       returning m.id, m.body, m.receive_count, m.receipt`,
      [queue, max, visibilitySeconds],
    );
    return rows.map((row) => toMessage(db, queue, row));
  }

  async function nextDueMs(queue: string): Promise<number> {
    const rows = await db.query<{ due_ms: number | null }>(
      `select ceil(extract(epoch from min(visible_at) - now()) * 1000)::float8 as due_ms
       from messages where queue = $1`,
      [queue],
    );
    // a message that is due but locked by another receiver is looked for again shortly, not at once
    return Math.max(rows[0]?.due_ms ?? POLL_MS, 20);
  }

  async function sendMany(
    queue: string,
    bodies: readonly string[],
    { delaySeconds = 0 }: { readonly delaySeconds?: number } = {},
  ): Promise<void> {
    for (const body of bodies) checkSend(queue, body, delaySeconds);
    if (bodies.length === 0) return;
    await db.query(
      `with sent as (
         insert into messages (id, queue, body, visible_at)
         select id, $2, body, now() + make_interval(secs => $4) from unnest($1::uuid[], $3::text[]) as m (id, body))
       select pg_notify(current_schema() || '.messages', $2)`,
      [bodies.map(() => newId()), queue, bodies, delaySeconds],
    );
  }

  return {
    send: (queue, body, options) => sendMany(queue, [body], options),

    sendMany,

    async receive(queue, { max, waitSeconds, visibilitySeconds, signal: callerSignal }) {
      checkReceive(queue, max, waitSeconds, visibilitySeconds);
      const signal = callerSignal ? AbortSignal.any([callerSignal, closed.signal]) : closed.signal;
      const giveUpAt = clock.now().getTime() + 1000 * waitSeconds;
      const wakeUp = new WakeUp();
      const waiting = wakeUps.get(queue) ?? new Set();
      wakeUps.set(queue, waiting.add(wakeUp));
      if (waitSeconds > 0) listening ??= db.listen("messages", wake, closed.signal);
      try {
        while (!signal.aborted) {
          wakeUp.reset();
          const messages = await claim(queue, max, visibilitySeconds);
          const leftMs = giveUpAt - clock.now().getTime();
          if (messages.length > 0 || leftMs <= 0) return messages;
          await wakeUp.wait(Math.min(leftMs, POLL_MS, await nextDueMs(queue)), clock, signal);
        }
        return [];
      } finally {
        waiting.delete(wakeUp);
        if (waiting.size === 0) wakeUps.delete(queue);
      }
    },

    async ackMany(queue, messages) {
      checkName(queue);
      await db.execute("delete from messages where queue = $1 and id = any ($2::uuid[])", [
        queue,
        messages.map(({ id }) => id),
      ]);
    },

    async depth(queue) {
      checkName(queue);
      const rows = await db.query<{ visible: number; in_flight: number }>(
        `select count(*) filter (where visible_at <= now())::int as visible,
                count(*) filter (where visible_at > now() and receive_count > 0)::int as in_flight
         from messages where queue = $1`,
        [queue],
      );
      return { visible: rows[0]?.visible ?? 0, inFlight: rows[0]?.in_flight ?? 0 };
    },

    async [Symbol.asyncDispose]() {
      closed.abort();
      await listening;
      await db[Symbol.asyncDispose]();
    },
  };
}

type MessageRow = {
  readonly id: string;
  readonly body: string;
  readonly receive_count: number;
  readonly receipt: string;
};

function toMessage(db: Db, queue: string, row: MessageRow): QueueMessage {
  return {
    id: row.id,
    body: row.body,
    receiveCount: row.receive_count,
    async ack() {
      await db.execute("delete from messages where id = $1", [row.id]);
    },
    async setVisibility(delaySeconds) {
      checkVisibility(delaySeconds);
      await db.query(
        `with changed as (
           update messages set visible_at = now() + make_interval(secs => $3)
           where id = $1 and receipt = $2 returning queue)
         select pg_notify(current_schema() || '.messages', $4) from changed`,
        [row.id, row.receipt, delaySeconds, queue],
      );
    },
  };
}
