/** Between notification's contracts, the events of others, and its domain. */

import type { MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import { Notification_Kind, type NotificationSchema } from "#gen/matinee/notification/v1/notification_pb";
import { requireId } from "#pkg/aip/resource-name";
import type { Notification, NotificationKind } from "./domain/notification.ts";

const KINDS = {
  upload_playable: Notification_Kind.UPLOAD_PLAYABLE,
  upload_ready: Notification_Kind.UPLOAD_READY,
  upload_rejected: Notification_Kind.UPLOAD_REJECTED,
  processing_failed: Notification_Kind.PROCESSING_FAILED,
  title_published: Notification_Kind.TITLE_PUBLISHED,
  quality_alert: Notification_Kind.QUALITY_ALERT,
} as const satisfies Record<NotificationKind, Notification_Kind>;

export function toProtoNotification(notification: Notification): MessageInitShape<typeof NotificationSchema> {
  return {
    name: `notifications/${notification.id}`,
    kind: KINDS[notification.kind],
    headline: notification.headline,
    body: notification.body,
    subject: notification.subject,
    createTime: timestampFromDate(notification.createdAt),
    ...(notification.readAt && { readTime: timestampFromDate(notification.readAt) }),
  };
}

export function notificationId(name: string): string {
  return requireId("notifications", name);
}

/** The account's id in an event's `accounts/{uuid}`. */
export function accountId(owner: string): string {
  return requireId("accounts", owner);
}
