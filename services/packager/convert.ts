/** Domain values to and from the packager contract and the events that it lives by. */

import type { MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import type { BlobRef, BlobRefSchema } from "#gen/matinee/common/v1/blob_pb";
import {
  Ceiling as CeilingProto,
  ManifestFormat,
  Protection as ProtectionProto,
  TrackClass,
  TrackKind,
  type TrackSchema,
} from "#gen/matinee/common/v1/media_pb";
import { Package_State, type PackagedTrackSchema, type PackageSchema } from "#gen/matinee/packager/v1/package_pb";
import type { RenditionsReady, StoredTrack } from "#gen/matinee/transcode/v1/events_pb";
import type { Blob, Ceiling, KeyClass, PackagedFile, Revision, RevisionInput, Track } from "./domain/revision.ts";

const KEY_CLASS: Readonly<Record<KeyClass, TrackClass>> = {
  audio: TrackClass.AUDIO,
  sd: TrackClass.SD,
  hd: TrackClass.HD,
  uhd: TrackClass.UHD,
  uhd2: TrackClass.UHD2,
};

const CEILING: Readonly<Record<Ceiling, CeilingProto>> = {
  sd: CeilingProto.SD,
  hd: CeilingProto.HD,
  uhd: CeilingProto.UHD,
  uhd2: CeilingProto.UHD2,
};

const STATE: Readonly<Record<Revision["state"], Package_State>> = {
  packaging: Package_State.PACKAGING,
  ready: Package_State.READY,
  failed: Package_State.FAILED,
};

/** As the contract says. */
const TRACK_ID = /^[a-z0-9-]{1,64}$/;

/**
 * What a set of renditions asks for. Tracks of a kind that this release does not know, or with an id that
 * is none, are left out.
 */
export function toRevisionInput(message: RenditionsReady): RevisionInput {
  return {
    owner: message.owner,
    fileName: message.fileName,
    isComplete: message.isComplete,
    // Whatever is not said to be in the clear is encrypted.
    protection: message.protection === ProtectionProto.CLEAR ? "clear" : "cbcs",
    duration: { seconds: Number(message.duration?.seconds ?? 0n), nanos: message.duration?.nanos ?? 0 },
    tracks: message.tracks.flatMap((stored) => toTrack(stored) ?? []),
    posters: message.posters.map(toBlob),
  };
}

export function packageName({ packageId, revision }: Pick<Revision, "packageId" | "revision">): string {
  return `packages/${packageId}@${revision}`;
}

export function toProtoPackage(revision: Revision): MessageInitShape<typeof PackageSchema> {
  const { input, output } = revision;
  return {
    name: packageName(revision),
    asset: `assets/${revision.assetId}`,
    revision: revision.revision,
    state: STATE[revision.state],
    isComplete: input.isComplete,
    protection: input.protection === "clear" ? ProtectionProto.CLEAR : ProtectionProto.CBCS,
    manifests: (output?.manifests ?? []).map(({ format, ceiling, path }) => ({
      format: format === "dash" ? ManifestFormat.DASH : ManifestFormat.HLS,
      ceiling: CEILING[ceiling],
      path,
    })),
    tracks: (output?.files ?? []).flatMap((file) => {
      const track = input.tracks.find(({ id }) => id === file.trackId);
      return track === undefined ? [] : [toProtoPackagedTrack(track, file)];
    }),
    sizeBytes: BigInt(output?.sizeBytes ?? 0),
    duration: { seconds: BigInt(input.duration.seconds), nanos: input.duration.nanos },
    failureReason: revision.failure?.reason ?? "",
    failureMessage: revision.failure?.message ?? "",
    ...(revision.waiting && { waiting: revision.waiting }),
    createTime: timestampFromDate(revision.createdAt),
    ...(revision.readyAt === undefined ? {} : { readyTime: timestampFromDate(revision.readyAt) }),
  };
}

export function toProtoBlob(blob: Blob): MessageInitShape<typeof BlobRefSchema> {
  return { store: blob.store, key: blob.key, sha256: blob.sha256, sizeBytes: BigInt(blob.sizeBytes) };
}

/** The classes as license knows them. */
export function toTrackClass(keyClass: KeyClass): TrackClass {
  return KEY_CLASS[keyClass];
}

/** Undefined for a class that has no key here. */
export function toKeyClass(value: TrackClass): KeyClass | undefined {
  switch (value) {
    case TrackClass.AUDIO:
      return "audio";
    case TrackClass.SD:
      return "sd";
    case TrackClass.HD:
      return "hd";
    case TrackClass.UHD:
      return "uhd";
    case TrackClass.UHD2:
      return "uhd2";
    default:
      return undefined;
  }
}

function toTrack({ track, blob }: StoredTrack): Track | undefined {
  if (track === undefined || blob === undefined) return undefined;
  // It becomes a file's name and part of a command line.
  if (!TRACK_ID.test(track.id)) return undefined;
  const common = {
    id: track.id,
    label: track.label,
    codec: track.codec,
    bitsPerSecond: Number(track.bitsPerSecond),
    isDefault: track.isDefault,
    blob: toBlob(blob),
  };
  switch (track.kind) {
    case TrackKind.VIDEO:
      return {
        ...common,
        kind: "video",
        width: track.width,
        height: track.height,
        frameRate: {
          numerator: Number(track.frameRate?.numerator ?? 0n),
          denominator: Number(track.frameRate?.denominator ?? 1n),
        },
      };
    case TrackKind.AUDIO:
      return {
        ...common,
        kind: "audio",
        language: languageOf(track.language),
        channels: track.channels,
        isDescription: track.isAudioDescription,
      };
    case TrackKind.TEXT:
      return {
        ...common,
        kind: "text",
        language: languageOf(track.language),
        isForced: track.isForced,
        isSdh: track.isSdh,
      };
    default:
      return undefined;
  }
}

/** BCP 47 by its letters at least, since it is written into manifests; "und" where it is not. */
function languageOf(text: string): string {
  return /^[A-Za-z0-9]{1,8}(-[A-Za-z0-9]{1,8})*$/.test(text) ? text : "und";
}

function toBlob(ref: BlobRef): Blob {
  return { store: ref.store, key: ref.key, sha256: ref.sha256, sizeBytes: Number(ref.sizeBytes) };
}

function toProtoPackagedTrack(track: Track, file: PackagedFile): MessageInitShape<typeof PackagedTrackSchema> {
  return {
    track: toProtoTrack(track, file.codec),
    trackClass: file.keyClass === undefined ? TrackClass.UNSPECIFIED : KEY_CLASS[file.keyClass],
    path: file.path,
    keyIds: file.keyId === undefined ? [] : [new Uint8Array(Buffer.from(file.keyId, "hex"))],
  };
}

function toProtoTrack(track: Track, codec: string): MessageInitShape<typeof TrackSchema> {
  const common = {
    id: track.id,
    label: track.label,
    codec,
    bitsPerSecond: BigInt(track.bitsPerSecond),
    isDefault: track.isDefault,
  };
  switch (track.kind) {
    case "video": {
      const { numerator, denominator } = track.frameRate;
      const frameRate = { numerator: BigInt(numerator), denominator: BigInt(denominator) };
      return { ...common, kind: TrackKind.VIDEO, width: track.width, height: track.height, frameRate };
    }
    case "audio":
      return {
        ...common,
        kind: TrackKind.AUDIO,
        language: track.language,
        channels: track.channels,
        isAudioDescription: track.isDescription,
      };
    case "text":
      return {
        ...common,
        kind: TrackKind.TEXT,
        language: track.language,
        isForced: track.isForced,
        isSdh: track.isSdh,
      };
  }
}
