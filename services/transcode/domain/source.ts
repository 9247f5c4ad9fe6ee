/** What is known of a film before there is a job for it. */

import type { Blob, Protection, Rational } from "./job.ts";

/** An asset as its event tells of it. */
export interface IngestedAsset {
  readonly assetId: string;
  readonly owner: string;
  readonly fileName: string;
  readonly protection: Protection;
  readonly source: Blob;
  /** Absent where the event holds no picture. */
  readonly media: SourceMedia | undefined;
}

/** What the probe found, as far as planning needs it. */
export interface SourceMedia {
  readonly video: {
    readonly width: number;
    readonly height: number;
    readonly frameRate: Rational;
    readonly frameCount: number;
    /** Frames at which decoding can start; may be empty. */
    readonly keyframes: readonly number[];
  };
  readonly audio: readonly SourceAudio[];
  readonly text: readonly SourceText[];
}

export interface SourceAudio {
  readonly streamIndex: number;
  readonly language: string;
  readonly isDefault: boolean;
  readonly isDescription: boolean;
  readonly title: string;
}

export interface SourceText {
  readonly streamIndex: number;
  readonly language: string;
  readonly isDefault: boolean;
  readonly isForced: boolean;
  readonly isSdh: boolean;
  readonly title: string;
}

/** A rendition that the source is good for. */
export interface Rung {
  readonly name: string;
  readonly width: number;
  readonly height: number;
  readonly crf: number;
  readonly maxBitrate: number;
  readonly bufferBits: number;
  readonly level: string;
  readonly profile: string;
  readonly codecs: string;
}
