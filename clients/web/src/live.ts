/** What the service says while the page is open: notifications and the progress of jobs, one stream for all tabs. */

import { fromBinary, toBinary } from "@bufbuild/protobuf";
import { type Notification, NotificationSchema } from "@matinee/sdk/gen/matinee/notification/v1/notification_pb";
import { NotificationService } from "@matinee/sdk/gen/matinee/notification/v1/notification_service_pb";
import { type Job, JobSchema } from "@matinee/sdk/gen/matinee/transcode/v1/job_pb";
import { TranscodeService } from "@matinee/sdk/gen/matinee/transcode/v1/transcode_service_pb";
import type { Platform } from "@matinee/sdk/platform";
import type { Session } from "@matinee/sdk/session";
import { shareStream } from "@matinee/sdk/shared-stream";

const NOTIFICATION_PAGE = 30;

export interface NotificationList {
  /** Newest first. */
  readonly items: readonly Notification[];
  readonly unread: number;
}

/** Lives as long as the page; follows whoever is signed in. */
export class Live {
  readonly #platform: Platform;
  readonly #session: Session;
  readonly #listeners = new Set<() => void>();
  #notifications: NotificationList = { items: [], unread: 0 };
  #jobs: ReadonlyMap<string, Job> = new Map();
  #stop: AbortController | undefined;
  #jobsFollowed = false;

  constructor(platform: Platform, session: Session) {
    this.#platform = platform;
    this.#session = session;
    session.onChange(() => this.#restart());
    this.#restart();
  }

  subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  notifications = (): NotificationList => this.#notifications;

  /** Jobs that were told of since the page was opened, by name. */
  jobs = (): ReadonlyMap<string, Job> => this.#jobs;

  /** Begins to follow jobs; only the studio needs them. */
  followJobs(): void {
    const account = this.#session.current?.account;
    if (this.#jobsFollowed || this.#stop === undefined || account === undefined) return;
    this.#jobsFollowed = true;
    shareStream<Job>({
      name: `matinee-jobs-${account}`,
      open: (signal) => this.#openJobs(signal),
      keyOf: (job) => job.name,
      encode: (job) => toBinary(JobSchema, job),
      decode: (bytes) => fromBinary(JobSchema, bytes),
      onMessage: (job) => this.setJob(job),
      signal: this.#stop.signal,
    });
  }

  setJob(job: Job): void {
    this.#jobs = new Map(this.#jobs).set(job.name, job);
    this.#changed();
  }

  async markRead(): Promise<void> {
    const names = this.#notifications.items.filter(({ readTime }) => readTime === undefined).map(({ name }) => name);
    if (names.length === 0) return;
    this.#notifications = { items: this.#notifications.items, unread: 0 };
    this.#changed();
    await this.#platform
      .client(NotificationService)
      .markNotificationsRead({ names })
      .catch(() => {
        // They stay unread there and show again at the next visit.
      });
  }

  async *#openJobs(signal: AbortSignal): AsyncGenerator<Job> {
    for await (const { job } of this.#platform.client(TranscodeService).watchJobs({ names: [] }, { signal })) {
      if (job !== undefined) yield job;
    }
  }

  async *#openNotifications(signal: AbortSignal): AsyncGenerator<Notification> {
    const after = this.#notifications.items[0]?.name ?? "";
    const stream = this.#platform.client(NotificationService).watchNotifications({ after }, { signal });
    for await (const { notification } of stream) {
      if (notification !== undefined) yield notification;
    }
  }

  #restart(): void {
    this.#stop?.abort();
    this.#stop = undefined;
    this.#jobsFollowed = false;
    this.#notifications = { items: [], unread: 0 };
    this.#jobs = new Map();
    this.#changed();
    const account = this.#session.current?.account;
    if (account === undefined) return;
    this.#stop = new AbortController();
    void this.#loadNotifications(account, this.#stop.signal);
  }

  async #loadNotifications(account: string, signal: AbortSignal): Promise<void> {
    const page = await this.#platform
      .client(NotificationService)
      .listNotifications({ pageSize: NOTIFICATION_PAGE }, { signal })
      .catch(() => undefined);
    if (signal.aborted) return;
    if (page !== undefined) {
      this.#notifications = { items: page.notifications, unread: page.unreadCount };
      this.#changed();
    }
    shareStream<Notification>({
      name: `matinee-notifications-${account}`,
      open: (inner) => this.#openNotifications(inner),
      keyOf: (notification) => notification.name,
      encode: (notification) => toBinary(NotificationSchema, notification),
      decode: (bytes) => fromBinary(NotificationSchema, bytes),
      onMessage: (notification) => this.#add(notification),
      signal,
    });
  }

  #add(notification: Notification): void {
    const { items, unread } = this.#notifications;
    if (items.some(({ name }) => name === notification.name)) return;
    this.#notifications = { items: [notification, ...items].slice(0, NOTIFICATION_PAGE), unread: unread + 1 };
    this.#changed();
  }

  #changed(): void {
    for (const listener of this.#listeners) listener();
  }
}
