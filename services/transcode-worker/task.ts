/** A task as a worker understands it, and what it makes of it. */

/** An exact fraction, such as 24000/1001. */
export interface Rational {
  readonly num: number;
  readonly den: number;
}

/** A stored object and what it must hash to. */
export interface Blob {
  readonly store: "originals" | "mezzanine" | "images";
  readonly key: string;
  readonly sha256: string;
  readonly sizeBytes: number;
}

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

export type Work =
  | {
      readonly kind: "encode_video";
      readonly firstFrame: number;
      readonly frameCount: number;
      readonly totalFrameCount: number;
      readonly frameRate: Rational;
      readonly gopFrames: number;
      /** Empty where each `gopFrames`th frame begins a group. */
      readonly keyframes: readonly number[];
      readonly targets: readonly VideoTarget[];
      readonly preset: string;
      readonly isFirstLook: boolean;
    }
  | {
      readonly kind: "encode_audio";
      readonly streamIndex: number;
      readonly track: string;
      readonly bitsPerSecond: number;
    }
  | { readonly kind: "extract_text"; readonly streamIndex: number; readonly track: string }
  | {
      readonly kind: "join_video";
      readonly track: string;
      readonly spans: readonly { readonly blob: Blob; readonly frameCount: number }[];
      readonly frameCount: number;
      readonly frameRate: Rational;
      readonly gopFrames: number;
    }
  | { readonly kind: "take_posters"; readonly positionsSeconds: readonly number[]; readonly width: number };

export interface Task {
  readonly id: string;
  readonly lease: string;
  readonly leaseExpiresAt: Date;
  readonly assetId: string;
  readonly source: Blob;
  readonly work: Work;
}

/** A local file that a task made. */
export interface Made {
  readonly track: string;
  readonly path: string;
  readonly extension: "mp4" | "vtt" | "jpg" | "webp";
  readonly contentType: string;
  readonly frameCount: number;
  readonly durationSeconds: number;
  readonly codec: string;
  readonly cueCount: number;
}

/** A stored result. */
export interface Output extends Omit<Made, "path" | "extension" | "contentType"> {
  readonly blob: Blob;
  readonly bitsPerSecond: number;
}

/** 0 to 1, and seconds of film in a second. */
export type OnProgress = (fraction: number, speed: number) => void;
