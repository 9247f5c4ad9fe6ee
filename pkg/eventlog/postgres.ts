/** The event log in PostgreSQL: numbered rows in a few partitions, and a position per consumer group. */

import { createHash } from "node:crypto";
import { type Clock, newId } from "#pkg/clock/clock";
import type { Logger } from "#pkg/obs/obs";
import type { Db } from "#pkg/postgres/db";
import { type HeldLease, holdLeaseFor } from "#pkg/work/lease";
import { looping } from "#pkg/work/loop";
import type { EventLog, LogRecord, StoredRecord } from "./eventlog.ts";
import { checkName, checkRecord } from "./limits.ts";

// Job queues such as pg-boss and graphile-worker delete what was read: they keep no order per key, no offsets and no
// second reader, so none of them can stand in for a log.

/** How many readers of a group can share a topic's work. */
const PARTITIONS = 8;
const BATCH_RECORDS = 500;
const BATCH_BYTES = 4 * 1024 * 1024;
/** Looking by time as well covers partitions that another process let go; a lost connection wakes by itself. */
const POLL_MS = 5000;
const PRUNE_EVERY_MS = 600_000;

export interface PostgresEventLogOptions {
  readonly db: Db;
  readonly clock: Clock;
  readonly log: Logger;
  /** How long records are kept. Default 7 days. */
  readonly retentionMs?: number;
  /** How long a dead process keeps a partition from others; a living one renews. Default 10 s. */
  readonly leaseMs?: number;
  /** Delay before a batch that failed comes again. Default 1 s. */
  readonly retryMs?: number;
}

/** Owns `db`. */
export function openPostgresEventLog(options: PostgresEventLogOptions): EventLog {
  const { db, clock } = options;
  const closed = new AbortController();
  const running = new Set<Promise<void>>();
  const known = new Set<string>();
  let pruneAt = clock.now().getTime();

  async function ensureTopic(topic: string): Promise<void> {
    checkName(topic);
    if (known.has(topic)) return;
    await db.execute(
      `insert into partitions (topic, partition) select $1, generate_series(0, $2::int - 1) on conflict do nothing`,
      [topic, PARTITIONS],
    );
    known.add(topic);
  }

  async function prune(): Promise<void> {
    const now = clock.now().getTime();
    if (now < pruneAt) return;
    pruneAt = now + PRUNE_EVERY_MS;
    const pruneSome = () =>
      db.execute(
        `delete from records where ctid = any (array(
           select ctid from records where appended_at < now() - make_interval(secs => $1::float8 / 1000) limit 1000))`,
        [options.retentionMs ?? 7 * 86_400_000],
      );
    while ((await pruneSome()) === 1000);
  }

  async function consume(
    topic: string,
    group: string,
    handle: (batch: readonly StoredRecord[], signal: AbortSignal) => Promise<void>,
    signal: AbortSignal,
  ): Promise<void> {
    checkName(group);
    const reader: Reader = { ...options, topic, group, holder: newId() };
    let registered = false;
    const work = async () => {
      if (!registered) {
        await ensureTopic(topic);
        await db.execute(
          `insert into positions (topic, group_name, partition)
           select topic, $2, partition from partitions where topic = $1 on conflict do nothing`,
          [topic, group],
        );
        registered = true;
      }
      await prune();
      const partition = await hold(reader);
      if (partition === undefined) return nextDueMs(reader);
      await readOnce(reader, partition, handle, signal);
      return "again";
    };
    await looping(`event log group ${group} on ${topic}`, work, {
      clock,
      log: options.log,
      listen: (wake, until) => db.listen("records", wake, until),
      concerns: (payload) => payload === topic,
    }).run(signal);
  }

  return {
    async append(topic, records) {
      for (const record of records) checkRecord(record);
      if (records.length === 0) return;
      await ensureTopic(topic);
      await appendAll(db, topic, records);
    },

    async consume(topic, group, handle, signal) {
      const consuming = consume(topic, group, handle, AbortSignal.any([signal, closed.signal]));
      running.add(consuming);
      try {
        await consuming;
      } finally {
        running.delete(consuming);
      }
    },

    async lag(topic, group) {
      checkName(topic);
      checkName(group);
      const rows = await db.query<{ lag: string }>(
        `select coalesce(sum(p.next_offset - coalesce(o.next_offset, 0)), 0) as lag
         from partitions p left join positions o
           on o.topic = p.topic and o.partition = p.partition and o.group_name = $2
         where p.topic = $1`,
        [topic, group],
      );
      return Number(rows[0]?.lag ?? 0);
    },

    async [Symbol.asyncDispose]() {
      closed.abort();
      await Promise.allSettled(running);
      await db[Symbol.asyncDispose]();
    },
  };
}

