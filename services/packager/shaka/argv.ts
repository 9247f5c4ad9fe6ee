/** The command line of Shaka Packager: a pure function of what to package. Paths are relative to the run's folder. */

import { type KeyClass, keyClassOf, type Track } from "../domain/revision.ts";

/** Where a run's key server answers, and how requests to it are signed. */
export interface KeyServerAccess {
  readonly url: string;
  readonly contentId: string;
  readonly signer: string;
  /** A DER file, PKCS#1. */
  readonly signingKeyPath: string;
}

export interface PackagerJob {
  /** Video and audio; text is not packaged. */
  readonly tracks: readonly Track[];
  readonly inputOf: (track: Track) => string;
  readonly outputOf: (track: Track) => string;
  readonly mpdPath: string;
  readonly tempFolder: string;
  readonly segmentSeconds: number;
  /** Undefined packages in the clear. */
  readonly keyServer: KeyServerAccess | undefined;
}

/** The packager's names for the classes (its `drm_label`). */
export const DRM_LABELS: Readonly<Record<KeyClass, string>> = {
  audio: "AUDIO",
  sd: "SD",
  hd: "HD",
  uhd: "UHD1",
  uhd2: "UHD2",
};

/** Each open file has a cache of this size; the default of 32 MiB would make a large ladder take a gigabyte. */
const IO_CACHE_BYTES = 4 * 1024 * 1024;

export function packagerArgs(job: PackagerJob): string[] {
  return [
    ...job.tracks.map((track) => streamDescriptor(job, track)),
    "--quiet",
    `--io_cache_size=${IO_CACHE_BYTES}`,
    `--temp_dir=${job.tempFolder}`,
    `--segment_duration=${job.segmentSeconds}`,
    `--mpd_output=${job.mpdPath}`,
    ...(job.keyServer === undefined ? [] : encryptionArgs(job.keyServer)),
  ];
}

function streamDescriptor(job: PackagerJob, track: Track): string {
  const fields: (readonly [string, string])[] = [
    ["in", job.inputOf(track)],
    ["stream", track.kind],
    ["out", job.outputOf(track)],
  ];
  const keyClass = keyClassOf(track);
  // Explicit, because the packager's own limit of SD is 442,368 pixels.
  if (keyClass !== undefined) fields.push(["drm_label", DRM_LABELS[keyClass]]);
  // Otherwise two tracks of one language and codec would share an adaptation set as if they were interchangeable. The
  // language itself is written by our manifests: the packager refuses "und" and all that is not in ISO 639-2, such as yue.
  if (track.kind === "audio") fields.push(["dash_label", track.id]);
  return fields.map(([name, value]) => `${name}=${value}`).join(",");
}

function encryptionArgs(keyServer: KeyServerAccess): string[] {
  return [
    "--enable_widevine_encryption",
    `--key_server_url=${keyServer.url}`,
    `--content_id=${keyServer.contentId}`,
    `--signer=${keyServer.signer}`,
    // A file and not --aes_signing_key: whoever reads that on the command line can ask for every content key.
    `--rsa_signing_key_path=${keyServer.signingKeyPath}`,
    "--protection_scheme=cbcs",
    // The default would leave the first five seconds in the clear.
    "--clear_lead=0",
    // What lies in the media is nobody's DRM in particular; manifests name the systems that license knows.
    "--protection_systems=CommonSystem",
  ];
}
