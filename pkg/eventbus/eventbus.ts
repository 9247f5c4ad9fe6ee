/**
 * Facts that services tell each other. What holds for every adapter, because EventBridge with SQS can keep it: each
 * subscribed consumer gets each event at least once, in no order; one that fails comes again with a growing delay,
 * and after `MAX_DELIVERIES` it is parked: the consumer's next start, with the release that can handle it, delivers it
 * again. What is parked is kept for 14 days after it was published, as long as SQS keeps anything; what must live longer
 * is archived where it is published (an EventBridge archive). A handler that found no room, or a peer away, has not
 * failed, and neither has one whose consumer was told to end: an adapter whose engine counts such deliveries too parks
 * after a failure only, and lets the engine do it far later. Events published before a consumer first subscribed do not
 * reach it.
 */

import { timestampDate } from "@bufbuild/protobuf/wkt";
import type { EventEnvelope } from "#gen/matinee/common/v1/event_pb";

/** How often an event is delivered to a consumer that keeps failing before it is parked. */
export const MAX_DELIVERIES = 10;

/** How many events a subscription handles at a time, unless it says otherwise. */
export const DEFAULT_CONCURRENCY = 4;

/** When the event became true; the bus takes none that does not say. */
export function occurredAt({ occurTime }: EventEnvelope): Date {
  if (occurTime === undefined) throw new Error("an event on the bus has an occur_time");
  return timestampDate(occurTime);
}

export interface Subscription {
  /** The consumer's stable name: deliveries are shared between processes that use the same name. */
  readonly consumer: string;
  /** Full proto type names, such as `matinee.ingestion.v1.AssetIngested`. */
  readonly types: readonly string[];
  /** How many events this subscription handles at a time, 1 to 100. */
  readonly concurrency?: number;
  /** Resolving acknowledges; throwing asks for another delivery. Must be idempotent by `event.id`. */
  readonly handle: (event: EventEnvelope, signal: AbortSignal) => Promise<void>;
}

export interface EventBus extends AsyncDisposable {
  /**
   * Resolves once every event is durable. Throws `EVENT_INVALID` and publishes none where one is at fault. Publishing the
   * same id again is no error and may deliver it again.
   */
  publish(events: readonly EventEnvelope[]): Promise<void>;
  /**
   * Makes a subscription durable without delivering: what is published from now on waits for the consumer. For hosts
   * that know every module, so that no event is lost to a consumer whose process starts later. Replaces its types. What
   * was parked is due again. Where the infrastructure owns the routing, it changes none and throws `EVENT_NOT_ROUTED`
   * for a type that does not reach the consumer.
   */
  register(consumer: string, types: readonly string[]): Promise<void>;
  /** How many events of the consumer are parked, about. */
  parked(consumer: string): Promise<number>;
  /** Registers the consumer, then delivers until the signal is aborted and running handlers have ended. */
  subscribe(subscription: Subscription, signal: AbortSignal): Promise<void>;
}
