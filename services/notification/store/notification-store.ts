/** Notifications in Postgres. */

import { newId } from "#pkg/clock/clock";
import type { Db, Tx } from "#pkg/postgres/db";
import type { Inbox, Message, Notification, NotificationKind } from "../domain/notification.ts";
import { NOTIFICATION_COLUMNS, type NotificationRow, toNotification } from "./rows.ts";

/** Wakes watchers; the payload is the inbox. */
export const INBOX_CHANNEL = "inboxes";

/** How far a watcher has read each of its inboxes. */
export type Position = ReadonlyMap<Inbox, number>;

export interface NotificationStore {
  /** Locks the inbox until the transaction ends; false where its account was erased. */
  open(tx: Tx, inbox: Inbox): Promise<boolean>;
  /** False where the inbox took the message before, or its account was erased; then nothing is written. */
  add(tx: Tx, inbox: Inbox, message: Message, now: Date): Promise<boolean>;
  /** True where the inbox holds a message of this kind about the subject. */
  has(tx: Tx, inbox: Inbox, kind: NotificationKind, subject: string): Promise<boolean>;
  /** Newest first, after `afterId` where it is given. */
  list(
    inboxes: readonly Inbox[],
    page: { readonly afterId: string | undefined; readonly limit: number },
  ): Promise<Notification[]>;
  countUnread(inboxes: readonly Inbox[]): Promise<number>;
  /** Behind the notification, or behind all that are there where none is named. */
  positionAfter(inboxes: readonly Inbox[], id: string | undefined): Promise<Position>;
  /** Oldest first. */
  listBehind(position: Position, limit: number): Promise<Notification[]>;
  /** Those with these ids, and all up to `throughId`: ids grow with time. */
  markRead(
    inboxes: readonly Inbox[],
    which: { readonly ids: readonly string[]; readonly throughId: string | undefined },
    now: Date,
  ): Promise<void>;
  /** Forgets up to `limit` that were written before, and says how many. */
  prune(before: Date, limit: number): Promise<number>;
  /** Remembers who handed the asset in, and gives out what waited for that, once. */
  saveOwner(tx: Tx, asset: string, ownerId: string): Promise<Message[]>;
  /** Who handed the asset in, where that is known; locks what is known of it until the transaction ends. */
  lockOwner(tx: Tx, asset: string): Promise<string | undefined>;
  /** Keeps a message until it is known who handed the asset in. */
  addWaiting(tx: Tx, asset: string, eventId: string, message: Message, now: Date): Promise<void>;
  /** Forgets up to `limit` that have waited since before, and says how many. */
  pruneWaiting(before: Date, limit: number): Promise<number>;
  /** Removes the inbox's notifications and what is known of its owner, for good. */
  erase(tx: Tx, inbox: Inbox): Promise<void>;
}

