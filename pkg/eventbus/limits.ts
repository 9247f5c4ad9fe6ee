/** Sizes that every adapter enforces alike: an EventBridge entry holds 256 KiB, base64 and envelope included. */

import { eventInvalid } from "./errors.ts";
import type { BusEvent } from "./eventbus.ts";

export const MAX_PAYLOAD_BYTES = 200 * 1024;
export const MAX_KEY_CHARACTERS = 128;

/** Throws `invalid_argument` for an event that some adapter could not carry. */
export function checkEvent(event: BusEvent): void {
  if (event.payload.value.byteLength > MAX_PAYLOAD_BYTES) {
    throw eventInvalid(`An event has at most ${MAX_PAYLOAD_BYTES} bytes; ${event.payload.typeUrl} is larger.`);
  }
  if (event.key === "" || event.key.length > MAX_KEY_CHARACTERS) {
    throw eventInvalid(`An event's key has 1 to ${MAX_KEY_CHARACTERS} characters.`);
  }
}

/** The full type name of an event's payload. */
export function typeNameOf(event: BusEvent): string {
  return event.payload.typeUrl.slice(event.payload.typeUrl.lastIndexOf("/") + 1);
}
