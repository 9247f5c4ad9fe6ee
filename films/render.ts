/** The process that makes one film: `node render.ts ID OUT`; sends its progress, in [0, 1], to the process that started it. */

import { spawn } from "node:child_process";
import { mkdir, writeFile } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import { type Film, films, frameCount, isFilmId } from "./films.ts";
import type { PaintedFrame, RenderWork } from "./render-worker.ts";
import { compose } from "./sound/music.ts";
import { captions, mixSoundtrack } from "./sound/soundtrack.ts";
import { speak } from "./sound/voice.ts";

const SLOTS_PER_WORKER = 3;

const [id = "", out = ""] = process.argv.slice(2);
if (!isFilmId(id) || !out) throw new Error("usage: node render.ts ID OUT");
const orphaned = () => process.exit(1);
process.on("disconnect", orphaned);
process.on("SIGTERM", orphaned);
await render(films[id], out);
process.off("disconnect", orphaned);
process.disconnect?.();

async function render(film: Film, outPath: string): Promise<void> {
  // Removed with everything else by the process that started this one, whatever becomes of this one.
  const folder = `${outPath}.tracks`;
  await mkdir(folder, { recursive: true });
  const score = compose(film);
  const tracks = await Promise.all(
    film.languages.map(async (language) => {
      const lines = await speak(film, language);
      const audio = join(folder, `${language.tag}.wav`);
      const text = join(folder, `${language.tag}.vtt`);
      await writeFile(audio, mixSoundtrack(film, score, lines));
      await writeFile(text, captions(lines));
      return { audio, text };
    }),
  );
  await encode(film, tracks, outPath);
}

interface Track {
  readonly audio: string;
  readonly text: string;
}

function encode(film: Film, tracks: readonly Track[], outPath: string): Promise<void> {
  const ffmpeg = spawn("ffmpeg", encoderArgs(film, tracks, outPath), { stdio: ["pipe", "ignore", "pipe"] });
  const errors: string[] = [];
  ffmpeg.stderr.on("data", (bytes: Buffer) => errors.push(bytes.toString()));
  ffmpeg.stdin.on("error", () => {});
  process.on("exit", () => ffmpeg.kill("SIGKILL"));
  const finished = new Promise<void>((resolve, reject) => {
    ffmpeg.on("error", reject);
    ffmpeg.on("close", (code) =>
      code === 0 ? resolve() : reject(new Error(`FFmpeg ended with ${code}: ${errors.join("").trim()}`)),
    );
  });

  const total = frameCount(film);
  const painted = new Map<
    number,
    { readonly worker: Worker; readonly memory: SharedArrayBuffer; readonly slot: number }
  >();
  let next = 0;
  const writePainted = (): void => {
    const frame = painted.get(next);
    if (!frame) return;
    painted.delete(next);
    next++;
    ffmpeg.stdin.write(Buffer.from(frame.memory), () => frame.worker.postMessage(frame.slot));
    if (next % 12 === 0 || next === total) process.send?.(next / total);
    if (next === total) ffmpeg.stdin.end();
    else writePainted();
  };

  const step = Math.max(1, Math.min(4, availableParallelism()));
  const workers = Array.from({ length: step }, (_, first) => {
    const slots = Array.from({ length: SLOTS_PER_WORKER }, () => new SharedArrayBuffer(film.width * film.height * 4));
    const worker = new Worker(new URL("./render-worker.ts", import.meta.url), {
      workerData: { film: film.id, first, step, slots } satisfies RenderWork,
    });
    worker.on("message", ({ frame, slot }: PaintedFrame) => {
      const memory = slots[slot];
      if (memory) painted.set(frame, { worker, memory, slot });
      writePainted();
    });
    worker.on("error", (error) => {
      errors.push(String(error));
      ffmpeg.kill("SIGKILL");
    });
    return worker;
  });
  return finished.finally(() => Promise.all(workers.map((worker) => worker.terminate())));
}

function encoderArgs(film: Film, tracks: readonly Track[], outPath: string): string[] {
  const [numerator, denominator] = film.frameRate;
  const keyframes = Math.round((numerator / denominator) * 2);
  const inputs = tracks.flatMap((track) => ["-i", track.audio]).concat(tracks.flatMap((track) => ["-i", track.text]));
  const maps = ["-map", "0:v"];
  const tags: string[] = [];
  for (const [at, language] of film.languages.entries()) {
    maps.push("-map", `${at + 1}:a`);
    tags.push(
      `-metadata:s:a:${at}`,
      `language=${language.iso639}`,
      `-metadata:s:a:${at}`,
      `${film.container === "mp4" ? "handler_name" : "title"}=${language.name}`,
    );
    tags.push(`-disposition:a:${at}`, at === 0 ? "default" : "0");
  }
  for (const [at, language] of film.languages.entries()) {
    maps.push("-map", `${at + 1 + tracks.length}:s`);
    tags.push(
      `-metadata:s:s:${at}`,
      `language=${language.iso639}`,
      `-metadata:s:s:${at}`,
      `${film.container === "mp4" ? "handler_name" : "title"}=${language.name}`,
    );
  }
  return [
    ...[
      "-v",
      "error",
      "-y",
      "-f",
      "rawvideo",
      "-pix_fmt",
      "rgba",
      "-s",
      `${film.width}x${film.height}`,
      "-r",
      `${numerator}/${denominator}`,
      "-i",
      "pipe:0",
    ],
    ...inputs,
    ...maps,
    ...[
      "-vf",
      "scale=out_color_matrix=bt709:out_range=tv,format=yuv420p,setparams=color_primaries=bt709:color_trc=bt709:colorspace=bt709",
    ],
    ...[
      "-c:v",
      "libx264",
      "-preset",
      "veryfast",
      "-crf",
      "18",
      "-g",
      `${keyframes}`,
      "-keyint_min",
      `${keyframes}`,
      "-sc_threshold",
      "0",
    ],
    ...["-colorspace", "bt709", "-color_primaries", "bt709", "-color_trc", "bt709", "-color_range", "tv"],
    ...["-c:a", "aac", "-b:a", "160k", "-ar", "48000", "-c:s", film.captionCodec],
    ...tags,
    ...[
      "-metadata",
      `title=${film.title}`,
      "-metadata",
      `date=${film.year}`,
      "-metadata",
      `description=${film.synopsis}`,
    ],
    ...(film.container === "mp4" ? ["-movflags", "+faststart"] : []),
    ...["-f", film.container === "mp4" ? "mp4" : "matroska", outPath],
  ];
}