async function appendAll(db: Db, topic: string, records: readonly LogRecord[]): Promise<void> {
  const partitions = records.map((record) => partitionOf(record.key));
  await db.tx(async (tx) => {
    // always in the same order, so that two writers cannot wait for each other
    await tx.query(
      `select partition from partitions where topic = $1 and partition = any ($2::int[]) order by partition for update`,
      [topic, partitions],
    );
    await tx.query(
      `with input as (
         select * from unnest($2::int[], $3::text[], $4::bytea[], $5::text[])
           with ordinality as i (partition, key, value, headers, place)
       ), numbered as (
         select *, row_number() over (partition by partition order by place) - 1 as ahead from input
       ), moved as (
         update partitions p set next_offset = next_offset + c.n
         from (select partition, count(*) as n from input group by partition) c
         where p.topic = $1 and p.partition = c.partition
         returning p.partition, p.next_offset - c.n as first
       ), written as (
         insert into records (topic, partition, "offset", key, value, headers)
         select $1, n.partition, m.first + n.ahead, n.key, n.value, n.headers::jsonb
         from numbered n join moved m on m.partition = n.partition)
       select pg_notify(current_schema() || '.records', $1)`,
      [
        topic,
        partitions,
        records.map((record) => record.key),
        records.map(({ value }) => (value === undefined ? null : Buffer.from(value))),
        records.map((record) => JSON.stringify(record.headers ?? {})),
      ],
    );
  });
}

interface Reader extends PostgresEventLogOptions {
  readonly topic: string;
  readonly group: string;
  readonly holder: string;
}

const DEFAULT_LEASE_MS = 10_000;

/** Takes one partition that nobody holds and that has records to read, the longest unattended first. */
async function hold({ db, topic, group, holder, leaseMs }: Reader): Promise<number | undefined> {
  const rows = await db.query<{ partition: number }>(
    `update positions set holder = $3, held_until = now() + make_interval(secs => $4::float8 / 1000)
     where topic = $1 and group_name = $2 and partition = (
       select o.partition from positions o join partitions p on p.topic = o.topic and p.partition = o.partition
       where o.topic = $1 and o.group_name = $2 and o.held_until <= now() and p.next_offset > o.next_offset
       order by o.held_until limit 1 for update of o skip locked)
     returning partition`,
    [topic, group, holder, leaseMs ?? DEFAULT_LEASE_MS],
  );
  return rows[0]?.partition;
}

async function nextDueMs({ db, topic, group }: Reader): Promise<number> {
  const rows = await db.query<{ due_ms: number | null }>(
    `select ceil(extract(epoch from min(o.held_until) - now()) * 1000)::float8 as due_ms
     from positions o join partitions p on p.topic = o.topic and p.partition = o.partition
     where o.topic = $1 and o.group_name = $2 and p.next_offset > o.next_offset`,
    [topic, group],
  );
  return Math.min(POLL_MS, Math.max(rows[0]?.due_ms ?? POLL_MS, 20));
}

