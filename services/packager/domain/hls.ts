/** Writes HLS playlists (RFC 8216 and its second edition) over the same media as DASH: byte ranges of whole tracks. */

import type { TrackHeader } from "./isobmff.ts";
import type { AudioTrack, TextTrack, VideoTrack } from "./revision.ts";

/** A packaged track with what was read from its file. */
export interface HlsTrack<T = VideoTrack | AudioTrack> {
  readonly track: T;
  /** Relative to the playlists. */
  readonly file: string;
  readonly playlist: string;
  readonly codec: string;
  readonly header: TrackHeader;
  /** Where the key is named, for encrypted tracks: `skd://{asset}/{kid}`. */
  readonly keyUri: string | undefined;
}

export interface HlsText {
  readonly track: TextTrack;
  readonly file: string;
  readonly playlist: string;
}

/** EXT-X-MAP for media that is not only I-frames, and fragmented MP4. */
const VERSION = 7;
const TEXT_GROUP = "text";

/** One track's playlist: its initialization section and each segment as byte ranges of one file. */
export function mediaPlaylist({ file, header, keyUri }: HlsTrack, keyFormats: readonly string[]): string {
  const segments = header.segments.map(({ range, duration }) => ({ range, seconds: duration / header.timescale }));
  return lines([
    "#EXTM3U",
    `#EXT-X-VERSION:${VERSION}`,
    `#EXT-X-TARGETDURATION:${targetSeconds(segments.map(({ seconds }) => seconds))}`,
    "#EXT-X-PLAYLIST-TYPE:VOD",
    "#EXT-X-INDEPENDENT-SEGMENTS",
    `#EXT-X-MAP:URI="${file}",BYTERANGE="${header.initRange.end + 1}@0"`,
    // Signalling of our own: the packager's line would name the key id as if it were the key, which nobody plays.
    ...(keyUri === undefined ? [] : keyFormats.map((format) => keyLine(keyUri, format))),
    ...segments.flatMap(({ range, seconds }) => [
      `#EXTINF:${seconds.toFixed(6)},`,
      `#EXT-X-BYTERANGE:${range.end - range.start + 1}@${range.start}`,
      file,
    ]),
    "#EXT-X-ENDLIST",
  ]);
}

/** A whole WebVTT file as one segment. */
export function textPlaylist({ file }: HlsText, durationSeconds: number): string {
  return lines([
    "#EXTM3U",
    `#EXT-X-VERSION:${VERSION}`,
    `#EXT-X-TARGETDURATION:${targetSeconds([durationSeconds])}`,
    "#EXT-X-PLAYLIST-TYPE:VOD",
    `#EXTINF:${durationSeconds.toFixed(6)},`,
    file,
    "#EXT-X-ENDLIST",
  ]);
}

/** The entry to a presentation: every picture with every group of sounds, and the texts. */
export function multivariantPlaylist(
  videos: readonly HlsTrack<VideoTrack>[],
  audios: readonly HlsTrack<AudioTrack>[],
  texts: readonly HlsText[],
): string {
  const groups = audioGroups(audios);
  const audioNames = uniqueNames(audios.map(({ track }) => track.label || track.language));
  const textNames = uniqueNames(texts.map(({ track }) => track.label || track.language));
  const variants = [...videos].sort((a, b) => peakBandwidth(a.header) - peakBandwidth(b.header));
  return lines([
    "#EXTM3U",
    `#EXT-X-VERSION:${VERSION}`,
    "#EXT-X-INDEPENDENT-SEGMENTS",
    ...groups.flatMap((group) =>
      group.members.map((audio) =>
        audioLine(group.id, audio, audioNames[audios.indexOf(audio)] ?? "", audio === group.fallback),
      ),
    ),
    ...texts.map((text, index) => textLine(text, textNames[index] ?? "")),
    ...variants.flatMap((video) =>
      groups.length === 0
        ? [variantLine(video, undefined, texts.length > 0), video.playlist]
        : groups.flatMap((group) => [variantLine(video, group, texts.length > 0), video.playlist]),
    ),
  ]);
}

interface AudioGroup {
  readonly id: string;
  readonly codec: string;
  readonly members: readonly HlsTrack<AudioTrack>[];
  /** Played when the viewer has not chosen: a group must have one, or the player takes any. */
  readonly fallback: HlsTrack<AudioTrack> | undefined;
}

/** Members of a group may stand for one another: same codec, same number of channels, one for each language and purpose. */
function audioGroups(audios: readonly HlsTrack<AudioTrack>[]): AudioGroup[] {
  const byKind = new Map<string, HlsTrack<AudioTrack>[]>();
  for (const audio of audios) {
    const id = `audio-${audio.codec.replace(/[^A-Za-z0-9]+/g, "-")}-${audio.track.channels}ch`;
    byKind.set(id, [...(byKind.get(id) ?? []), audio]);
  }
  return [...byKind].map(([id, members]) => ({
    id,
    codec: members[0]?.codec ?? "",
    members,
    fallback:
      members.find(({ track }) => track.isDefault) ?? members.find(({ track }) => !track.isDescription) ?? members[0],
  }));
}

