/** How the tracks of a film are named, labelled and flagged. */

import type { Rational, Track } from "./job.ts";
import type { Rung, SourceAudio, SourceText } from "./source.ts";

const AAC_LC = "mp4a.40.2";
const WEBVTT = "wvtt";
const STEREO = 2;

/** A track made from one stream of the source. */
export interface StreamTrack {
  readonly streamIndex: number;
  readonly track: Track;
}

const BLANK = {
  language: "",
  width: 0,
  height: 0,
  frameRate: undefined,
  bitsPerSecond: 0,
  channels: 0,
  isDefault: false,
  isForced: false,
  isSdh: false,
  isAudioDescription: false,
} satisfies Partial<Track>;

export function videoTrack(rung: Rung, frameRate: Rational): Track {
  return {
    ...BLANK,
    id: `video-${rung.name}`,
    kind: "video",
    label: rung.name,
    codec: rung.codecs,
    width: rung.width,
    height: rung.height,
    frameRate,
  };
}

/** One of them is the default: the one marked so, otherwise the first that does not describe the picture. */
export function audioTracks(streams: readonly SourceAudio[]): StreamTrack[] {
  const marked = streams.find((stream) => stream.isDefault && !stream.isDescription);
  const fallback = marked ?? streams.find((stream) => !stream.isDescription) ?? streams[0];
  return streams.map((stream) => ({
    streamIndex: stream.streamIndex,
    track: {
      ...BLANK,
      id: trackId("audio", stream),
      kind: "audio",
      label: stream.isDescription
        ? `${languageName(stream.language)} (audio description)`
        : distinct(stream, streams, languageName(stream.language)),
      codec: AAC_LC,
      language: stream.language,
      channels: STEREO,
      isDefault: stream === fallback,
      isAudioDescription: stream.isDescription,
    },
  }));
}

export function textTracks(streams: readonly SourceText[]): StreamTrack[] {
  const marked = streams.find((stream) => stream.isDefault && !stream.isForced);
  return streams.map((stream) => {
    const flags = stream.isSdh ? " (SDH)" : stream.isForced ? " (forced)" : "";
    const alike = streams.filter((other) => other.isSdh === stream.isSdh && other.isForced === stream.isForced);
    return {
      streamIndex: stream.streamIndex,
      track: {
        ...BLANK,
        id: trackId("text", stream),
        kind: "text",
        label: distinct(stream, alike, `${languageName(stream.language)}${flags}`),
        codec: WEBVTT,
        language: stream.language,
        isDefault: stream === marked,
        isForced: stream.isForced,
        isSdh: stream.isSdh,
      },
    };
  });
}

/** `audio-en-1`: the stream's index makes it unique. */
function trackId(kind: string, stream: { readonly streamIndex: number; readonly language: string }): string {
  const language = stream.language
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .slice(0, 35);
  return `${kind}-${language || "und"}-${stream.streamIndex}`;
}

interface Titled {
  readonly language: string;
  readonly title: string;
}

/** Adds the stream's own title where several streams share the language. */
function distinct(stream: Titled, all: readonly Titled[], label: string): string {
  const shares = all.filter((other) => other.language === stream.language).length > 1;
  return (shares && stream.title !== "" ? `${label} – ${stream.title}` : label).slice(0, 100);
}

/** A language in its own words: "Deutsch" for "de". */
function languageName(tag: string): string {
  if (tag === "und" || tag === "") return "Unknown";
  try {
    const name = new Intl.DisplayNames([tag], { type: "language", fallback: "code" }).of(tag) ?? tag;
    return name.charAt(0).toLocaleUpperCase(tag) + name.slice(1);
  } catch {
    return tag;
  }
}
