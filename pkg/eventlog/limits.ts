/** Sizes that every adapter enforces alike: Kafka takes messages of 1 MB by default (message.max.bytes). */

import { errors } from "./errors.ts";
import type { LogRecord } from "./eventlog.ts";

export const MAX_VALUE_BYTES = 900 * 1024;
export const MAX_KEY_CHARACTERS = 128;
const MAX_HEADERS = 16;
const MAX_HEADER_CHARACTERS = 256;

export function checkRecord(record: LogRecord): void {
  if ((record.value?.byteLength ?? 0) > MAX_VALUE_BYTES)
    throw errors.LOG_RECORD_INVALID(`A record has at most ${MAX_VALUE_BYTES} bytes.`);
  if (record.key === "" || record.key.length > MAX_KEY_CHARACTERS) {
    throw errors.LOG_RECORD_INVALID(`A record's key has 1 to ${MAX_KEY_CHARACTERS} characters.`);
  }
  const headers = Object.entries(record.headers ?? {});
  const fits = headers.every(([name, text]) => /^[a-z0-9-]{1,64}$/.test(name) && text.length <= MAX_HEADER_CHARACTERS);
  if (headers.length > MAX_HEADERS || !fits) {
    throw errors.LOG_RECORD_INVALID(
      `A record has at most ${MAX_HEADERS} headers, with names of 1 to 64 characters of [a-z0-9-] and values of at most ${MAX_HEADER_CHARACTERS} characters.`,
    );
  }
}

/** Kafka's rule for topic and group names. */
export function checkName(name: string): void {
  if (!/^[A-Za-z0-9._-]{1,200}$/.test(name))
    throw errors.LOG_RECORD_INVALID(`Not a name for a topic or group: ${name}.`);
}
