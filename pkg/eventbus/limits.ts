/** Sizes that every adapter enforces alike: an EventBridge entry holds 256 KiB, base64 and envelope included. */

import type { EventEnvelope } from "#gen/matinee/common/v1/event_pb";
import { errors } from "./errors.ts";

export const MAX_DATA_BYTES = 150 * 1024;
export const MAX_KEY_CHARACTERS = 128;
const MAX_CONCURRENCY = 100;

/** Throws `EVENT_INVALID`. */
export function checkConcurrency(concurrency: number): void {
  if (!(Number.isInteger(concurrency) && concurrency >= 1 && concurrency <= MAX_CONCURRENCY)) {
    throw errors.EVENT_INVALID(
      `concurrency must be a whole number from 1 to ${MAX_CONCURRENCY}; it is ${concurrency}.`,
    );
  }
}

/** Throws `EVENT_INVALID` for an event that some adapter could not carry. */
export function checkEvent({ type, key, occurTime, data }: EventEnvelope): void {
  if (type === "" || occurTime === undefined)
    throw errors.EVENT_INVALID("An event says its type and when it became true.");
  if (data.byteLength > MAX_DATA_BYTES) {
    throw errors.EVENT_INVALID(`An event has at most ${MAX_DATA_BYTES} bytes; this ${type} has ${data.byteLength}.`);
  }
  if (key === "" || key.length > MAX_KEY_CHARACTERS) {
    throw errors.EVENT_INVALID(
      `An event's key has 1 to ${MAX_KEY_CHARACTERS} characters; that of this ${type} has ${key.length}.`,
    );
  }
}
