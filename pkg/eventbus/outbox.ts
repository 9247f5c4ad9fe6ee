/** The transactional outbox and inbox of a service's schema, and the relay from the outbox to the event bus. */

import { create, type DescMessage, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import { type EventEnvelope, EventEnvelopeSchema } from "#gen/matinee/common/v1/event_pb";
import { type Clock, newId } from "#pkg/clock/clock";
import { isAppError } from "#pkg/errors/errors";
import type { Logger } from "#pkg/obs/obs";
import { currentTraceparent } from "#pkg/obs/trace";
import type { Db, Tx } from "#pkg/postgres/db";
import { looping } from "#pkg/work/loop";
import { type EnvelopeRow, toEvent } from "./envelope-row.ts";
import { type EventBus, occurredAt } from "./eventbus.ts";
import { checkEvent } from "./limits.ts";

/** Assignable to `Outbox<Emits>` of pkg/app. */
export interface OutboxWriter {
  /**
   * Puts the event into `tx`; its version is larger than that of any event that a transaction which committed before
   * this call has put in. Returns the event's id. Throws `EVENT_INVALID` for what no bus could carry.
   */
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

interface RelayOptions {
  readonly db: Db;
  readonly bus: EventBus;
  readonly clock: Clock;
  readonly log: Logger;
}

/** `source` is the module's name. Carries the active trace with each event. */
export function openOutbox(options: { readonly source: string; readonly clock: Clock }): OutboxWriter {
  return {
    async emit(tx, event, message, key) {
      const envelope = create(EventEnvelopeSchema, {
        id: newId(),
        type: event.typeName,
        source: options.source,
        key,
        occurTime: timestampFromDate(options.clock.now()),
        traceparent: currentTraceparent() ?? "",
        data: toBinary(event, create(event, message)),
      });
      // Here, where the change that it tells of fails with it: the relay could only put it aside.
      checkEvent(envelope);
      const { id, type, source, traceparent, data } = envelope;
      await tx.execute(
        `insert into outbox (id, source, type, key, occurred_at, traceparent, payload)
         values ($1, $2, $3, $4, $5, $6, $7)`,
        [id, source, type, key, occurredAt(envelope), traceparent, data],
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
 * than 30 days. Survives outages of database and bus; safe to run in several processes at once. An event that the bus
 * refuses is parked, never dropped: the next start tries it again.
 */
export async function runOutboxRelay(options: RelayOptions, signal: AbortSignal): Promise<void> {
  const { db, clock } = options;
  let pruneAt = clock.now().getTime();
  let isStarting = true;
  const work = async () => {
    if (isStarting) await db.execute("update outbox set parked_at = null where parked_at is not null", []);
    isStarting = false;
    const taken = await relayBatch(options);
    if (taken === BATCH) return "again";
    if (clock.now().getTime() >= pruneAt) {
      pruneAt = clock.now().getTime() + PRUNE_EVERY_MS;
      await pruneInbox(db);
    }
    return POLL_MS;
  };
  const listen = (wake: (payload: string) => void, until: AbortSignal) => db.listen("outbox", wake, until);
  await looping("outbox relay", work, { ...options, listen }).run(signal);
}

/** A relay that dies between publishing and committing publishes again: the bus promises at least once. */
async function relayBatch({ db, bus, log }: RelayOptions): Promise<number> {
  // Most looks find nothing, and one statement is a third of a transaction.
  const [first] = await db.query("select 1 from outbox where parked_at is null limit 1");
  if (first === undefined) return 0;
  return db.tx(async (tx) => {
    const rows = await tx.query<OutboxRow>(
      `select id, source, type, key, occurred_at, traceparent, version, payload from outbox
       where parked_at is null order by id limit $1 for update skip locked`,
      [BATCH],
    );
    if (rows.length === 0) return 0;
    const refused = await publish(
      bus,
      rows.map((row) => toEvent(row.id, row)),
    );
    for (const { event, error } of refused) {
      log.error({ eventId: event.id, type: event.type, err: error }, "event parked: the bus refuses it");
    }
    const parked = refused.map(({ event }) => event.id);
    await tx.execute("update outbox set parked_at = now() where id = any($1::uuid[])", [parked]);
    const published = rows.map(({ id }) => id).filter((id) => !parked.includes(id));
    await tx.execute("delete from outbox where id = any($1::uuid[])", [published]);
    return rows.length;
  });
}

/** Answers those that the bus refuses for themselves, so that they hold nothing up; throws where it is away. */
async function publish(
  bus: EventBus,
  events: readonly EventEnvelope[],
): Promise<{ event: EventEnvelope; error: unknown }[]> {
  try {
    await bus.publish(events);
    return [];
  } catch (error) {
    if (!isAppError(error, "EVENT_INVALID")) throw error;
    if (events.length === 1) return events.map((event) => ({ event, error }));
    const refused = [];
    for (const one of events) refused.push(...(await publish(bus, [one])));
    return refused;
  }
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

type OutboxRow = EnvelopeRow & {
  readonly id: string;
};
