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
  KEY_KEEPER_UNAVAILABLE: ["unavailable", "The keeper of the root keys does not answer, or not now."],
  /** Not "permission denied", which would tell the caller that something is missing on their side. */
  KEY_KEEPER_DENIES: [
    "failed_precondition",
    "The keeper of the root keys refuses this process: its credentials are missing, expired or without the permission.",
  ],
  KEY_ROOT_UNUSABLE: [
    "failed_precondition",
    (id: string, cause?: unknown) => ({
      message: `The root key ${id} is not there, disabled, about to be deleted, or none that encrypts.`,
      cause,
    }),
  ],
  KEY_ROTATION_ELSEWHERE: [
    "failed_precondition",
    (id: string) =>
      `The root key ${id} is named by its id, which a new one would not have: name it by an alias, or rotate its material in AWS KMS.`,
  ],
  KEYS_URL_INVALID: [
    "invalid_argument",
    (url: string) => `${url} is none of awskms:alias/NAME, awskms:KEY_ID and awskms:ARN.`,
  ],
  KEYS_URL_UNSUPPORTED: [
    "invalid_argument",
    (scheme: string) => `Keys are opened from a file:, memory: or awskms: URL, not from "${scheme}".`,
  ],
});
