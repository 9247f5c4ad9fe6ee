/** The event bus in PostgreSQL: a row per event and consumer, leased while it is handled. */

import type { Clock } from "#pkg/clock/clock";
import { isRetryable } from "#pkg/errors/errors";
import { isOutOfSpace } from "#pkg/errors/space";
import type { Logger } from "#pkg/obs/obs";
import type { Db } from "#pkg/postgres/db";
import { holdLeaseFor } from "#pkg/work/lease";
import { looping } from "#pkg/work/loop";
import { type EnvelopeRow, toEvent } from "./envelope-row.ts";
import { errors } from "./errors.ts";
import { DEFAULT_CONCURRENCY, type EventBus, MAX_DELIVERIES, occurredAt, type Subscription } from "./eventbus.ts";
import { checkConcurrency, checkEvent } from "./limits.ts";

// Not pg-boss: its publish() fans out alike, but what a failed job's delay and end are is set per queue, and queues
// are made at run time by its own migrations and maintenance. Here it is four statements on one table, under the
// leases that the queue and the log have too.

/** Looking by time as well covers what another process let go; a lost connection wakes by itself. */
const POLL_MS = 5000;

export interface PostgresEventBusOptions {
  readonly db: Db;
  readonly clock: Clock;
  readonly log: Logger;
  /** `verify` changes no subscription, and refuses consumers that have not got theirs. Default `own`. */
  readonly routing?: "own" | "verify";
  /** How long a dead process keeps an event from others; a living one renews. Default 10 s. */
  readonly leaseMs?: number;
  /** Delay before the second delivery; it doubles, up to 5 minutes. Default 1 s. */
  readonly retryMs?: number;
}

const RETRY_MOST_MS = 300_000;
const WAIT_MS = 2000;
const MAX_ERROR_CHARS = 2000;

/** Owns `db`. */
export function openPostgresEventBus(options: PostgresEventBusOptions): EventBus {
  const { db, log } = options;
  const closed = new AbortController();
  const running = new Set<Promise<void>>();

  return {
    async publish(events) {
      for (const event of events) checkEvent(event);
      if (events.length === 0) return;
      await db.query(
        `with new_rows as (
           insert into deliveries (consumer, event_id, source, type, key, occurred_at, traceparent, version, payload)
           select s.consumer, e.id, e.source, e.type, e.key, e.occurred_at, e.traceparent, e.version, e.payload
           from unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::timestamptz[], $6::text[], $7::bigint[],
                       $8::bytea[])
             as e (id, source, type, key, occurred_at, traceparent, version, payload)
           join subscriptions s on s.type = e.type
           on conflict do nothing
           returning consumer)
         select pg_notify(current_schema() || '.deliveries', consumer) from (select distinct consumer from new_rows)`,
        [
          events.map((event) => event.id),
          events.map((event) => event.source),
          events.map((event) => event.type),
          events.map((event) => event.key),
          events.map(occurredAt),
          events.map((event) => event.traceparent),
          events.map((event) => event.version),
          events.map((event) => Buffer.from(event.data)),
        ],
      );
    },

    async register(consumer, types) {
      await route(options, consumer, types);
      const taken = await db.execute(
        `update deliveries set parked_at = null, attempts = 0, due_at = now()
         where consumer = $1 and parked_at is not null`,
        [consumer],
      );
      if (taken > 0) log.warn({ consumer, events: taken }, "events that were parked are delivered again");
    },

    async parked(consumer) {
      const rows = await db.query<{ count: number }>(
        "select count(*)::int as count from deliveries where consumer = $1 and parked_at is not null",
        [consumer],
      );
      return rows[0]?.count ?? 0;
    },

    async subscribe(subscription, signal) {
      checkConcurrency(subscription.concurrency ?? DEFAULT_CONCURRENCY);
      const until = AbortSignal.any([signal, closed.signal]);
      const delivering = deliver({ ...options, subscription }, until);
      running.add(delivering);
      try {
        await delivering;
      } finally {
        running.delete(delivering);
      }
    },

    async [Symbol.asyncDispose]() {
      closed.abort();
      await Promise.allSettled(running);
      await db[Symbol.asyncDispose]();
    },
  };
}

interface Delivering extends PostgresEventBusOptions {
  readonly subscription: Subscription;
}

async function deliver(options: Delivering, signal: AbortSignal): Promise<void> {
  const { db, clock, log, subscription } = options;
  const { consumer } = subscription;
  const leaseMs = options.leaseMs ?? 10_000;
  const handling = new Set<Promise<void>>();
  let registered = false;
  let slotFree: () => void = () => undefined;
  const work = async () => {
    if (!registered) {
      await route(options, consumer, subscription.types);
      registered = true;
    }
    const free = (subscription.concurrency ?? DEFAULT_CONCURRENCY) - handling.size;
    if (free === 0) return POLL_MS;
    const rows = await claim(db, consumer, free, leaseMs);
    for (const row of rows) {
      const one = handle(options, row, leaseMs, signal).finally(() => {
        handling.delete(one);
        // there may be more than fitted
        slotFree();
      });
      handling.add(one);
    }
    return rows.length > 0 ? "again" : nextDueMs(db, consumer);
  };
  await looping(`event consumer ${consumer}`, work, {
    clock,
    log,
    async listen(wake, until) {
      slotFree = () => wake("");
      await db.listen("deliveries", wake, until);
    },
    concerns: (payload) => payload === consumer,
  }).run(signal);
  await Promise.all(handling);
}

