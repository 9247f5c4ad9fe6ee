/** What can go wrong with a package, each reason once. */

import { AppError } from "#pkg/errors/errors";

/** Neither the package nor the revision exists. */
export function packageNotFound(): AppError {
  return new AppError({
    kind: "not_found",
    reason: "PACKAGE_NOT_FOUND",
    message: "there is no such package or revision",
  });
}

/** Only what has failed can be tried again. */
export function packageNotFailed(state: string): AppError {
  return new AppError({
    kind: "failed_precondition",
    reason: "PACKAGE_NOT_FAILED",
    message: `only a failed revision can be packaged again; this one is ${state}`,
    metadata: { state },
  });
}

/** Shaka Packager ended with an error. `lastLines` is what it wrote last. */
export function packagerFailed(exit: string, lastLines: string): AppError {
  return new AppError({
    kind: "internal",
    reason: "PACKAGER_FAILED",
    message: `Shaka Packager failed (${exit})${lastLines === "" ? "" : `: ${lastLines}`}`,
    metadata: { exit },
  });
}

/** Shaka Packager was killed because it ran for too long. */
export function packagerTimeLimit(limitMs: number, lastLines: string): AppError {
  return new AppError({
    kind: "deadline_exceeded",
    reason: "PACKAGER_TIME_LIMIT",
    message: `Shaka Packager did not end within ${Math.round(limitMs / 1000)} s${lastLines === "" ? "" : `: ${lastLines}`}`,
  });
}

/** The processes that packaged it ended in the middle, each time. */
export function packagerInterrupted(attempts: number): AppError {
  return new AppError({
    kind: "internal",
    reason: "PACKAGER_INTERRUPTED",
    message: `packaging was interrupted ${attempts} times before it could end`,
  });
}

/** There is nothing to package. */
export function packageWithoutVideo(): AppError {
  return new AppError({
    kind: "failed_precondition",
    reason: "PACKAGE_WITHOUT_VIDEO",
    message: "the set of tracks holds no video",
  });
}

/** A stored track is not what was announced. */
export function packageInputDamaged(track: string, problem: string): AppError {
  return new AppError({
    kind: "internal",
    reason: "PACKAGE_INPUT_DAMAGED",
    message: `the stored track ${track} cannot be packaged: ${problem}`,
    metadata: { track },
  });
}

/** What Shaka Packager wrote is not what was asked of it; nothing of it is published. */
export function packageOutputWrong(track: string, problem: string, cause?: unknown): AppError {
  return new AppError({
    kind: "internal",
    reason: "PACKAGE_OUTPUT_WRONG",
    message: `the packaged track ${track} is not as it must be: ${problem}`,
    metadata: { track },
    cause,
  });
}

/** Whatever has no reason of its own. */
export function packagingFailed(cause: unknown): AppError {
  return new AppError({
    kind: "internal",
    reason: "PACKAGING_FAILED",
    message: `packaging failed: ${cause instanceof Error ? cause.message : String(cause)}`,
    cause,
  });
}
