/** Rows of notification's tables, and what they mean. */

import type { Row } from "#pkg/postgres/db";
import type { Notification, NotificationKind } from "../domain/notification.ts";

export const NOTIFICATION_COLUMNS = "id, inbox, seq, kind, headline, body, subject, created_at, read_at";

export interface NotificationRow extends Row {
  readonly id: string;
  readonly inbox: string;
  readonly seq: string;
  readonly kind: string;
  readonly headline: string;
  readonly body: string;
  readonly subject: string;
  readonly created_at: Date;
  readonly read_at: Date | null;
}

export function toNotification(row: NotificationRow): Notification {
  return {
    id: row.id,
    inbox: row.inbox,
    seq: Number(row.seq),
    kind: row.kind as NotificationKind,
    headline: row.headline,
    body: row.body,
    subject: row.subject,
    createdAt: row.created_at,
    readAt: row.read_at ?? undefined,
  };
}
