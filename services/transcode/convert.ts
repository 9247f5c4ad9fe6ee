/** Between transcode's contracts and its domain. */

import type { MessageInitShape } from "@bufbuild/protobuf";
import { type Duration, durationFromMs, timestampFromDate } from "@bufbuild/protobuf/wkt";
import type { BlobRef, BlobRefSchema } from "#gen/matinee/common/v1/blob_pb";
import {
  Protection as ProtoProtection,
  type RationalSchema,
  TrackKind,
  type TrackSchema,
} from "#gen/matinee/common/v1/media_pb";
import type { MediaInfo } from "#gen/matinee/ingestion/v1/asset_pb";
import type { AssetIngested } from "#gen/matinee/ingestion/v1/events_pb";
import type { PackageFailed } from "#gen/matinee/packager/v1/events_pb";
import type { RenditionsReadySchema, TranscodeFailedSchema } from "#gen/matinee/transcode/v1/events_pb";
import { Job_State, type JobSchema, Rendition_State, type RenditionSchema } from "#gen/matinee/transcode/v1/job_pb";
import type { TaskOutput as ProtoTaskOutput, TaskSchema } from "#gen/matinee/transcode/v1/task_pb";
import { requireId } from "#pkg/aip/resource-name";
import type {
  Blob,
  FailedPackage,
  Failure,
  Job,
  JobState,
  LeasedTask,
  Rational,
  Rendition,
  TaskOutput,
  Track,
} from "./domain/job.ts";
import type { JobView, RenditionView } from "./domain/progress.ts";
import type { IngestedAsset, SourceMedia } from "./domain/source.ts";

const JOB_STATES = {
  queued: Job_State.QUEUED,
  running: Job_State.RUNNING,
  succeeded: Job_State.SUCCEEDED,
  failed: Job_State.FAILED,
  canceled: Job_State.CANCELED,
} as const satisfies Record<JobState, Job_State>;

const RENDITION_STATES = {
  pending: Rendition_State.PENDING,
  running: Rendition_State.RUNNING,
  ready: Rendition_State.READY,
  failed: Rendition_State.FAILED,
} as const satisfies Record<RenditionView["state"], Rendition_State>;

const TRACK_KINDS = {
  video: TrackKind.VIDEO,
  audio: TrackKind.AUDIO,
  text: TrackKind.TEXT,
} as const satisfies Record<Track["kind"], TrackKind>;

/** Undefined for "unspecified" and for states that this release does not know. */
export function fromJobState(state: Job_State): JobState | undefined {
  return (Object.keys(JOB_STATES) as JobState[]).find((known) => JOB_STATES[known] === state);
}

export function fromAssetIngested(event: AssetIngested): IngestedAsset {
  if (event.original === undefined) throw new Error(`${event.asset} was ingested without an original`);
  return {
    assetId: requireId("assets", event.asset),
    owner: event.owner,
    fileName: event.fileName,
    protection: event.protection === ProtoProtection.CLEAR ? "clear" : "cbcs",
    source: fromBlob(event.original),
    media: event.media === undefined ? undefined : fromMedia(event.media),
  };
}

export function fromPackageFailed(event: PackageFailed): FailedPackage {
  const unreadable = event.unreadableTracks.map(({ track, sha256 }) => ({ trackId: track, sha256 }));
  return { assetId: requireId("assets", event.asset), reason: event.reason, unreadable };
}

export function fromTaskOutput(output: ProtoTaskOutput): TaskOutput {
  if (output.blob === undefined) throw new Error("validation lets no output without a blob through");
  return {
    track: output.track,
    blob: fromBlob(output.blob),
    frameCount: Number(output.frameCount),
    durationSeconds: output.duration === undefined ? 0 : secondsOf(output.duration),
    codec: output.codec,
    bitsPerSecond: Number(output.bitsPerSecond),
    cueCount: output.cueCount,
  };
}

export function toProtoJob({ job, progress, renditions, waiting }: JobView): MessageInitShape<typeof JobSchema> {
  return {
    name: `jobs/${job.id}`,
    asset: `assets/${job.assetId}`,
    fileName: job.fileName,
    owner: job.owner,
    state: JOB_STATES[job.state],
    progress: {
      percent: progress.percent,
      speed: progress.speed,
      activeWorkers: progress.activeWorkers,
      ...(progress.etaSeconds !== undefined && { eta: durationFromMs(Math.round(progress.etaSeconds * 1000)) }),
    },
    renditions: renditions.map(toProtoRendition),
    ...(job.failure && { failure: job.failure }),
    attempt: job.attempt,
    isFirstPlayable: job.isFirstPlayable,
    createTime: timestampFromDate(job.createdAt),
    ...(job.startedAt && { startTime: timestampFromDate(job.startedAt) }),
    ...(job.endedAt && { endTime: timestampFromDate(job.endedAt) }),
    etag: String(job.version),
    ...(waiting && { waiting }),
  };
}