function audioLine(
  groupId: string,
  { track, playlist }: HlsTrack<AudioTrack>,
  name: string,
  isDefault: boolean,
): string {
  return mediaLine([
    ["TYPE", "AUDIO"],
    ["GROUP-ID", quoted(groupId)],
    ["NAME", quoted(name)],
    ["LANGUAGE", quoted(track.language)],
    ["DEFAULT", isDefault ? "YES" : "NO"],
    ["AUTOSELECT", "YES"],
    ["CHANNELS", quoted(String(track.channels))],
    ...(track.isDescription ? [["CHARACTERISTICS", quoted("public.accessibility.describes-video")] as const] : []),
    ["URI", quoted(playlist)],
  ]);
}

function textLine({ track, playlist }: HlsText, name: string): string {
  const sdh = "public.accessibility.transcribes-spoken-dialog,public.accessibility.describes-music-and-sound";
  return mediaLine([
    ["TYPE", "SUBTITLES"],
    ["GROUP-ID", quoted(TEXT_GROUP)],
    ["NAME", quoted(name)],
    ["LANGUAGE", quoted(track.language)],
    ["DEFAULT", track.isDefault ? "YES" : "NO"],
    ["AUTOSELECT", "YES"],
    ["FORCED", track.isForced ? "YES" : "NO"],
    ...(track.isSdh ? [["CHARACTERISTICS", quoted(sdh)] as const] : []),
    ["URI", quoted(playlist)],
  ]);
}

function variantLine(video: HlsTrack<VideoTrack>, audio: AudioGroup | undefined, hasText: boolean): string {
  const { track, header, codec } = video;
  const most = (of: (header: TrackHeader) => number) => Math.max(0, ...(audio?.members ?? []).map((a) => of(a.header)));
  const attributes: (readonly [string, string])[] = [
    ["BANDWIDTH", String(Math.ceil(peakBandwidth(header) + most(peakBandwidth)))],
    ["AVERAGE-BANDWIDTH", String(Math.ceil(averageBandwidth(header) + most(averageBandwidth)))],
    ["CODECS", quoted([codec, ...(audio === undefined ? [] : [audio.codec])].join(","))],
    ["RESOLUTION", `${track.width}x${track.height}`],
    ["FRAME-RATE", (track.frameRate.numerator / track.frameRate.denominator).toFixed(3)],
    ...(audio === undefined ? [] : [["AUDIO", quoted(audio.id)] as const]),
    ...(hasText ? [["SUBTITLES", quoted(TEXT_GROUP)] as const] : []),
    ["CLOSED-CAPTIONS", "NONE"],
  ];
  return `#EXT-X-STREAM-INF:${attributes.map(([name, value]) => `${name}=${value}`).join(",")}`;
}

function keyLine(uri: string, format: string): string {
  return `#EXT-X-KEY:METHOD=SAMPLE-AES,URI="${uri}",KEYFORMAT="${format}",KEYFORMATVERSIONS="1"`;
}

function mediaLine(attributes: readonly (readonly [string, string])[]): string {
  return `#EXT-X-MEDIA:${attributes.map(([name, value]) => `${name}=${value}`).join(",")}`;
}

/** Bits a second of the largest segment. */
function peakBandwidth({ segments, timescale }: TrackHeader): number {
  const rates = segments.map(({ range, duration }) => rate(range.end - range.start + 1, duration, timescale));
  return Math.max(0, ...rates);
}

function averageBandwidth({ segments, timescale }: TrackHeader): number {
  const bytes = segments.reduce((sum, { range }) => sum + range.end - range.start + 1, 0);
  const duration = segments.reduce((sum, segment) => sum + segment.duration, 0);
  return rate(bytes, duration, timescale);
}

function rate(bytes: number, duration: number, timescale: number): number {
  return duration === 0 ? 0 : (bytes * 8 * timescale) / duration;
}

/** No segment, rounded to the nearest second, may be longer. */
function targetSeconds(seconds: readonly number[]): number {
  return Math.max(1, ...seconds.map((value) => Math.round(value)));
}

/** Names must differ within a group; quotes and line breaks cannot be written in one. */
function uniqueNames(names: readonly string[]): string[] {
  const used = new Set<string>();
  return names.map((name) => {
    const clean = name.replace(/["\r\n]/g, "'");
    let candidate = clean;
    for (let count = 2; used.has(candidate); count++) candidate = `${clean} (${count})`;
    used.add(candidate);
    return candidate;
  });
}

function quoted(text: string): string {
  return `"${text}"`;
}

function lines(parts: readonly string[]): string {
  return `${parts.join("\n")}\n`;
}
