/** Protobuf durations and timestamps as plain seconds and dates, and back. */

import type { Duration, Timestamp } from "@bufbuild/protobuf/wkt";
import { timestampDate } from "@bufbuild/protobuf/wkt";

/** Seconds; 0 where absent. */
export function toSeconds(duration: Duration | undefined): number {
  return duration === undefined ? 0 : Number(duration.seconds) + duration.nanos / 1e9;
}

/** The init of a Duration, never negative, rounded to milliseconds. */
export function fromSeconds(seconds: number): { seconds: bigint; nanos: number } {
  const ms = Math.max(0, Math.round(seconds * 1000));
  return { seconds: BigInt(Math.floor(ms / 1000)), nanos: (ms % 1000) * 1_000_000 };
}

/** Undefined where absent. */
export function toDate(timestamp: Timestamp | undefined): Date | undefined {
  return timestamp === undefined ? undefined : timestampDate(timestamp);
}
