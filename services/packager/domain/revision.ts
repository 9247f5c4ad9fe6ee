/** A revision of an asset's package: what goes in, what comes out, and where it is on its way. */

import { RESOLUTION_CLASSES, type ResolutionClass, resolutionClassOf } from "#pkg/media/resolution-class";

/** The highest class of video in a manifest. */
export type Ceiling = ResolutionClass;

/** Classes of tracks that share a content key. */
export type KeyClass = "audio" | ResolutionClass;

export type Protection = "clear" | "cbcs";

export interface Blob {
  readonly store: string;
  readonly key: string;
  readonly sha256: string;
  readonly sizeBytes: number;
}

interface AnyTrack {
  /** `[a-z0-9-]{1,64}`, unique within the asset. */
  readonly id: string;
  readonly label: string;
  readonly codec: string;
  readonly bitsPerSecond: number;
  readonly isDefault: boolean;
  /** In the mezzanine store. */
  readonly blob: Blob;
}

export interface VideoTrack extends AnyTrack {
  readonly kind: "video";
  readonly width: number;
  readonly height: number;
  readonly frameRate: { readonly numerator: number; readonly denominator: number };
}

export interface AudioTrack extends AnyTrack {
  readonly kind: "audio";
  /** BCP 47. */
  readonly language: string;
  readonly channels: number;
  readonly isDescription: boolean;
}

export interface TextTrack extends AnyTrack {
  readonly kind: "text";
  /** BCP 47. */
  readonly language: string;
  readonly isForced: boolean;
  readonly isSdh: boolean;
}

export type Track = VideoTrack | AudioTrack | TextTrack;

/** What a revision is made of. */
export interface RevisionInput {
  readonly owner: string;
  readonly fileName: string;
  readonly isComplete: boolean;
  readonly protection: Protection;
  /** Exact length of the picture. */
  readonly duration: { readonly seconds: number; readonly nanos: number };
  readonly tracks: readonly Track[];
  readonly posters: readonly Blob[];
}

export interface ManifestFile {
  readonly format: "dash" | "hls";
  readonly ceiling: Ceiling;
  /** Below the revision's folder. */
  readonly path: string;
}

export interface PackagedFile {
  readonly trackId: string;
  /** Undefined for text. */
  readonly keyClass: KeyClass | undefined;
  /** RFC 6381, as found in the packaged track. */
  readonly codec: string;
  /** Below the revision's folder. */
  readonly path: string;
  /** 32 hex digits; undefined in the clear. */
  readonly keyId: string | undefined;
}

/** What a revision was made into. */
export interface RevisionOutput {
  readonly manifests: readonly ManifestFile[];
  readonly files: readonly PackagedFile[];
  readonly sizeBytes: number;
}

/** Why something failed or waits. */
export interface Reason {
  readonly reason: string;
  readonly message: string;
}

export interface Revision {
  readonly packageId: string;
  readonly assetId: string;
  readonly revision: number;
  readonly state: "packaging" | "ready" | "failed";
  readonly input: RevisionInput;
  /** Only in `ready`. */
  readonly output: RevisionOutput | undefined;
  readonly failure: Reason | undefined;
  /** Why it stands still for now; only in `packaging`. */
  readonly waiting: Reason | undefined;
  readonly createdAt: Date;
  readonly readyAt: Date | undefined;
}

/** The class by which a track is encrypted; undefined for text, which is never. */
export function keyClassOf(track: Track): KeyClass | undefined {
  switch (track.kind) {
    case "audio":
      return "audio";
    case "video":
      return ceilingOf(track);
    case "text":
      return undefined;
  }
}

/** The lowest ceiling under which a picture may be shown. */
export function ceilingOf(track: Pick<VideoTrack, "width" | "height">): Ceiling {
  return resolutionClassOf(track.width * track.height);
}

/** The ceilings that at least one picture of its own makes worth a manifest, lowest first. */
export function ceilingsOf(tracks: readonly Track[]): Ceiling[] {
  return RESOLUTION_CLASSES.filter((ceiling) =>
    tracks.some((track) => track.kind === "video" && ceilingOf(track) === ceiling),
  );
}

/** What a manifest of this ceiling holds: every sound and text, and the pictures up to it. */
export function tracksUnder<T extends Track>(ceiling: Ceiling, tracks: readonly T[]): T[] {
  const highest = RESOLUTION_CLASSES.indexOf(ceiling);
  return tracks.filter((track) => track.kind !== "video" || RESOLUTION_CLASSES.indexOf(ceilingOf(track)) <= highest);
}
