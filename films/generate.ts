/** Makes a demo film: `node films/generate.ts ID OUT`, or `generateFilm` for a program. */

import { fork } from "node:child_process";
import { mkdir, readdir, rename, rm, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { type FilmId, films, isFilmId } from "./films.ts";

/** Part of the cache's file names; raise it whenever a film would come out different. */
export const GENERATOR_VERSION = 1;

export interface GenerateOptions {
  /** Called with the finished share, in [0, 1]. */
  readonly onProgress?: (share: number) => void;
  readonly signal?: AbortSignal;
}

/** The canvas' allocator gives freed frames back to the system and asks for them again, which can cost more than painting them. */
const KEEP_FRAMES_IN_MEMORY = { MIMALLOC_PURGE_DELAY: "-1" } as const;

/** Writes a film to `outPath`, which appears only when it is whole. Rejects when a tool fails or the signal aborts. */
export async function generateFilm(id: FilmId, outPath: string, options: GenerateOptions = {}): Promise<void> {
  options.signal?.throwIfAborted();
  await mkdir(dirname(outPath), { recursive: true });
  await removeLeftOvers(outPath);
  const unfinished = `${outPath}.${process.pid}.part`;
  try {
    await renderInProcess(id, unfinished, options);
    await rename(unfinished, outPath);
  } finally {
    await rm(unfinished, { force: true });
    await rm(`${unfinished}.tracks`, { recursive: true, force: true });
  }
}

/** What processes that were killed left of this film. */
async function removeLeftOvers(outPath: string): Promise<void> {
  for (const name of await readdir(dirname(outPath))) {
    const owner = name.startsWith(`${basename(outPath)}.`) ? /\.(\d+)\.part(\.tracks)?$/.exec(name)?.[1] : undefined;
    if (owner === undefined || isAlive(Number(owner))) continue;
    await rm(join(dirname(outPath), name), { recursive: true, force: true });
  }
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
}

/** The path of a film in a cache folder, generated when this version of it is not there yet. */
export async function cachedFilm(id: FilmId, folder: string, options: GenerateOptions = {}): Promise<string> {
  const path = join(folder, `${id}-v${GENERATOR_VERSION}.${films[id].container}`);
  const size = await stat(path).then(
    (found) => found.size,
    () => 0,
  );
  if (size === 0) await generateFilm(id, path, options);
  options.onProgress?.(1);
  return path;
}

function renderInProcess(id: FilmId, outPath: string, { onProgress, signal }: GenerateOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = fork(fileURLToPath(new URL("./render.ts", import.meta.url)), [id, outPath], {
      env: { ...process.env, ...KEEP_FRAMES_IN_MEMORY },
      stdio: ["ignore", "ignore", "pipe", "ipc"],
      execArgv: ["--disable-warning=ExperimentalWarning"],
    });
    let errors = "";
    const stop = () => child.kill("SIGTERM");
    signal?.addEventListener("abort", stop, { once: true });
    child.stderr?.on("data", (bytes: Buffer) => {
      errors = (errors + bytes.toString()).slice(-4000);
    });
    child.on("message", (share) => {
      if (typeof share === "number") onProgress?.(share);
    });
    child.on("error", reject);
    child.on("close", (code) => {
      signal?.removeEventListener("abort", stop);
      if (signal?.aborted) reject(signal.reason);
      else if (code === 0) resolve();
      else reject(new Error(`the film ${id} could not be made: ${errors.trim()}`));
    });
  });
}

if (import.meta.main) {
  const [id = "", out = ""] = process.argv.slice(2);
  if (!isFilmId(id) || !out) {
    process.stderr.write(`usage: node films/generate.ts ${Object.keys(films).join("|")} OUT\n`);
    process.exitCode = 2;
  } else {
    const stop = new AbortController();
    process.once("SIGINT", () => stop.abort(new Error("interrupted")));
    await generateFilm(id, out, { signal: stop.signal, onProgress: showProgress });
    process.stdout.write(`${process.stdout.isTTY ? "\n" : ""}${films[id].title}: ${out}\n`);
  }
}

function showProgress(share: number): void {
  const filled = Math.round(share * 30);
  if (process.stdout.isTTY)
    process.stdout.write(
      `\r${"█".repeat(filled)}${"░".repeat(30 - filled)} ${String(Math.round(share * 100)).padStart(3)} %`,
    );
}
