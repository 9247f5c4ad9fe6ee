/** Small films to upload, made once for each run of the tests. */

import { execFile } from "node:child_process";
import { rmSync } from "node:fs";
import { mkdir, mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

export interface FilmOptions {
  readonly seconds: number;
  readonly width: number;
  readonly height: number;
  /** Frames a second as a fraction, such as "24000/1001". */
  readonly frameRate: string;
  /** Makes the file at least this long, with bytes that belong to no track. */
  readonly padToBytes?: number;
  /** Stands before the words of every caption. */
  readonly markup?: string;
}

let folder: Promise<string> | undefined;
const made = new Map<string, Promise<string>>();

/** A folder for files of this run, removed at its end. */
export async function scratchFolder(): Promise<string> {
  folder ??= mkdtemp(join(tmpdir(), "matinee-films-")).then((path) => {
    process.once("exit", () => rmSync(path, { recursive: true, force: true }));
    return path;
  });
  return folder;
}

/** MKV with moving picture, sound in English and German, and English captions. Answers its path. */
export function film(options: FilmOptions): Promise<string> {
  const key = JSON.stringify(options);
  let path = made.get(key);
  if (path === undefined) {
    path = make(options, made.size + 1);
    made.set(key, path);
  }
  return path;
}

async function make(options: FilmOptions, number: number): Promise<string> {
  const { seconds, width, height, frameRate, padToBytes = 0, markup = "" } = options;
  const own = join(await scratchFolder(), `film-${number}`);
  await mkdir(own);
  const captions = join(own, "captions.srt");
  const path = join(own, `a film of ${seconds} seconds.mkv`);
  const cues = Array.from({ length: Math.floor(seconds / 2) }, (_, index) => {
    const time = (at: number) => `00:00:${String(at).padStart(2, "0")},000`;
    return `${index + 1}\n${time(index * 2)} --> ${time(index * 2 + 1)}\n${markup}Line number ${index + 1}\n`;
  });
  await writeFile(captions, cues.join("\n"));
  const inputs = [
    ["-f", "lavfi", "-i", `testsrc2=s=${width}x${height}:r=${frameRate}:d=${seconds}`],
    ["-f", "lavfi", "-i", `sine=frequency=440:sample_rate=48000:duration=${seconds}`],
    ["-f", "lavfi", "-i", `sine=frequency=660:sample_rate=48000:duration=${seconds}`],
    ["-i", captions],
  ].flat();
  const outputs = [
    ["-map", "0:v", "-map", "1:a", "-map", "2:a", "-map", "3:s"],
    ["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-g", "48", "-c:a", "aac", "-c:s", "srt"],
    ["-metadata:s:a:0", "language=eng", "-metadata:s:a:1", "language=deu", "-metadata:s:s:0", "language=eng"],
    ["-disposition:a:0", "default"],
  ].flat();
  const attachment: string[] = [];
  if (padToBytes > 0) {
    const padding = join(own, "padding.bin");
    await writeFile(padding, Buffer.alloc(padToBytes, "noise "));
    attachment.push("-attach", padding, "-metadata:s:t", "mimetype=application/octet-stream");
  }
  await run("ffmpeg", ["-v", "error", "-y", ...inputs, ...outputs, ...attachment, path]);
  return path;
}
