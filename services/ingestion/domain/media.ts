/** What is in a media file, as the probe found it; plain JSON, so that it can be stored as it is. */

/** So that what is known of the longest film fits into an event (150 KiB). */
export const MAX_KEYFRAMES = 20_000;

export interface Media {
  readonly container: string;
  readonly durationSeconds: number;
  readonly video: VideoTrack;
  readonly audio: readonly AudioTrack[];
  /** Only text that can become WebVTT. */
  readonly text: readonly TextTrack[];
}

export interface VideoTrack {
  readonly index: number;
  readonly codec: string;
  /** As displayed: after rotation and with square pixels. */
  readonly displayWidth: number;
  readonly displayHeight: number;
  /** Exact frames a second. */
  readonly frameRate: { readonly num: number; readonly den: number };
  readonly frameCount: number;
  readonly rotation: 0 | 90 | 180 | 270;
  readonly pixelFormat: string;
  /** FFmpeg's name, empty where the file does not say. */
  readonly colorTransfer: string;
  readonly isConstantFrameRate: boolean;
  /** Frames at which decoding can start, rising; at most `MAX_KEYFRAMES`. */
  readonly keyframes: readonly number[];
}

export interface AudioTrack {
  readonly index: number;
  readonly codec: string;
  /** BCP 47, "und" where the file does not say. */
  readonly language: string;
  readonly channels: number;
  readonly sampleRate: number;
  readonly isDefault: boolean;
  /** Describes the picture for people who cannot see it. */
  readonly isDescription: boolean;
  readonly title: string;
}

export interface TextTrack {
  readonly index: number;
  readonly codec: string;
  /** BCP 47, "und" where the file does not say. */
  readonly language: string;
  readonly isDefault: boolean;
  readonly isForced: boolean;
  readonly isSdh: boolean;
  readonly title: string;
}

/** Every second one left out until they are few enough. */
export function thinKeyframes(keyframes: readonly number[]): readonly number[] {
  let kept = keyframes;
  while (kept.length > MAX_KEYFRAMES) kept = kept.filter((_, i) => i % 2 === 0);
  return kept;
}
