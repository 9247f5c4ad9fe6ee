/** What a key may look like, checked by every adapter before it touches its engine. */

import { errors } from "./errors.ts";

const KEY = /^[A-Za-z0-9._-]+(?:\/[A-Za-z0-9._-]+)*$/;
const PREFIX = /^[A-Za-z0-9._/-]*$/;
export const MAX_KEY_LENGTH = 512;

/** The key itself; throws `BLOB_KEY_INVALID`. */
export function parseKey(key: string): string {
  if (key.length > MAX_KEY_LENGTH || !KEY.test(key) || hasDotSegment(key)) throw errors.BLOB_KEY_INVALID(key);
  return key;
}

/** A prefix of keys, which may be empty or end inside a segment; throws `BLOB_KEY_INVALID`. */
export function parsePrefix(prefix: string): string {
  const complete = prefix.slice(0, prefix.lastIndexOf("/") + 1).replace(/\/$/, "");
  if (prefix.length > MAX_KEY_LENGTH || !PREFIX.test(prefix)) throw errors.BLOB_KEY_INVALID(prefix);
  if (complete !== "" && (!KEY.test(complete) || hasDotSegment(complete))) throw errors.BLOB_KEY_INVALID(prefix);
  return prefix;
}

function hasDotSegment(key: string): boolean {
  return key.split("/").some((segment) => segment === "." || segment === "..");
}
