/**
 * Facts that services tell each other. What holds for every adapter, because EventBridge with SQS can keep it: each
 * subscribed consumer gets each event at least once, in no order; one that fails comes again with a growing delay,
 * and after `MAX_DELIVERIES` it is parked, never dropped: the consumer's next start, with the release that can handle it,
 * delivers it again. A handler that found no room, or a peer away, has not failed. Events published before a consumer
 * first subscribed do not reach it.
 */

import type { Any } from "@bufbuild/protobuf/wkt";

/** How often an event is delivered to a consumer that keeps failing before it is parked. */
export const MAX_DELIVERIES = 10;

export interface BusEvent {
  /** UUIDv7; the same at every delivery, so that a consumer can tell a repeat. */
  readonly id: string;
  /** The module that said it. */
  readonly source: string;
  readonly occurredAt: Date;
  /** Events about the same thing carry the same key, at most 128 characters. It groups; it promises no order. */
  readonly key: string;
  /** W3C trace context of the work that caused it, or empty. */
  readonly traceparent: string;
  /** The event message; its type name is what a subscription names. At most 200 KiB. */
  readonly payload: Any;
}

export interface Subscription {
  /** The consumer's stable name: deliveries are shared between processes that use the same name. */
  readonly consumer: string;
  /** Full proto type names, such as `matinee.ingestion.v1.AssetIngested`. */
  readonly types: readonly string[];
  /** Resolving acknowledges; throwing asks for another delivery. Must be idempotent by `event.id`. */
  readonly handle: (event: BusEvent, signal: AbortSignal) => Promise<void>;
}

export interface EventBus extends AsyncDisposable {
  /** Resolves once every event is durable. Publishing the same id again is no error and may deliver it again. */
  publish(events: readonly BusEvent[]): Promise<void>;
  /**
   * Makes a subscription durable without delivering: what is published from now on waits for the consumer. For hosts
   * that know every module, so that no event is lost to a consumer whose process starts later. Replaces its types. What was parked is due again.
   */
  register(consumer: string, types: readonly string[]): Promise<void>;
  /** Registers the consumer, then delivers until the signal is aborted and running handlers have ended. */
  subscribe(subscription: Subscription, signal: AbortSignal): Promise<void>;
}
