/** Notification: tells people what happened. */

import { NotificationService } from "#gen/matinee/notification/v1/notification_service_pb";
import { defineModule, serve } from "#pkg/app/module";
import { looping } from "#pkg/work/loop";
import { notificationConfig } from "./config.ts";
import { consumedEvents, notificationConsumers } from "./events.ts";
import { notificationHandler } from "./handler.ts";
import { prune } from "./prune.ts";
import { Reading } from "./reading.ts";
import { openNotificationStore } from "./store/notification-store.ts";
import { Writing } from "./writing.ts";

export const notification = defineModule({
  name: "notification",
  summary: "Tells people what happened",
  owns: ["inbox", "notification"],
  config: notificationConfig,
  serves: [NotificationService],
  routes: [],
  calls: [],
  needs: ["postgres"],
  emits: [],
  consumes: consumedEvents,
  migrations: new URL("./migrations/", import.meta.url),
  async open(host, config) {
    const { postgres: db, clock, log } = host;
    const store = openNotificationStore(db);
    const count = host.metrics.counter("matinee_notification_written_total", "Notifications, by kind", ["kind"]);
    const writing = new Writing({
      db,
      store,
      clock,
      log,
      handled: host.inbox,
      written: (message) => {
        count.add(1, { kind: message.kind });
        log.info({ kind: message.kind, subject: message.subject }, "notification written");
      },
    });
    const reading = new Reading({
      db,
      store,
      clock,
      keepAliveMs: config.keepAlive,
      streamsPerAccount: config.streamsPerAccount,
    });
    return {
      services: [serve(NotificationService, notificationHandler(reading))],
      consumers: notificationConsumers(writing),
      background: [
        { name: "hints for streams", run: (signal) => reading.listen(signal) },
        looping("prune", () => prune(store, clock, config.retention), host),
      ],
      ready: () => db.ping(),
    };
  },
});
