/** Every manifest of a revision, from the packager's MPD and the headers of the packaged tracks. */

import { type DashTrack, dashManifest } from "./dash.ts";
import { type HlsText, type HlsTrack, mediaPlaylist, multivariantPlaylist, textPlaylist } from "./hls.ts";
import type { TrackHeader } from "./isobmff.ts";
import { type AudioTrack, type Ceiling, ceilingsOf, type TextTrack, tracksUnder, type VideoTrack } from "./revision.ts";

/** A track as it was packaged; text is as it came. */
export type Packaged =
  | { readonly track: TextTrack; readonly file: string }
  | {
      readonly track: VideoTrack | AudioTrack;
      readonly file: string;
      /** RFC 6381. */
      readonly codec: string;
      readonly header: TrackHeader;
      /** 32 hex digits; undefined in the clear. */
      readonly keyId: string | undefined;
    };

/** How the manifests of encrypted tracks name key systems, as license says. */
export interface Signaling {
  /** UUIDs of DASH systems whose `pssh` box lists key ids. */
  readonly systemIds: readonly string[];
  /** KEYFORMAT of key lines in HLS. */
  readonly hlsKeyFormats: readonly string[];
}

export interface ManifestText {
  /** File name, beside the tracks. */
  readonly file: string;
  readonly text: string;
  readonly contentType: string;
  /** Undefined for a playlist of one track. */
  readonly entry: { readonly format: "dash" | "hls"; readonly ceiling: Ceiling } | undefined;
}

export const DASH_TYPE = "application/dash+xml";
export const HLS_TYPE = "application/vnd.apple.mpegurl";

/** All names in them are relative, so they hold wherever the folder is. */
export function manifestsOf(revision: {
  readonly assetId: string;
  readonly durationSeconds: number;
  readonly mpd: string;
  readonly packaged: readonly Packaged[];
  readonly signaling: Signaling;
}): ManifestText[] {
  const byId = new Map(revision.packaged.map((packaged) => [packaged.track.id, packaged]));
  const tracks = revision.packaged.map(({ track }) => track);
  const manifests: ManifestText[] = [];
  for (const ceiling of ceilingsOf(tracks)) {
    const under = tracksUnder(ceiling, tracks).flatMap(({ id }) => byId.get(id) ?? []);
    manifests.push(
      {
        file: `${ceiling}.mpd`,
        text: dashManifest(revision.mpd, under.map(toDash), revision.signaling.systemIds),
        contentType: DASH_TYPE,
        entry: { format: "dash", ceiling },
      },
      {
        file: `${ceiling}.m3u8`,
        text: multivariant(under, revision.assetId),
        contentType: HLS_TYPE,
        entry: { format: "hls", ceiling },
      },
    );
  }
  for (const packaged of revision.packaged) {
    const text = isMedia(packaged)
      ? mediaPlaylist(toHls(packaged, revision.assetId), revision.signaling.hlsKeyFormats)
      : textPlaylist(toHlsText(packaged), revision.durationSeconds);
    manifests.push({ file: playlistOf(packaged.track.id), text, contentType: HLS_TYPE, entry: undefined });
  }
  return manifests;
}

type PackagedMedia = Exclude<Packaged, { readonly track: TextTrack }>;
type PackagedText = Exclude<Packaged, PackagedMedia>;

function multivariant(packaged: readonly Packaged[], assetId: string): string {
  const media = packaged.filter(isMedia).map((one) => toHls(one, assetId));
  return multivariantPlaylist(
    media.filter((one): one is HlsTrack<VideoTrack> => one.track.kind === "video"),
    media.filter((one): one is HlsTrack<AudioTrack> => one.track.kind === "audio"),
    packaged.filter(isText).map(toHlsText),
  );
}

function isMedia(packaged: Packaged): packaged is PackagedMedia {
  return "header" in packaged;
}

function isText(packaged: Packaged): packaged is PackagedText {
  return !isMedia(packaged);
}

function toDash(packaged: Packaged): DashTrack {
  return { track: packaged.track, file: packaged.file, keyId: isMedia(packaged) ? packaged.keyId : undefined };
}

function toHls({ track, file, codec, header, keyId }: PackagedMedia, assetId: string): HlsTrack {
  const keyUri = keyId === undefined ? undefined : `skd://${assetId}/${keyId}`;
  return { track, file, playlist: playlistOf(track.id), codec, header, keyUri };
}

function toHlsText({ track, file }: PackagedText): HlsText {
  return { track, file, playlist: playlistOf(track.id) };
}

/** A track's id never equals a ceiling's name, because it begins with its kind; the infix keeps it so. */
function playlistOf(trackId: string): string {
  return `${trackId}.media.m3u8`;
}
