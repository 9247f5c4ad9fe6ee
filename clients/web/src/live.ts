/** What the service says while the page is open: notifications and changed films, one stream of each for all tabs. */

import { fromBinary, toBinary } from "@bufbuild/protobuf";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import { nowMs } from "@matinee/sdk/clock";
import {
  FilmService,
  type WatchFilmsResponse,
  WatchFilmsResponseSchema,
} from "@matinee/sdk/gen/matinee/catalog/v1/film_service_pb";
import { type Notification, NotificationSchema } from "@matinee/sdk/gen/matinee/notification/v1/notification_pb";
import { NotificationService } from "@matinee/sdk/gen/matinee/notification/v1/notification_service_pb";
import type { Platform } from "@matinee/sdk/platform";
import type { Session } from "@matinee/sdk/session";
import { shareStream } from "@matinee/sdk/shared-stream";

const NOTIFICATION_PAGE = 30;

export interface NotificationList {
  /** Newest first. */
  readonly items: readonly Notification[];
  readonly unread: number;
  /** The newest that came while the page was open; what was there before is no news. */
  readonly news: Notification | undefined;
}

const NOTHING: NotificationList = { items: [], unread: 0, news: undefined };

/** A film as it is now; or the name of one that is gone; or neither: whatever happened before now may have been missed. */
export type FilmChange = Pick<WatchFilmsResponse, "film" | "gone">;

/** Lives as long as the page; follows whoever is signed in. */
export class Live {
  readonly #platform: Platform;
  readonly #session: Session;
  readonly #listeners = new Set<() => void>();
  readonly #filmListeners = new Set<(change: FilmChange) => void>();
  #notifications = NOTHING;
  #stop: AbortController | undefined;
  #filmsFollowed = false;

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

  /** Tells of films that change; only the studio needs them. Answers how to stop. */
  onFilm(listener: (change: FilmChange) => void): () => void {
    this.#filmListeners.add(listener);
    this.#followFilms();
    return () => this.#filmListeners.delete(listener);
  }

  #followFilms(): void {
    const account = this.#session.current?.account;
    if (this.#filmsFollowed || this.#stop === undefined || account === undefined) return;
    this.#filmsFollowed = true;
    shareStream<WatchFilmsResponse>({
      name: `matinee-films-${account}`,
      open: (signal) => this.#openFilms(signal),
      // Whoever comes later asks for the films as they are then.
      keyOf: () => undefined,
      encode: (change) => toBinary(WatchFilmsResponseSchema, change),
      decode: (bytes) => fromBinary(WatchFilmsResponseSchema, bytes),
      onMessage: (change) => {
        for (const listener of this.#filmListeners) listener(change);
      },
      signal: this.#stop.signal,
    });
  }

  /** Marks everything up to the newest that is shown; where that fails, the count comes back. */
  async markRead(): Promise<void> {
    const before = this.#notifications;
    const [newest] = before.items;
    if (newest === undefined || before.unread === 0) return;
    const readTime = timestampFromDate(new Date(nowMs()));
    this.#set({ unread: 0, items: before.items.map((item) => ({ ...item, readTime: item.readTime ?? readTime })) });
    try {
      await this.#platform.client(NotificationService).markNotificationsRead({ through: newest.name });
    } catch {
      const { items, unread } = this.#notifications;
      const known = new Map(before.items.map((item) => [item.name, item]));
      this.#set({ unread: unread + before.unread, items: items.map((item) => known.get(item.name) ?? item) });
    }
  }

  async *#openFilms(signal: AbortSignal): AsyncGenerator<WatchFilmsResponse | undefined> {
    let isFirst = true;
    for await (const change of this.#platform.client(FilmService).watchFilms({}, { signal })) {
      // The first sign of life says that the stream begins, perhaps anew; later ones say nothing.
      yield isFirst || change.film !== undefined || change.gone !== "" ? change : undefined;
      isFirst = false;
    }
  }

  async *#openNotifications(signal: AbortSignal): AsyncGenerator<Notification | undefined> {
    const after = this.#notifications.items[0]?.name ?? "";
    const stream = this.#platform.client(NotificationService).watchNotifications({ after }, { signal });
    for await (const { notification } of stream) yield notification;
  }

  #restart(): void {
    this.#stop?.abort();
    this.#stop = undefined;
    this.#filmsFollowed = false;
    this.#set(NOTHING);
    const account = this.#session.current?.account;
    if (account === undefined) return;
    this.#stop = new AbortController();
    void this.#loadNotifications(account, this.#stop.signal);
    if (this.#filmListeners.size > 0) this.#followFilms();
  }

  async #loadNotifications(account: string, signal: AbortSignal): Promise<void> {
    const page = await this.#platform
      .client(NotificationService)
      .listNotifications({ pageSize: NOTIFICATION_PAGE }, { signal })
      .catch(() => undefined);
    if (signal.aborted) return;
    if (page !== undefined) this.#set({ items: page.notifications, unread: page.unreadCount });
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
    // Names grow with time; another tab repeats what it has heard, also what this one knows or has left behind.
    if (notification.name <= (items[0]?.name ?? "")) return;
    this.#set({
      items: [notification, ...items].slice(0, NOTIFICATION_PAGE),
      unread: unread + 1,
      news: notification,
    });
  }

  #set(change: Partial<NotificationList>): void {
    this.#notifications = { ...this.#notifications, ...change };
    this.#changed();
  }

  #changed(): void {
    for (const listener of this.#listeners) listener();
  }
}