/** A type that the consumer no longer names does not reach it any more, but for what already waits for it. */
async function route(
  { db, routing }: PostgresEventBusOptions,
  consumer: string,
  types: readonly string[],
): Promise<void> {
  if (routing === "verify") {
    const routed = await db.query<{ type: string }>("select type from subscriptions where consumer = $1", [consumer]);
    const missing = types.filter((type) => !routed.some((row) => row.type === type));
    if (missing.length > 0) throw errors.EVENT_NOT_ROUTED(consumer, missing);
    return;
  }
  await db.tx(async (tx) => {
    await tx.execute("delete from subscriptions where consumer = $1 and type <> all ($2::text[])", [consumer, types]);
    await tx.execute(
      `insert into subscriptions (consumer, type) select $1, type from unnest($2::text[]) as type
       on conflict do nothing`,
      [consumer, types],
    );
  });
}

async function claim(db: Db, consumer: string, max: number, leaseMs: number): Promise<DeliveryRow[]> {
  return db.query<DeliveryRow>(
    // Materialized: a plan that asks the inner part anew for each row takes more rows than its limit.
    `with next as materialized (
       select event_id from deliveries
       where consumer = $1 and due_at <= now() and parked_at is null
       order by due_at limit $2 for update skip locked)
     update deliveries d
     set attempts = attempts + 1, due_at = now() + make_interval(secs => $3::float8 / 1000)
     from next
     where d.consumer = $1 and d.event_id = next.event_id
     returning d.event_id, d.source, d.type, d.key, d.occurred_at, d.traceparent, d.version, d.payload, d.attempts,
       d.last_error`,
    [consumer, max, leaseMs],
  );
}

async function nextDueMs(db: Db, consumer: string): Promise<number> {
  const rows = await db.query<{ due_ms: number | null }>(
    `select ceil(extract(epoch from min(due_at) - now()) * 1000)::float8 as due_ms
     from deliveries where consumer = $1 and parked_at is null`,
    [consumer],
  );
  // one that is due but locked by another process is looked for again shortly, not at once
  return Math.min(POLL_MS, Math.max(rows[0]?.due_ms ?? POLL_MS, 20));
}

/** Never throws: an outcome that cannot be written is as good as a failed delivery, and the lease runs out. */
async function handle(options: Delivering, row: DeliveryRow, leaseMs: number, signal: AbortSignal): Promise<void> {
  const { db, clock, log, subscription } = options;
  const { consumer } = subscription;
  const lease = renewing(options, row, leaseMs);
  let failure: { readonly error: unknown } | undefined;
  try {
    // It may have been taken while we were told to end: nothing begins then.
    signal.throwIfAborted();
    await subscription.handle(toEvent(row.event_id, row), signal);
  } catch (error) {
    failure = { error };
  }
  await lease[Symbol.asyncDispose]();
  try {
    if (failure === undefined) {
      await db.execute("delete from deliveries where consumer = $1 and event_id = $2", [consumer, row.event_id]);
    } else if (signal.aborted) {
      // cut short by our own going: not the handler's failure, and another process may have it at once
      await db.query(
        `with given_back as (
           update deliveries set due_at = now(), attempts = attempts - 1
           where consumer = $1 and event_id = $2 and attempts = $3 returning consumer)
         select pg_notify(current_schema() || '.deliveries', consumer) from given_back`,
        [consumer, row.event_id, row.attempts],
      );
    } else if (isOutOfSpace(failure.error) || isRetryable(failure.error)) {
      // Nothing is wrong with the event or its consumer: it comes again until there is room, or what was away is back.
      const text = String(failure.error).slice(0, MAX_ERROR_CHARS);
      await db.execute(
        `update deliveries set due_at = now() + make_interval(secs => $3::float8 / 1000), last_error = $4,
           attempts = attempts - 1
         where consumer = $1 and event_id = $2 and attempts = $5`,
        [consumer, row.event_id, options.retryMs ?? WAIT_MS, text, row.attempts],
      );
      if (row.last_error === text) return;
      const fields = { consumer, eventId: row.event_id, type: row.type, err: failure.error };
      log.warn(fields, "event waits for what its consumer needs");
    } else {
      const parked = row.attempts >= MAX_DELIVERIES;
      const delayMs = Math.min((options.retryMs ?? 1000) * 2 ** (row.attempts - 1), RETRY_MOST_MS);
      await db.execute(
        `update deliveries set due_at = now() + make_interval(secs => $3::float8 / 1000), last_error = $4,
           parked_at = case when $5 then now() end
         where consumer = $1 and event_id = $2`,
        [consumer, row.event_id, delayMs, String(failure.error).slice(0, MAX_ERROR_CHARS), parked],
      );
      const fields = { consumer, eventId: row.event_id, type: row.type, attempts: row.attempts, err: failure.error };
      if (parked) log.error(fields, "event parked: its consumer kept failing");
      else log.warn({ ...fields, retryAt: new Date(clock.now().getTime() + delayMs) }, "event consumer failed");
    }
  } catch (error) {
    log.warn({ consumer, eventId: row.event_id, err: error }, "outcome of an event not written; it comes again");
  }
}

/** A handler is idempotent, so one that lost its event to another process is not stopped. */
function renewing({ db, clock, subscription }: Delivering, row: DeliveryRow, leaseMs: number): AsyncDisposable {
  return holdLeaseFor({
    clock,
    leaseMs,
    async renew() {
      const kept = await db.execute(
        `update deliveries set due_at = now() + make_interval(secs => $4::float8 / 1000)
         where consumer = $1 and event_id = $2 and attempts = $3`,
        [subscription.consumer, row.event_id, row.attempts, leaseMs],
      );
      return kept > 0;
    },
  });
}

type DeliveryRow = EnvelopeRow & {
  readonly event_id: string;
  readonly attempts: number;
  readonly last_error: string | null;
};
