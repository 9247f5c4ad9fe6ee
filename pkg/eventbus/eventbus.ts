/**
 * Facts that services tell each other. What holds for every adapter, because EventBridge with SQS can keep it: each
 * subscribed consumer gets each event at least once, in no order; one that fails comes again with a growing delay,
 * and after `MAX_DELIVERIES` it is parked, never dropped: the consumer's next start, with the release that can handle it,
 * delivers it again. A handler that found no room, or a peer away, has not failed. Events published before a consumer
 * first subscribed do not reach it.
 */

import { timestampDate } from "@bufbuild/protobuf/wkt";
import type { EventEnvelope } from "#gen/matinee/common/v1/event_pb";

/** How often an event is delivered to a consumer that keeps failing before it is parked. */
export const MAX_DELIVERIES = 10;

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
   * that know every module, so that no event is lost to a consumer whose process starts later. Replaces its types. What was parked is due again.
   */
  register(consumer: string, types: readonly string[]): Promise<void>;
  /** Registers the consumer, then delivers until the signal is aborted and running handlers have ended. */
  subscribe(subscription: Subscription, signal: AbortSignal): Promise<void>;
}
