/** The transactional outbox and inbox of a service's schema, and the relay from the outbox to the event bus. */

import { create, type DescMessage, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { AnySchema } from "@bufbuild/protobuf/wkt";
import { type Clock, newId } from "#pkg/clock/clock";
import type { Logger } from "#pkg/obs/obs";
import { currentTraceparent } from "#pkg/obs/trace";
import type { Db, Tx } from "#pkg/postgres/db";
import { pollUntilAborted } from "#pkg/postgres/poll";
import type { BusEvent, EventBus } from "./eventbus.ts";

/** Assignable to `Outbox<Emits>` of pkg/app. */
export interface OutboxWriter {
  /** Puts the event into `tx`. Returns the event's id. */
  emit<E extends DescMessage>(tx: Tx, event: E, message: MessageInitShape<E>, key: string): Promise<string>;
}

/** Assignable to `Inbox` of pkg/app. */
export interface InboxReader {
  /** True the first time in this schema; the mark commits or rolls back with `tx`. */
  firstTime(tx: Tx, eventId: string): Promise<boolean>;
}

/** Looking by time as well covers rows that another process held and let go; a lost connection wakes by itself. */
const POLL_MS = 5000;
/** How many events a transaction holds while the bus takes them. */
const BATCH = 50;
/** Longer than the bus goes on delivering an event, by far. */
const INBOX_DAYS = 30;
const PRUNE_EVERY_MS = 3_600_000;

/** `source` is the module's name. Carries the active trace with each event. */
export function openOutbox(options: { readonly source: string; readonly clock: Clock }): OutboxWriter {
  return {
    async emit(tx, event, message, key) {
      const id = newId();
      const payload = toBinary(event, create(event, message));
      await tx.execute(
        `insert into outbox (id, source, type, key, occurred_at, traceparent, payload)
         values ($1, $2, $3, $4, $5, $6, $7)`,
        [id, options.source, event.typeName, key, options.clock.now(), currentTraceparent() ?? "", payload],
      );
      // delivered by the server when tx commits, once per transaction however often it is said
      await tx.query("select pg_notify(current_schema() || '.outbox', '')");
      return id;
    },
  };
}

export function openInbox(): InboxReader {
  return {
    async firstTime(tx, eventId) {
      return (await tx.execute("insert into inbox (event_id) values ($1) on conflict do nothing", [eventId])) === 1;
    },
  };
}

/**
 * Publishes what is in the outbox and removes it, until the signal is aborted; also prunes the inbox of marks older
 * than 30 days. Survives outages of database and bus; safe to run in several processes at once.
 */
export async function runOutboxRelay(
  options: { readonly db: Db; readonly bus: EventBus; readonly clock: Clock; readonly log: Logger },
  signal: AbortSignal,
): Promise<void> {
  const { db, clock } = options;
  let pruneAt = clock.now().getTime();
  await pollUntilAborted(
    {
      name: "outbox relay",
      clock,
      log: options.log,
      listen: (wake, until) => db.listen("outbox", wake, until),
      async work() {
        const published = await relayBatch(db, options.bus);
        if (published === BATCH) return "again";
        if (clock.now().getTime() >= pruneAt) {
          pruneAt = clock.now().getTime() + PRUNE_EVERY_MS;
          await pruneInbox(db);
        }
        return POLL_MS;
      },
    },
    signal,
  );
}

/** A relay that dies between publishing and committing publishes again: the bus promises at least once. */
async function relayBatch(db: Db, bus: EventBus): Promise<number> {
  // Most looks find nothing, and one statement is a third of a transaction.
  const [first] = await db.query("select 1 from outbox limit 1");
  if (first === undefined) return 0;
  return db.tx(async (tx) => {
    const rows = await tx.query<OutboxRow>(
      `select id, source, type, key, occurred_at, traceparent, payload from outbox
       order by id limit $1 for update skip locked`,
      [BATCH],
    );
    if (rows.length === 0) return 0;
    await bus.publish(rows.map(toBusEvent));
    await tx.execute("delete from outbox where id = any($1::uuid[])", [rows.map((row) => row.id)]);
    return rows.length;
  });
}

async function pruneInbox(db: Db): Promise<void> {
  const prune = () =>
    db.execute(
      `delete from inbox where event_id in
         (select event_id from inbox where handled_at < now() - make_interval(days => $1) limit 1000)`,
      [INBOX_DAYS],
    );
  while ((await prune()) === 1000);
}

type OutboxRow = {
  readonly id: string;
  readonly source: string;
  readonly type: string;
  readonly key: string;
  readonly occurred_at: Date;
  readonly traceparent: string;
  readonly payload: Buffer;
};

function toBusEvent(row: OutboxRow): BusEvent {
  return {
    id: row.id,
    source: row.source,
    occurredAt: row.occurred_at,
    key: row.key,
    traceparent: row.traceparent,
    payload: create(AnySchema, { typeUrl: `type.googleapis.com/${row.type}`, value: row.payload }),
  };
}
