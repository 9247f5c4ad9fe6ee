/** The bell: what happened, live, and how much of it is new. */

import { type Notification, Notification_Kind } from "@matinee/sdk/gen/matinee/notification/v1/notification_pb";
import { toDate } from "@matinee/sdk/time";
import { useSyncExternalStore } from "react";
import { Link } from "wouter";
import { useApp } from "../app-context.ts";
import { Icon, type IconName } from "../ui/icon.tsx";
import { ago, idOf } from "../words.ts";
import styles from "./bell.module.css";
import { Popover } from "./popover.tsx";

export function Bell() {
  const { live } = useApp();
  const { items, unread } = useSyncExternalStore(live.subscribe, live.notifications);
  const badge = unread > 9 ? "9+" : String(unread);
  return (
    <>
      <p className="visually-hidden" role="status">
        {unread > 0 ? `${unread} new: ${items[0]?.headline ?? ""}` : ""}
      </p>
      <Popover
        // What is seen is part of what is said (WCAG 2.5.3).
        label={unread > 0 ? `Notifications, ${badge} new` : "Notifications"}
        testId="notifications"
        button={<Icon name="bell" />}
        badge={
          unread > 0 && (
            <span className={styles.badge} aria-hidden="true">
              {badge}
            </span>
          )
        }
        onOpen={() => void live.markRead()}
      >
        {(close) => (
          <div className={styles.list}>
            <h2>Notifications</h2>
            {items.length === 0 && <p className={styles.none}>Nothing yet. News of your films shows up here.</p>}
            <ul>
              {items.map((item) => (
                <li key={item.name} className={styles.item} data-testid="notification">
                  <Entry item={item} onFollow={close} />
                </li>
              ))}
            </ul>
          </div>
        )}
      </Popover>
    </>
  );
}

function Entry({ item, onFollow }: { readonly item: Notification; readonly onFollow: () => void }) {
  const href = hrefOf(item.subject);
  const content = (
    <>
      <Icon name={iconOf(item.kind)} />
      <span>
        <strong>{item.headline}</strong>
        {item.body !== "" && <span>{item.body}</span>}
        <time dateTime={toDate(item.createTime)?.toISOString()}>{ago(toDate(item.createTime), Date.now())}</time>
      </span>
    </>
  );
  return href === undefined ? (
    <span>{content}</span>
  ) : (
    <Link href={href} onClick={onFollow}>
      {content}
    </Link>
  );
}

function hrefOf(subject: string): string | undefined {
  if (subject.startsWith("titles/")) return `/title/${idOf(subject)}`;
  return subject.startsWith("assets/") || subject.startsWith("jobs/") ? "/studio" : undefined;
}

function iconOf(kind: Notification_Kind): IconName {
  switch (kind) {
    case Notification_Kind.UPLOAD_PLAYABLE:
      return "play";
    case Notification_Kind.UPLOAD_READY:
      return "check";
    case Notification_Kind.UPLOAD_REJECTED:
    case Notification_Kind.PROCESSING_FAILED:
    case Notification_Kind.QUALITY_ALERT:
      return "warning";
    default:
      return "film";
  }
}