async function readOnce(
  reader: Reader,
  partition: number,
  handle: (batch: readonly StoredRecord[], signal: AbortSignal) => Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  const { db, log, topic, group } = reader;
  const batch = await readBatch(reader, partition);
  const last = batch.at(-1);
  if (last === undefined) return skipPruned(reader, partition);
  const lease = renewing(reader, partition);
  let failure: { readonly error: unknown } | undefined;
  try {
    await handle(batch, AbortSignal.any([signal, lease.lost]));
  } catch (error) {
    failure = { error };
  }
  await lease[Symbol.asyncDispose]();
  if (failure === undefined) {
    await db.execute(
      `update positions set next_offset = $5, holder = null, held_until = now()
       where topic = $1 and group_name = $2 and partition = $3 and holder = $4`,
      [topic, group, partition, reader.holder, last.offset + 1n],
    );
    return;
  }
  if (lease.lost.aborted) log.warn({ topic, group, partition }, "event log partition went to another consumer");
  else if (!signal.aborted)
    log.warn({ topic, group, partition, err: failure.error }, "event log batch failed; it comes again");
  await release(reader, partition, signal.aborted ? 0 : (reader.retryMs ?? 1000));
}

async function readBatch({ db, topic, group }: Reader, partition: number): Promise<StoredRecord[]> {
  const rows = await db.query<RecordRow>(
    `select "offset", key, value, headers, appended_at from (
       select r.*, sum(coalesce(octet_length(r.value), 0)) over (order by r."offset") as bytes, row_number() over (order by r."offset") as place
       from (select r.* from records r
             join positions o on o.topic = $1 and o.group_name = $2 and o.partition = $3
             where r.topic = $1 and r.partition = $3 and r."offset" >= o.next_offset
             order by r."offset" limit $4) r) r
     where place = 1 or bytes <= $5
     order by "offset"`,
    [topic, group, partition, BATCH_RECORDS, BATCH_BYTES],
  );
  return rows.map((row) => ({
    partition,
    offset: BigInt(row.offset),
    key: row.key,
    value: row.value === null ? undefined : new Uint8Array(row.value),
    headers: row.headers,
    appendedAt: row.appended_at,
  }));
}

/** All that the group had not read was too old and is gone: it goes on behind it. */
async function skipPruned({ db, topic, group, holder }: Reader, partition: number): Promise<void> {
  await db.execute(
    `update positions o set holder = null, held_until = now(), next_offset = case
       when exists (select from records r where r.topic = $1 and r.partition = $3 and r."offset" >= o.next_offset)
       then o.next_offset else p.next_offset end
     from partitions p
     where p.topic = $1 and p.partition = $3
       and o.topic = $1 and o.group_name = $2 and o.partition = $3 and o.holder = $4`,
    [topic, group, partition, holder],
  );
}

async function release({ db, topic, group, holder }: Reader, partition: number, afterMs: number): Promise<void> {
  await db.execute(
    `update positions set holder = null, held_until = now() + make_interval(secs => $5::float8 / 1000)
     where topic = $1 and group_name = $2 and partition = $3 and holder = $4`,
    [topic, group, partition, holder, afterMs],
  );
}

/** Lost once another one may hold the partition: it took it, or no renewal came through in time. */
function renewing(reader: Reader, partition: number): HeldLease {
  const { db, clock, topic, group, holder, leaseMs = DEFAULT_LEASE_MS } = reader;
  return holdLeaseFor({
    clock,
    leaseMs,
    async renew() {
      const kept = await db.execute(
        `update positions set held_until = now() + make_interval(secs => $5::float8 / 1000)
         where topic = $1 and group_name = $2 and partition = $3 and holder = $4`,
        [topic, group, partition, holder, leaseMs],
      );
      return kept > 0;
    },
  });
}

/** The same key always comes to the same partition, in every process and release. */
function partitionOf(key: string): number {
  return createHash("sha256").update(key).digest().readUInt32BE(0) % PARTITIONS;
}

type RecordRow = {
  readonly offset: string;
  readonly key: string;
  readonly value: Buffer | null;
  readonly headers: Readonly<Record<string, string>>;
  readonly appended_at: Date;
};
