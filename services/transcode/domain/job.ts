/** What a job, its tracks and its tasks are. */

/** An exact fraction, such as 24000/1001. */
export interface Rational {
  readonly num: number;
  readonly den: number;
}

/** A stored object and what it must hash to. */
export interface Blob {
  readonly store: string;
  readonly key: string;
  readonly sha256: string;
  readonly sizeBytes: number;
}

export type Protection = "cbcs" | "clear";

export type JobState = "queued" | "running" | "succeeded" | "failed" | "canceled";

/** Why a job failed. */
export interface Failure {
  readonly reason: string;
  readonly message: string;
  readonly logTail: string;
  /** The track at fault; empty where it is none or several. */
  readonly track: string;
}

/** Why a task stands still for now; nothing has failed. */
export interface Waiting {
  readonly reason: string;
  readonly message: string;
}

export interface Job {
  readonly id: string;
  readonly assetId: string;
  /** `accounts/{uuid}`, as the asset's events name it. */
  readonly owner: string;
  readonly fileName: string;
  readonly protection: Protection;
  readonly source: Blob;
  /** Of the picture: frameCount / frameRate seconds long. */
  readonly frameRate: Rational;
  readonly frameCount: number;
  readonly gopFrames: number;
  readonly state: JobState;
  readonly attempt: number;
  readonly isFirstPlayable: boolean;
  readonly posters: readonly Blob[];
  readonly failure: Failure | undefined;
  /** Why its package failed for good, where no rendition is known to be at fault. */
  readonly packageFailure: string | undefined;
  /** One more with each change of the state. */
  readonly version: number;
  readonly createdAt: Date;
  readonly startedAt: Date | undefined;
  readonly endedAt: Date | undefined;
}

export interface Track {
  readonly id: string;
  readonly kind: "video" | "audio" | "text";
  /** What a person reads in a menu. */
  readonly label: string;
  /** RFC 6381, or "wvtt". */
  readonly codec: string;
  /** BCP 47; empty for video. */
  readonly language: string;
  readonly width: number;
  readonly height: number;
  readonly frameRate: Rational | undefined;
  /** 0 before it is measured. */
  readonly bitsPerSecond: number;
  readonly channels: number;
  readonly isDefault: boolean;
  readonly isForced: boolean;
  readonly isSdh: boolean;
  readonly isAudioDescription: boolean;
}

export type RenditionState = "pending" | "ready" | "dropped" | "failed";

/** A track of a job, and its file once it is stored. */
export interface Rendition {
  readonly track: Track;
  /** Part of revision 0: the lowest picture, the default sound, the texts. */
  readonly isEarly: boolean;
  readonly state: RenditionState;
  readonly blob: Blob | undefined;
  readonly frameCount: number;
  /** How often it was made anew because the packager could not read it. */
  readonly redone: number;
}

/** What the packager said of the job's renditions. */
export interface FailedPackage {
  readonly assetId: string;
  readonly reason: string;
  /** Files of tracks; empty where none is known to be at fault. */
  readonly unreadable: readonly { readonly trackId: string; readonly sha256: string }[];
}

/** One rendition for a task to encode. */
export interface VideoTarget {
  readonly track: string;
  readonly width: number;
  readonly height: number;
  readonly rateFactor: number;
  readonly maxBitsPerSecond: number;
  readonly bufferBits: number;
  readonly level: string;
  readonly profile: string;
}

export interface VideoSpan {
  readonly blob: Blob;
  readonly frameCount: number;
}

/** What a task is to do. */
export type Work =
  | {
      readonly kind: "encode_video";
      readonly firstFrame: number;
      readonly frameCount: number;
      /** Frames of the span that begin a closed group of pictures; empty where each `gopFrames`th does. */
      readonly keyframes: readonly number[];
      /** Largest first. */
      readonly targets: readonly VideoTarget[];
      readonly preset: string;
      readonly isFirstLook: boolean;
    }
  | {
      readonly kind: "encode_audio";
      readonly streamIndex: number;
      readonly track: string;
      readonly channels: number;
      readonly bitsPerSecond: number;
    }
  | { readonly kind: "extract_text"; readonly streamIndex: number; readonly track: string }
  /** `spans` is empty while the task is blocked. */
  | { readonly kind: "join_video"; readonly track: string; readonly spans: readonly VideoSpan[] }
  | { readonly kind: "take_posters"; readonly positionsSeconds: readonly number[]; readonly width: number };

/**
 * blocked: waits for other tasks · ready: may be leased · leased: a worker has it · held: its job does not run ·
 * done and failed: over.
 */
export type TaskState = "blocked" | "ready" | "leased" | "held" | "done" | "failed";

/** 0 before 1: what makes a film watchable, then all else. */
export type TaskPriority = 0 | 1;

export interface PlannedTask {
  readonly id: string;
  readonly work: Work;
  readonly state: "ready" | "blocked";
  readonly priority: TaskPriority;
  /** Order within the priority: the second at which the task would begin if each job had the workers to itself. */
  readonly rank: number;
  /** Revision 0 waits for it. */
  readonly isEarly: boolean;
  /** Tracks that it makes. */
  readonly tracks: readonly string[];
  /** Estimated work; see plan.ts for the unit. */
  readonly cost: number;
  /** Seconds of film that it goes through. */
  readonly filmSeconds: number;
}

/** A stored result of a task. */
export interface TaskOutput {
  readonly track: string;
  readonly blob: Blob;
  readonly frameCount: number;
  readonly durationSeconds: number;
  readonly codec: string;
  readonly bitsPerSecond: number;
  readonly cueCount: number;
}

/** A task as its worker gets it. */
export interface LeasedTask {
  readonly id: string;
  readonly jobId: string;
  readonly assetId: string;
  readonly lease: string;
  readonly leaseExpiresAt: Date;
  readonly attempt: number;
  readonly source: Blob;
  readonly frameRate: Rational;
  readonly frameCount: number;
  readonly gopFrames: number;
  readonly work: Work;
}

/** True where nothing will happen to the job by itself any more. */
export function hasEnded(state: JobState): boolean {
  return state === "succeeded" || state === "failed" || state === "canceled";
}
