/** Looks at packaged media with FFmpeg, as an implementation that is not ours. */

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import type { Cluster } from "./cluster.ts";
import { scratchFolder } from "./films.ts";

const exec = promisify(execFile);
/** Stream, dts, pts, duration, size, hash; what follows is about side data, such as how a packet was encrypted. */
const FRAMEMD5_SIZE = 4;
const FRAMEMD5_HASH = 5;
const MAX_BUFFER = 256 * 1024 * 1024;

/** FFmpeg's stdout; throws its stderr. */
export async function ffmpeg(args: readonly string[]): Promise<string> {
  const { stdout } = await exec("ffmpeg", ["-v", "error", "-nostdin", ...args], { maxBuffer: MAX_BUFFER });
  return stdout;
}

/** The MD5 of every decoded frame of a track, in order; `key` is the content key in hex. */
export async function frameHashes(path: string, kind: "v" | "a", key?: string): Promise<readonly string[]> {
  return (await frames(path, kind, key, [])).map(({ hash }) => hash);
}

export interface Packet {
  readonly bytes: number;
  readonly hash: string;
}

/** Every coded frame, undecoded; of an encrypted file without the key this is what a thief has. */
export async function packets(path: string, kind: "v" | "a", key?: string): Promise<readonly Packet[]> {
  return frames(path, kind, key, ["-c", "copy"]);
}

async function frames(
  path: string,
  kind: "v" | "a",
  key: string | undefined,
  codec: readonly string[],
): Promise<readonly Packet[]> {
  const decryption = key === undefined ? [] : ["-decryption_key", key];
  const text = await ffmpeg([...decryption, "-i", path, "-map", `0:${kind}:0`, ...codec, "-f", "framemd5", "-"]);
  return text
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith("#"))
    .map((line) => {
      const fields = line.split(",").map((field) => field.trim());
      return { bytes: Number(fields[FRAMEMD5_SIZE]), hash: fields[FRAMEMD5_HASH] ?? "" };
    });
}

/** Says in one line how two lists of hashes differ; hundreds of hashes one below the other say nothing. */
export function assertSameFrames(found: readonly string[], expected: readonly string[], what: string): void {
  const length = Math.max(found.length, expected.length);
  const wrong = Array.from({ length }, (_, i) => i).filter((i) => found[i] !== expected[i]);
  if (wrong.length === 0) return;
  const known = new Set(expected);
  assert.fail(
    `${what}: ${wrong.length} of ${length} frames differ, from frame ${wrong[0]} on; ${found.length} were found and ` +
      `${expected.length} expected, ${found.filter((hash) => known.has(hash)).length} of them at some place`,
  );
}

/** How many frames the first video stream of a file has, counted by its packets. */
export async function frameCount(path: string): Promise<number> {
  const { stdout } = await exec("ffprobe", [
    ...["-v", "error", "-select_streams", "v:0", "-count_packets"],
    ...["-show_entries", "stream=nb_read_packets", "-of", "csv=p=0", path],
  ]);
  return Number.parseInt(stdout, 10);
}

export interface Representation {
  readonly id: string;
  readonly kind: "video" | "audio" | "text";
  readonly language: string;
  readonly width: number;
  readonly height: number;
  /** Absolute URL of its one file. */
  readonly url: string;
  /** Key id as 32 hex digits; empty in the clear. */
  readonly keyId: string;
}

/** The representations of a static MPD whose tracks are single files. */
export function representationsOf(mpd: string, mpdUrl: string): readonly Representation[] {
  return [...mpd.matchAll(/<AdaptationSet\b([^>]*)>([\s\S]*?)<\/AdaptationSet>/g)].flatMap(([, set = "", body = ""]) =>
    [...body.matchAll(/<Representation\b([^>]*)>([\s\S]*?)<\/Representation>/g)].map(([, own = "", inner = ""]) => {
      const said = (name: string) => attribute(own, name) || attribute(set, name);
      const keyId = /default_KID="([0-9a-fA-F-]+)"/.exec(inner)?.[1] ?? /default_KID="([0-9a-fA-F-]+)"/.exec(body)?.[1];
      const kind = said("contentType") || said("mimeType").split("/")[0] || "";
      const file = /<BaseURL>([^<]+)<\/BaseURL>/.exec(inner)?.[1] ?? "";
      return {
        id: attribute(own, "id"),
        kind: kind === "video" || kind === "audio" ? kind : "text",
        language: said("lang"),
        width: Number(said("width")),
        height: Number(said("height")),
        url: new URL(file, mpdUrl).href,
        keyId: (kind === "text" ? "" : (keyId ?? "")).replaceAll("-", "").toLowerCase(),
      } as const;
    }),
  );
}

function attribute(text: string, name: string): string {
  return new RegExp(`\\b${name}="([^"]*)"`).exec(text)?.[1] ?? "";
}

/** Fetches a URL that must answer 200 into a file of its own; answers the path. */
export async function download(url: string): Promise<string> {
  const answer = await fetch(url);
  if (answer.status !== 200) throw new Error(`GET ${url}: ${answer.status} ${await answer.text()}`);
  const folder = await mkdtemp(join(await scratchFolder(), "download-"));
  const path = join(folder, new URL(url).pathname.split("/").at(-1) ?? "file");
  await writeFile(path, Buffer.from(await answer.arrayBuffer()));
  return path;
}

/** Path of an object's bytes in a blob store's folder. */
export async function blobPath(cluster: Cluster, store: string, key: string): Promise<string> {
  const folder = join(cluster.data, "blobs", store);
  const entry = JSON.parse(await readFile(join(folder, "objects", `${key}~`), "utf8")) as { data: string };
  return join(folder, "data", entry.data.slice(-2), entry.data);
}

/** Keys of the objects in a blob store, below a prefix. */
export async function blobKeys(cluster: Cluster, store: string, prefix = ""): Promise<readonly string[]> {
  const names = await readdir(join(cluster.data, "blobs", store, "objects"), { recursive: true }).catch(() => []);
  return names
    .filter((name) => name.endsWith("~") && name.startsWith(prefix))
    .map((name) => name.slice(0, -1))
    .sort();
}

/** Starts of the segments of a single-file track, in units of its timescale (sidx, ISO/IEC 14496-12 clause 8.16.3). */
export async function segmentStarts(
  path: string,
): Promise<{ readonly timescale: number; readonly starts: readonly number[] }> {
  const bytes = await readFile(path);
  for (let at = 0; at + 8 <= bytes.length; ) {
    const size = bytes.readUInt32BE(at);
    if (bytes.toString("latin1", at + 4, at + 8) === "sidx") return parseSidx(bytes.subarray(at + 8, at + size));
    if (size < 8) break;
    at += size;
  }
  throw new Error(`${path} has no segment index`);
}

function parseSidx(box: Buffer): { readonly timescale: number; readonly starts: readonly number[] } {
  const isLong = box.readUInt8(0) === 1;
  const timescale = box.readUInt32BE(8);
  let time = isLong ? Number(box.readBigUInt64BE(12)) : box.readUInt32BE(12);
  const count = box.readUInt16BE((isLong ? 28 : 20) + 2);
  const starts: number[] = [];
  for (let index = 0, at = isLong ? 32 : 24; index < count; index++, at += 12) {
    starts.push(time);
    time += box.readUInt32BE(at + 4);
  }
  return { timescale, starts };
}
