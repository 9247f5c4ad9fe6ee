/** The contract's methods: convert, call, convert. */

import type { NotificationService } from "#gen/matinee/notification/v1/notification_service_pb";
import { loadPage } from "#pkg/aip/page";
import type { Call, Handler } from "#pkg/rpc/call";
import { userOf } from "#pkg/rpc/principal";
import { notificationId, toProtoNotification } from "./convert.ts";
import { type Inbox, OPERATORS_INBOX } from "./domain/notification.ts";
import type { Reading } from "./reading.ts";

export function notificationHandler(reading: Reading): Handler<typeof NotificationService> {
  return {
    async listNotifications(request, call) {
      const inboxes = inboxesOf(call);
      const page = await loadPage(request, {
        parameters: [],
        load: (limit, after) =>
          reading.list(inboxes, { afterId: after === undefined ? undefined : String(after.id), limit }),
        cursorOf: (notification) => ({ id: notification.id }),
      });
      return {
        notifications: page.items.map(toProtoNotification),
        nextPageToken: page.nextPageToken,
        unreadCount: await reading.countUnread(inboxes),
      };
    },

    async *watchNotifications(request, call) {
      const afterId = request.after === "" ? undefined : notificationId(request.after);
      for await (const notification of reading.watch(inboxesOf(call), afterId, call.signal)) {
        yield notification === undefined ? {} : { notification: toProtoNotification(notification) };
      }
    },

    async markNotificationsRead(request, call) {
      const through = request.through === "" ? undefined : notificationId(request.through);
      await reading.markRead(inboxesOf(call), request.names.map(notificationId), through);
      return {};
    },
  };
}

/** The account's own, and the operators' for those who may read quality. */
function inboxesOf(call: Call): [Inbox, ...Inbox[]] {
  const user = userOf(call);
  const operates = user.roles.includes("operator") && user.permissions.includes("quality.read");
  return operates ? [user.accountId, OPERATORS_INBOX] : [user.accountId];
}
