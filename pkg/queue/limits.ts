/** Amazon SQS's limits (its developer guide, "message quotas"), which every adapter enforces alike. */

import { queueArgumentInvalid } from "./errors.ts";

export const MAX_BODY_BYTES = 256 * 1024;
export const MAX_DELAY_MS = 15 * 60_000;
export const MAX_VISIBILITY_MS = 12 * 3_600_000;
export const MAX_WAIT_MS = 20_000;
export const MAX_BATCH = 10;

/** What XML 1.0, and so SQS, has no place for. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const UNSENDABLE = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/;

export function checkSend(queue: string, body: string, delayMs: number): void {
  checkName(queue);
  if (body === "" || Buffer.byteLength(body) > MAX_BODY_BYTES) {
    throw queueArgumentInvalid(`A message body has 1 to ${MAX_BODY_BYTES} bytes.`);
  }
  if (UNSENDABLE.test(body))
    throw queueArgumentInvalid("A message body holds no control characters but tab and line ends.");
  checkRange("delayMs", delayMs, 0, MAX_DELAY_MS);
}

export function checkReceive(queue: string, max: number, waitMs: number, visibilityMs: number): void {
  checkName(queue);
  checkRange("max", max, 1, MAX_BATCH);
  checkRange("waitMs", waitMs, 0, MAX_WAIT_MS);
  checkRange("visibilityMs", visibilityMs, 0, MAX_VISIBILITY_MS);
}

export function checkVisibility(delayMs: number): void {
  checkRange("delayMs", delayMs, 0, MAX_VISIBILITY_MS);
}

/** SQS's rule for names of standard queues. */
export function checkName(queue: string): void {
  if (!/^[A-Za-z0-9_-]{1,80}$/.test(queue)) throw queueArgumentInvalid(`Not a name for a queue: ${queue}.`);
}

function checkRange(name: string, value: number, least: number, most: number): void {
  if (!(value >= least && value <= most)) throw queueArgumentInvalid(`${name} must be ${least} to ${most}.`);
}
