/** What a person is told, and the words for it. */

export type NotificationKind =
  | "upload_playable"
  | "upload_ready"
  | "upload_rejected"
  | "processing_failed"
  | "title_published"
  | "quality_alert";

/** Where a notification is put: an account's id, or the inbox that all operators share. */
export type Inbox = string;
export const OPERATORS_INBOX: Inbox = "operators";

/** What is to be told. */
export interface Message {
  readonly kind: NotificationKind;
  /** One line. */
  readonly headline: string;
  readonly body: string;
  /** Resource name of what it is about. */
  readonly subject: string;
  /** The inbox takes one message with the same value, whatever comes again or late. */
  readonly once: string;
}

export interface Notification extends Omit<Message, "once"> {
  readonly id: string;
  readonly inbox: Inbox;
  /** Its place in its inbox. */
  readonly seq: number;
  readonly createdAt: Date;
  readonly readAt: Date | undefined;
}

/** Names of resources: `accounts/{uuid}` and the like. */
export interface AboutAsset {
  readonly asset: string;
  readonly fileName: string;
}

export function playable(about: AboutAsset): Message {
  return {
    kind: "upload_playable",
    headline: `${about.fileName} can be played`,
    body: "The first rendition is there; the better ones follow.",
    subject: about.asset,
    once: `playable ${about.asset}`,
  };
}

export function ready(about: AboutAsset & { readonly package: string }): Message {
  return {
    kind: "upload_ready",
    headline: `${about.fileName} is ready`,
    body: "Every rendition is there.",
    subject: about.asset,
    once: `ready ${about.package}`,
  };
}

export function rejected(about: AboutAsset & { readonly reason: string; readonly message: string }): Message {
  return {
    kind: "upload_rejected",
    headline: `${about.fileName} was refused`,
    body: about.message,
    subject: about.asset,
    once: `rejected ${about.asset}`,
  };
}

/** `what` is the resource that failed, so that each failure is told once and the next one again. */
export function failed(
  about: AboutAsset & { readonly what: string; readonly eventId: string; readonly message: string },
): Message {
  return {
    kind: "processing_failed",
    headline: `${about.fileName} could not be processed`,
    body: about.message,
    subject: about.what,
    once: `failed ${about.eventId}`,
  };
}

export function published(title: {
  readonly name: string;
  readonly displayTitle: string;
  readonly eventId: string;
}): Message {
  return {
    kind: "title_published",
    headline: `${title.displayTitle} is in the catalogue`,
    body: "",
    subject: title.name,
    once: `published ${title.eventId}`,
  };
}

export function qualityAlert(alert: {
  readonly metric: string;
  readonly title: string;
  readonly value: number;
  readonly threshold: number;
  readonly eventId: string;
}): Message {
  const metric = alert.metric.replaceAll("_", " ");
  return {
    kind: "quality_alert",
    headline: `Playing became bad: ${metric} is ${format(alert.value)}`,
    body: `At most ${format(alert.threshold)} is allowed${alert.title === "" ? "" : `; measured for ${alert.title}`}.`,
    subject: alert.title,
    once: `alert ${alert.eventId}`,
  };
}

/** Three digits that matter. */
function format(value: number): string {
  return String(Number(value.toPrecision(3)));
}
