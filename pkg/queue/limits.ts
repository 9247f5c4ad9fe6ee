/** Amazon SQS's limits (its developer guide, "message quotas"), which every adapter enforces alike. */

import { errors } from "./errors.ts";

export const MAX_BODY_BYTES = 256 * 1024;
export const MAX_DELAY_SECONDS = 900;
export const MAX_VISIBILITY_SECONDS = 43_200;
export const MAX_WAIT_SECONDS = 20;
export const MAX_BATCH = 10;

/** What XML 1.0, and so SQS, has no place for. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const UNSENDABLE = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/;

export function checkSend(queue: string, body: string, delaySeconds: number): void {
  checkName(queue);
  if (body === "" || Buffer.byteLength(body) > MAX_BODY_BYTES) {
    throw errors.QUEUE_ARGUMENT_INVALID(`A message body has 1 to ${MAX_BODY_BYTES} bytes.`);
  }
  if (UNSENDABLE.test(body))
    throw errors.QUEUE_ARGUMENT_INVALID("A message body holds no control characters but tab and line ends.");
  checkRange("delaySeconds", delaySeconds, 0, MAX_DELAY_SECONDS);
}

export function checkReceive(queue: string, max: number, waitSeconds: number, visibilitySeconds: number): void {
  checkName(queue);
  checkRange("max", max, 1, MAX_BATCH);
  checkRange("waitSeconds", waitSeconds, 0, MAX_WAIT_SECONDS);
  checkRange("visibilitySeconds", visibilitySeconds, 0, MAX_VISIBILITY_SECONDS);
}

export function checkVisibility(delaySeconds: number): void {
  checkRange("delaySeconds", delaySeconds, 0, MAX_VISIBILITY_SECONDS);
}

/** SQS's rule for names of standard queues. */
export function checkName(queue: string): void {
  if (!/^[A-Za-z0-9_-]{1,80}$/.test(queue)) throw errors.QUEUE_ARGUMENT_INVALID(`Not a name for a queue: ${queue}.`);
}

function checkRange(name: string, value: number, least: number, most: number): void {
  if (!(Number.isInteger(value) && value >= least && value <= most)) {
    throw errors.QUEUE_ARGUMENT_INVALID(`${name} must be a whole number from ${least} to ${most}; it is ${value}.`);
  }
}
