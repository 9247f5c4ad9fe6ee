/** What is in a media file, as the probe found it; plain JSON, so that it can be stored as it is. */

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
}

export interface AudioTrack {
  readonly index: number;
  readonly codec: string;
  /** BCP 47, "und" where the file does not say. */
  readonly language: string;
  readonly channels: number;
  readonly sampleRate: number;
  readonly isDefault: boolean;
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
