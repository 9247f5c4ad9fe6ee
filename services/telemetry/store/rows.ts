/** Rows of telemetry's tables, and what they mean. */

import type { Row } from "#pkg/postgres/db";
import { type QualitySummary, rebufferRatio, startupFailureRatio } from "../domain/quality.ts";

export interface SummaryRow extends Row {
  readonly view_count: string;
  readonly started_count: string;
  readonly median_startup_ms: string | null;
  readonly p95_startup_ms: string | null;
  readonly stalled_ms: string;
  readonly playing_ms: string;
  readonly stall_count: string;
  readonly exit_before_start_count: string;
  readonly startup_failure_count: string;
  readonly playback_failure_count: string;
  readonly business_exception_count: string;
  readonly average_bits_per_second: string;
  readonly median_startup_failure_ms: string | null;
}

const HOUR_MS = 3_600_000;

export function toSummary(row: SummaryRow): QualitySummary {
  const playingMs = Number(row.playing_ms);
  return {
    viewCount: Number(row.view_count),
    startedCount: Number(row.started_count),
    medianStartupMs: row.median_startup_ms === null ? undefined : Number(row.median_startup_ms),
    p95StartupMs: row.p95_startup_ms === null ? undefined : Number(row.p95_startup_ms),
    rebufferRatio: rebufferRatio({ stalledMs: Number(row.stalled_ms), playingMs }),
    rebufferCountPerHour: playingMs === 0 ? 0 : Number(row.stall_count) / (playingMs / HOUR_MS),
    exitBeforeStartCount: Number(row.exit_before_start_count),
    startupFailureCount: Number(row.startup_failure_count),
    playbackFailureCount: Number(row.playback_failure_count),
    businessExceptionCount: Number(row.business_exception_count),
    playingMs,
    averageBitsPerSecond: Number(row.average_bits_per_second),
    startupFailureRatio: startupFailureRatio({
      failedCount: Number(row.startup_failure_count),
      startedCount: Number(row.started_count),
    }),
    medianStartupFailureMs: row.median_startup_failure_ms === null ? undefined : Number(row.median_startup_failure_ms),
  };
}