export function toProtoTask(task: LeasedTask): MessageInitShape<typeof TaskSchema> {
  const { work } = task;
  const base = {
    name: `tasks/${task.id}`,
    asset: `assets/${task.assetId}`,
    lease: task.lease,
    leaseExpireTime: timestampFromDate(task.leaseExpiresAt),
    source: toBlobRef(task.source),
  };
  const frameRate = toRational(task.frameRate);
  switch (work.kind) {
    case "encode_video":
      return {
        ...base,
        work: {
          case: "encodeVideo",
          value: {
            firstFrame: BigInt(work.firstFrame),
            frameCount: BigInt(work.frameCount),
            totalFrameCount: BigInt(task.frameCount),
            frameRate,
            gopFrames: task.gopFrames,
            keyframes: work.keyframes.map(BigInt),
            targets: work.targets.map((target) => ({
              ...target,
              maxBitsPerSecond: BigInt(target.maxBitsPerSecond),
              bufferBits: BigInt(target.bufferBits),
            })),
            preset: work.preset,
            isFirstLook: work.isFirstLook,
          },
        },
      };
    case "encode_audio":
      return { ...base, work: { case: "encodeAudio", value: { ...work, bitsPerSecond: BigInt(work.bitsPerSecond) } } };
    case "extract_text":
      return { ...base, work: { case: "extractText", value: { streamIndex: work.streamIndex, track: work.track } } };
    case "join_video":
      return {
        ...base,
        work: {
          case: "joinVideo",
          value: {
            track: work.track,
            spans: work.spans.map(({ blob, frameCount }) => ({
              blob: toBlobRef(blob),
              frameCount: BigInt(frameCount),
            })),
            frameCount: BigInt(task.frameCount),
            frameRate,
            gopFrames: task.gopFrames,
          },
        },
      };
    case "take_posters":
      return {
        ...base,
        work: {
          case: "takePosters",
          value: {
            positions: work.positionsSeconds.map((at) => durationFromMs(Math.round(at * 1000))),
            width: work.width,
          },
        },
      };
  }
}

export function toRenditionsReady(
  job: Job,
  renditions: readonly Rendition[],
  revision: { readonly revision: number; readonly isComplete: boolean },
): MessageInitShape<typeof RenditionsReadySchema> {
  return {
    asset: `assets/${job.assetId}`,
    job: `jobs/${job.id}`,
    owner: job.owner,
    fileName: job.fileName,
    ...revision,
    protection: job.protection === "clear" ? ProtoProtection.CLEAR : ProtoProtection.CBCS,
    duration: filmDuration(job),
    tracks: renditions.flatMap(({ track, blob, frameCount }) =>
      blob === undefined ? [] : [{ track: toProtoTrack(track), blob: toBlobRef(blob), frameCount: BigInt(frameCount) }],
    ),
    posters: job.posters.map(toBlobRef),
  };
}

export function toTranscodeFailed(job: Job, failure: Failure): MessageInitShape<typeof TranscodeFailedSchema> {
  return {
    asset: `assets/${job.assetId}`,
    job: `jobs/${job.id}`,
    owner: job.owner,
    fileName: job.fileName,
    reason: failure.reason,
    message: failure.message,
  };
}

function toProtoRendition({
  track,
  state,
  percent,
  sizeBytes,
}: RenditionView): MessageInitShape<typeof RenditionSchema> {
  return { track: toProtoTrack(track), state: RENDITION_STATES[state], percent, sizeBytes: BigInt(sizeBytes) };
}

function toProtoTrack(track: Track): MessageInitShape<typeof TrackSchema> {
  const { kind, frameRate, bitsPerSecond, ...rest } = track;
  return {
    ...rest,
    kind: TRACK_KINDS[kind],
    bitsPerSecond: BigInt(Math.round(bitsPerSecond)),
    ...(frameRate && { frameRate: toRational(frameRate) }),
  };
}

function fromMedia(media: MediaInfo): SourceMedia | undefined {
  const { video } = media;
  if (video?.frameRate === undefined) return undefined;
  return {
    video: {
      width: video.displayWidth,
      height: video.displayHeight,
      frameRate: { num: Number(video.frameRate.numerator), den: Number(video.frameRate.denominator) },
      frameCount: Number(video.frameCount),
      keyframes: video.keyframes.map(Number),
    },
    audio: media.audio.map((stream) => ({
      streamIndex: stream.streamIndex,
      language: stream.language || "und",
      isDefault: stream.isDefault,
      isDescription: stream.isAudioDescription,
      title: stream.title,
    })),
    text: media.text.map((stream) => ({
      streamIndex: stream.streamIndex,
      language: stream.language || "und",
      isDefault: stream.isDefault,
      isForced: stream.isForced,
      isSdh: stream.isSdh,
      title: stream.title,
    })),
  };
}

function fromBlob(blob: BlobRef): Blob {
  return { store: blob.store, key: blob.key, sha256: blob.sha256, sizeBytes: Number(blob.sizeBytes) };
}

function toBlobRef(blob: Blob): MessageInitShape<typeof BlobRefSchema> {
  return { store: blob.store, key: blob.key, sha256: blob.sha256, sizeBytes: BigInt(blob.sizeBytes) };
}

function toRational({ num, den }: Rational): MessageInitShape<typeof RationalSchema> {
  return { numerator: BigInt(num), denominator: BigInt(den) };
}

/** Exact to the nanosecond. */
function filmDuration({ frameCount, frameRate }: Job): { readonly seconds: bigint; readonly nanos: number } {
  const nanos = (BigInt(frameCount) * BigInt(frameRate.den) * 1_000_000_000n) / BigInt(frameRate.num);
  return { seconds: nanos / 1_000_000_000n, nanos: Number(nanos % 1_000_000_000n) };
}

function secondsOf(duration: Duration): number {
  return Number(duration.seconds) + duration.nanos / 1e9;
}
