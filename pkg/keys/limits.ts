/** What every keys adapter checks before it wraps. */

import { errors } from "./errors.ts";
import type { KeyContext } from "./keys.ts";

const MAX_PLAINTEXT_BYTES = 4096;
/** Far below the 8,192 characters that AWS KMS takes. */
const MAX_PAIRS = 8;
const NAME = /^[A-Za-z0-9_-]{1,64}$/;
const VALUE = /^[A-Za-z0-9._:/-]{1,128}$/;

/** Throws `KEY_PLAINTEXT_SIZE`, `KEY_CONTEXT_INVALID`. */
export function checkWrap(plaintext: Uint8Array, context: KeyContext): void {
  if (plaintext.byteLength < 1 || plaintext.byteLength > MAX_PLAINTEXT_BYTES) {
    throw errors.KEY_PLAINTEXT_SIZE(plaintext.byteLength);
  }
  const pairs = Object.entries(context);
  if (pairs.length > MAX_PAIRS)
    throw errors.KEY_CONTEXT_INVALID(`it has ${pairs.length} pairs, and ${MAX_PAIRS} are the most`);
  for (const [name, value] of pairs) {
    // The value may be somebody's, so it is not repeated.
    if (!NAME.test(name) || !VALUE.test(value)) {
      throw errors.KEY_CONTEXT_INVALID(
        `${JSON.stringify(name.slice(0, 64))} has a name of other characters or a value that is no id`,
      );
    }
  }
}
