/** What can go wrong with a package, each reason once. */

import { defineErrors } from "#pkg/errors/errors";

export const errors = defineErrors({
  /** Neither the package nor the revision exists. */
  PACKAGE_NOT_FOUND: ["not_found", "there is no such package or revision"],
  /** Only what has failed can be tried again. */
  PACKAGE_NOT_FAILED: [
    "failed_precondition",
    (state: string) => ({
      message: `only a failed revision can be packaged again; this one is ${state}`,
      metadata: { state },
    }),
  ],
  /** Shaka Packager ended with an error. `lastLines` is what it wrote last. */
  PACKAGER_FAILED: [
    "internal",
    (exit: string, lastLines: string) => ({
      message: `Shaka Packager failed (${exit})${lastLines === "" ? "" : `: ${lastLines}`}`,
      metadata: { exit },
    }),
  ],
  /** Shaka Packager was killed because it ran for too long. */
  PACKAGER_TIME_LIMIT: [
    "deadline_exceeded",
    (limitMs: number, lastLines: string) =>
      `Shaka Packager did not end within ${Math.round(limitMs / 1000)} s${lastLines === "" ? "" : `: ${lastLines}`}`,
  ],
  /** The processes that packaged it ended in the middle, each time. */
  PACKAGER_INTERRUPTED: [
    "internal",
    (attempts: number) => `packaging was interrupted ${attempts} times before it could end`,
  ],
  /** There is nothing to package. */
  PACKAGE_WITHOUT_VIDEO: ["failed_precondition", "the set of tracks holds no video"],
  /** A stored track is not what was announced. */
  PACKAGE_INPUT_DAMAGED: [
    "internal",
    (track: string, problem: string) => ({
      message: `the stored track ${track} cannot be packaged: ${problem}`,
      metadata: { track },
    }),
  ],
  /** What Shaka Packager wrote is not what was asked of it; nothing of it is published. */
  PACKAGE_OUTPUT_WRONG: [
    "internal",
    (track: string, problem: string, cause?: unknown) => ({
      message: `the packaged track ${track} is not as it must be: ${problem}`,
      metadata: { track },
      cause,
    }),
  ],
  /** Whatever has no reason of its own. */
  PACKAGING_FAILED: [
    "internal",
    (cause: unknown) => ({
      message: `packaging failed: ${cause instanceof Error ? cause.message : String(cause)}`,
      cause,
    }),
  ],
});
