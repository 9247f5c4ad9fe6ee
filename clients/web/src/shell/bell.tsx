/** The bell: what happened, live, and how much of it is new. */

import { nowMs } from "@matinee/sdk/clock";
import { type Notification, Notification_Kind } from "@matinee/sdk/gen/matinee/notification/v1/notification_pb";
import { toDate } from "@matinee/sdk/time";
import { useState, useSyncExternalStore } from "react";
import { Link } from "wouter";
import { useApp } from "../app-context.ts";
import { Icon, type IconName } from "../ui/icon.tsx";
import { ago, idOf } from "../words.ts";
import styles from "./bell.module.css";
import { Popover } from "./popover.tsx";

export function Bell() {
  const { live } = useApp();
  const { items, unread, news } = useSyncExternalStore(live.subscribe, live.notifications);
  // What was unread when the panel was opened stays marked in it, though it counts as read from then on.
  const [fresh, setFresh] = useState<ReadonlySet<string>>(new Set());
  const isNew = (item: Notification) => item.readTime === undefined || fresh.has(item.name);
  const badge = unread > 9 ? "9+" : String(unread);
  return (
    <>
      {/* What was there before the page is told by the button's name; only what comes now is read out. */}
      <p className="visually-hidden" role="status" data-testid="bell-news">
        {news?.headline ?? ""}
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
        onOpen={() => {
          setFresh(new Set(items.filter(({ readTime }) => readTime === undefined).map(({ name }) => name)));
          void live.markRead();
        }}
      >
        {(close) => (
          <div className={styles.list}>
            <h2>Notifications</h2>
            {items.length === 0 && <p className={styles.none}>Nothing yet. News of your films shows up here.</p>}
            <ul>
              {items.map((item) => (
                <li key={item.name} className={styles.item} data-testid="notification" data-new={isNew(item)}>
                  <Entry item={item} isNew={isNew(item)} onFollow={close} />
                </li>
              ))}
            </ul>
          </div>
        )}
      </Popover>
    </>
  );
}

function Entry({
  item,
  isNew,
  onFollow,
}: {
  readonly item: Notification;
  readonly isNew: boolean;
  readonly onFollow: () => void;
}) {
  const href = hrefOf(item.subject);
  const content = (
    <>
      <Icon name={iconOf(item.kind)} />
      <span>
        <strong>
          {item.headline}
          {isNew && <span className="visually-hidden"> (new)</span>}
        </strong>
        {item.body !== "" && <span>{item.body}</span>}
        <time dateTime={toDate(item.createTime)?.toISOString()}>{ago(toDate(item.createTime), nowMs())}</time>
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