export function openNotificationStore(db: Db): NotificationStore {
  return {
    async open(tx, inbox) {
      const [row] = await tx.query<{ is_erased: boolean }>(
        `insert into inboxes (id, last_seq) values ($1, 0)
         on conflict (id) do update set last_seq = inboxes.last_seq returning is_erased`,
        [inbox],
      );
      return row?.is_erased === false;
    },

    async add(tx, inbox, message, now) {
      // The lock first: without it a smaller number could become visible after a larger one.
      const [numbered] = await tx.query<{ last_seq: string }>(
        `insert into inboxes (id, last_seq) values ($1, 1)
         on conflict (id) do update set last_seq = inboxes.last_seq + 1 where not inboxes.is_erased
         returning last_seq`,
        [inbox],
      );
      if (numbered === undefined) return false;
      const count = await tx.execute(
        `insert into notifications (id, inbox, seq, kind, headline, body, subject, once, created_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9) on conflict on constraint notifications_once do nothing`,
        [
          newId(),
          inbox,
          numbered.last_seq,
          message.kind,
          message.headline,
          message.body,
          message.subject,
          message.once,
          now,
        ],
      );
      if (count === 1) await tx.query(`select pg_notify(current_schema() || '.${INBOX_CHANNEL}', $1)`, [inbox]);
      return count === 1;
    },

    async has(tx, inbox, kind, subject) {
      const rows = await tx.query(
        "select 1 from notifications where inbox = $1 and kind = $2 and subject = $3 limit 1",
        [inbox, kind, subject],
      );
      return rows.length > 0;
    },

    async list(inboxes, page) {
      const rows = await db.query<NotificationRow>(
        `select ${NOTIFICATION_COLUMNS} from notifications
         where inbox = any($1::text[]) and ($2::uuid is null or id < $2) order by id desc limit $3`,
        [inboxes, page.afterId ?? null, page.limit],
      );
      return rows.map(toNotification);
    },

    async countUnread(inboxes) {
      const [row] = await db.query<{ unread: string }>(
        "select count(*) as unread from notifications where inbox = any($1::text[]) and read_at is null",
        [inboxes],
      );
      return Number(row?.unread ?? 0);
    },

    async positionAfter(inboxes, id) {
      // Ids grow with time, so a notification that is forgotten, or lies in the other inbox, still says where to begin.
      const rows = await db.query<{ inbox: string; seq: string }>(
        `select i as inbox,
           case when $2::uuid is null then coalesce((select last_seq from inboxes where id = i), 0)
           else coalesce((select seq from notifications where inbox = i and id = $2),
                         (select max(seq) from notifications where inbox = i and id < $2), 0) end as seq
         from unnest($1::text[]) as i`,
        [inboxes, id ?? null],
      );
      return new Map(rows.map((row) => [row.inbox, Number(row.seq)]));
    },

    async listBehind(position, limit) {
      const rows = await db.query<NotificationRow>(
        `select ${NOTIFICATION_COLUMNS} from notifications
         join unnest($1::text[], $2::bigint[]) as p (p_inbox, p_seq) on inbox = p_inbox and seq > p_seq
         order by seq limit $3`,
        [[...position.keys()], [...position.values()], limit],
      );
      return rows.map(toNotification);
    },

    async markRead(inboxes, { ids, throughId }, now) {
      await db.execute(
        `update notifications set read_at = $4
         where (id = any($2::uuid[]) or id <= $3::uuid) and inbox = any($1::text[]) and read_at is null`,
        [inboxes, ids, throughId ?? null, now],
      );
    },

    prune: (before, limit) =>
      db.execute(
        `delete from notifications where id in
           (select id from notifications where created_at < $1 order by created_at limit $2)`,
        [before, limit],
      ),

    async saveOwner(tx, asset, ownerId) {
      await tx.execute(
        `insert into asset_owners (asset, owner_id) values ($1, $2)
         on conflict (asset) do update set owner_id = coalesce(asset_owners.owner_id, excluded.owner_id)`,
        [asset, ownerId],
      );
      const rows = await tx.query<{ message: Message }>(
        "delete from waiting_messages where asset = $1 returning message",
        [asset],
      );
      return rows.map((row) => row.message);
    },

    async lockOwner(tx, asset) {
      const [row] = await tx.query<{ owner_id: string | null }>(
        `insert into asset_owners (asset) values ($1)
         on conflict (asset) do update set owner_id = asset_owners.owner_id returning owner_id`,
        [asset],
      );
      return row?.owner_id ?? undefined;
    },

    async addWaiting(tx, asset, eventId, message, now) {
      await tx.execute(
        "insert into waiting_messages (event_id, asset, message, created_at) values ($1, $2, $3, $4) on conflict do nothing",
        [eventId, asset, JSON.stringify(message), now],
      );
    },

    async pruneWaiting(before, limit) {
      const rows = await db.query<{ asset: string }>(
        `delete from waiting_messages where event_id in
           (select event_id from waiting_messages where created_at < $1 order by created_at limit $2)
         returning asset`,
        [before, limit],
      );
      await db.execute(
        `delete from asset_owners o where asset = any($1::text[]) and owner_id is null
           and not exists (select from waiting_messages w where w.asset = o.asset)`,
        [rows.map((row) => row.asset)],
      );
      return rows.length;
    },

    async erase(tx, inbox) {
      // The mark first: who writes to the inbox at the same time is either gone with it or sees the mark.
      await tx.execute(
        `insert into inboxes (id, last_seq, is_erased) values ($1, 0, true)
         on conflict (id) do update set is_erased = true`,
        [inbox],
      );
      await tx.execute("delete from notifications where inbox = $1", [inbox]);
      await tx.execute("delete from asset_owners where owner_id::text = $1", [inbox]);
    },
  };
}
