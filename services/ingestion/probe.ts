/** What the media tools find in a file, in ingestion's terms. */

import { type ProbeOptions, probe } from "#pkg/media/probe";
import { type Media, thinKeyframes } from "./domain/media.ts";

/** Throws the `MEDIA_...` errors of pkg/media: `invalid_argument` where the file is at fault. */
export async function probeMedia(path: string, options: ProbeOptions): Promise<Media> {
  const { container, durationSeconds, video, audio, text } = await probe(path, options);
  return {
    container,
    durationSeconds,
    video: {
      index: video.index,
      codec: video.codec,
      displayWidth: video.displayWidth,
      displayHeight: video.displayHeight,
      frameRate: video.frameRate,
      frameCount: video.frameCount,
      rotation: video.rotation,
      pixelFormat: video.pixelFormat,
      colorTransfer: video.colour.transfer ?? "",
      isConstantFrameRate: video.isConstantFrameRate,
      keyframes: thinKeyframes(video.keyframes.map(({ frame }) => frame)),
    },
    audio: audio.map((track) => ({
      index: track.index,
      codec: track.codec,
      language: track.language,
      channels: track.channels,
      sampleRate: track.sampleRate,
      isDefault: track.isDefault,
      isDescription: track.isDescription,
      title: track.title ?? "",
    })),
    text: text
      .filter((track) => track.isText)
      .map((track) => ({
        index: track.index,
        codec: track.codec,
        language: track.language,
        isDefault: track.isDefault,
        isForced: track.isForced,
        isSdh: track.isHearingImpaired,
        title: track.title ?? "",
      })),
  };
}
