/** The refusals of every keys adapter, each reason written once. */

import { defineErrors } from "#pkg/errors/errors";

export const errors = defineErrors({
  /** One message for every cause: which part did not match is nobody's business. */
  KEY_UNWRAP_FAILED: [
    "failed_precondition",
    "The wrapped secret cannot be opened: another context, a changed ciphertext or an unknown root key.",
  ],
  KEY_PLAINTEXT_SIZE: [
    "invalid_argument",
    (size: number) => `A secret to be wrapped has 1 to 4096 bytes, this one has ${size}.`,
  ],
  KEY_CONTEXT_INVALID: [
    "invalid_argument",
    (what: string) =>
      `A key's context is ids of [A-Za-z0-9._:/-], 1 to 128 characters each, for it is logged in the clear: ${what}.`,
  ],
  KEY_FILE_EXPOSED: [
    "failed_precondition",
    (path: string) => `The root key file ${path} can be read by others than its owner; make it private with chmod 600.`,
  ],
  KEY_FILE_INVALID: [
    "failed_precondition",
    (path: string, cause: unknown) => ({ message: `${path} is not a root key file of Matinee.`, cause }),
  ],
  KEY_FILE_UNAVAILABLE: [
    "unavailable",
    (path: string, cause: unknown) => ({ message: `The root key file ${path} cannot be read or made.`, cause }),
  ],
  KEYS_URL_UNSUPPORTED: [
    "invalid_argument",
    (scheme: string) => `Keys are opened from a file: or memory: URL, not from "${scheme}".`,
  ],
});
