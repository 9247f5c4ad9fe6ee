/** Between the worker's contract and its own terms. */

import type { MessageInitShape } from "@bufbuild/protobuf";
import { type Duration, durationFromMs, timestampDate } from "@bufbuild/protobuf/wkt";
import type { BlobRef } from "#gen/matinee/common/v1/blob_pb";
import type { Rational as ProtoRational } from "#gen/matinee/common/v1/media_pb";
import type { Task as ProtoTask, TaskOutputSchema } from "#gen/matinee/transcode/v1/task_pb";
import { requireId } from "#pkg/aip/resource-name";
import { errors } from "./errors.ts";
import type { Blob, Output, Rational, Task, Work } from "./task.ts";

/** Throws `WORKER_TASK_UNKNOWN` for work that this release does not know. */
export function fromProtoTask(task: ProtoTask): Task {
  return {
    id: requireId("tasks", task.name),
    lease: task.lease,
    leaseExpiresAt: task.leaseExpireTime === undefined ? new Date(0) : timestampDate(task.leaseExpireTime),
    assetId: requireId("assets", task.asset),
    source: fromBlob(task.source),
    work: fromWork(task.work),
  };
}

export function toProtoOutput(output: Output): MessageInitShape<typeof TaskOutputSchema> {
  return {
    track: output.track,
    blob: { ...output.blob, sizeBytes: BigInt(output.blob.sizeBytes) },
    frameCount: BigInt(output.frameCount),
    duration: durationFromMs(Math.round(output.durationSeconds * 1000)),
    codec: output.codec,
    bitsPerSecond: BigInt(Math.round(output.bitsPerSecond)),
    cueCount: output.cueCount,
  };
}

function fromWork(work: ProtoTask["work"]): Work {
  switch (work.case) {
    case "encodeVideo": {
      const { value } = work;
      return {
        kind: "encode_video",
        firstFrame: Number(value.firstFrame),
        frameCount: Number(value.frameCount),
        totalFrameCount: Number(value.totalFrameCount),
        frameRate: fromRational(value.frameRate),
        gopFrames: value.gopFrames,
        keyframes: value.keyframes.map(Number),
        targets: value.targets.map((target) => ({
          track: target.track,
          width: target.width,
          height: target.height,
          rateFactor: target.rateFactor,
          maxBitsPerSecond: Number(target.maxBitsPerSecond),
          bufferBits: Number(target.bufferBits),
          level: target.level,
          profile: target.profile,
        })),
        preset: value.preset,
        isFirstLook: value.isFirstLook,
      };
    }
    case "encodeAudio": {
      const { streamIndex, track, bitsPerSecond } = work.value;
      return { kind: "encode_audio", streamIndex, track, bitsPerSecond: Number(bitsPerSecond) };
    }
    case "extractText":
      return { kind: "extract_text", streamIndex: work.value.streamIndex, track: work.value.track };
    case "joinVideo": {
      const { value } = work;
      return {
        kind: "join_video",
        track: value.track,
        spans: value.spans.map((span) => ({ blob: fromBlob(span.blob), frameCount: Number(span.frameCount) })),
        frameCount: Number(value.frameCount),
        frameRate: fromRational(value.frameRate),
        gopFrames: value.gopFrames,
      };
    }
    case "takePosters":
      return { kind: "take_posters", positionsSeconds: work.value.positions.map(secondsOf), width: work.value.width };
    default:
      throw errors.WORKER_TASK_UNKNOWN("it was made for a newer release");
  }
}

function fromBlob(blob: BlobRef | undefined): Blob {
  if (blob === undefined) throw errors.WORKER_TASK_UNKNOWN("it names no file");
  const { store, key, sha256, sizeBytes } = blob;
  if (store !== "originals" && store !== "mezzanine" && store !== "images")
    throw errors.WORKER_TASK_UNKNOWN(`it reads from ${store}`);
  return { store, key, sha256, sizeBytes: Number(sizeBytes) };
}

function fromRational(rational: ProtoRational | undefined): Rational {
  if (rational === undefined) throw errors.WORKER_TASK_UNKNOWN("it has no frame rate");
  return { num: Number(rational.numerator), den: Number(rational.denominator) };
}

function secondsOf(duration: Duration): number {
  return Number(duration.seconds) + duration.nanos / 1e9;
}
