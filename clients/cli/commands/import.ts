/** `matinee import`: files to films, with progress that survives Ctrl-C. */

import { createHash } from "node:crypto";
import { readdir, stat } from "node:fs/promises";
import { extname, join } from "node:path";
import { toJson } from "@bufbuild/protobuf";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import { folderStateStore, openFileSource } from "@matinee/sdk/file-node";
import { TitleSchema } from "@matinee/sdk/gen/matinee/catalog/v1/title_pb";
import { Protection } from "@matinee/sdk/gen/matinee/common/v1/media_pb";
import { AssetSchema } from "@matinee/sdk/gen/matinee/ingestion/v1/asset_pb";
import { PackageSchema } from "@matinee/sdk/gen/matinee/packager/v1/package_pb";
import { type Job, JobSchema } from "@matinee/sdk/gen/matinee/transcode/v1/job_pb";
import { type ImportEvent, type ImportOptions, type ImportState, importFilm } from "@matinee/sdk/import-film";
import { hasEnded } from "@matinee/sdk/jobs";
import type { Platform } from "@matinee/sdk/platform";
import { toSeconds } from "@matinee/sdk/time";
import { uploadKeyOf } from "@matinee/sdk/upload";
import type { UploadState } from "@matinee/sdk/upload-state";
import type { Context } from "../context.ts";
import { BadNews, report, UsageError } from "../failure.ts";
import { holdLock } from "../lock.ts";
import { newProgress, type Progress } from "../progress.ts";
import { bytes, duration } from "../text.ts";

const FILM_ENDINGS = [".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".mpg", ".mpeg", ".ts", ".mts", ".mxf", ".y4m"];

export interface ImportFlags {
  readonly title?: string;
  readonly synopsis?: string;
  readonly year?: number;
  readonly genre?: string[];
  readonly age: number;
  readonly language?: string;
  readonly territory?: string[];
  readonly from?: string;
  readonly to?: string;
  readonly clear?: boolean;
  readonly publish?: boolean;
  readonly wait: boolean;
}

/** One after the other; a file that fails does not stop the next. */
export async function importFiles(context: Context, paths: readonly string[], flags: ImportFlags): Promise<void> {
  const files = (await Promise.all(paths.map(expand))).flat();
  checkFlags(files, flags);
  const platform = await context.patientPlatform();
  let failed = 0;
  for (const path of files) {
    try {
      await importOne(context, platform, path, flags);
    } catch (error) {
      if (context.signal.aborted) {
        context.say("\nStopped. The same command goes on where it stopped.");
        throw error;
      }
      if (files.length === 1) throw error;
      failed += 1;
      report(error, context.io, context.json);
    }
  }
  if (failed > 0) throw new BadNews(`${failed} of ${files.length} files failed`);
}

async function expand(path: string): Promise<string[]> {
  if (!(await stat(path)).isDirectory()) return [path];
  const names = (await readdir(path)).filter((name) => FILM_ENDINGS.includes(extname(name).toLowerCase()));
  if (names.length === 0) throw new UsageError(`there is no film in the folder ${path}`);
  return names.sort().map((name) => join(path, name));
}

function checkFlags(files: readonly string[], flags: ImportFlags): void {
  const about = [flags.title, flags.synopsis, flags.year, flags.genre, flags.territory, flags.publish];
  if (flags.title === undefined) {
    if (about.some((flag) => flag !== undefined)) throw new UsageError("say what the title is called with --title");
    return;
  }
  if (files.length > 1) throw new UsageError("--title is for one file; these are several");
  if (flags.publish === true && !flags.wait) {
    throw new UsageError("--publish has to wait until the film can be played; leave out --no-wait");
  }
  if (flags.publish === true && flags.synopsis === undefined) {
    throw new UsageError("a published title needs a synopsis: add --synopsis");
  }
}

async function importOne(context: Context, platform: Platform, path: string, flags: ImportFlags): Promise<void> {
  const source = await openFileSource(path);
  if (source.blob.size === 0) throw new UsageError(`${path} is empty`);
  context.say(`${source.name}  ${bytes(source.blob.size)}`);
  const progress = context.json ? undefined : newProgress(context.io.out);
  const protection = flags.clear === true ? Protection.CLEAR : Protection.CBCS;
  // Two imports of one file at once would upload it twice and make two films of it.
  await using _alone = await holdLock(
    join(context.configFolder, "imports", `${lockName(uploadKeyOf(source, protection))}.lock`),
    {
      signal: context.signal,
      onWait: () => context.io.err.write("matinee: waiting: another import of this file is running\n"),
    },
  );
  const options: ImportOptions = {
    source,
    protection,
    uploads: folderStateStore<UploadState>(join(context.configFolder, "uploads")),
    imports: folderStateStore<ImportState>(join(context.configFolder, "imports")),
    signal: context.signal,
    until: flags.wait ? "complete" : "upload",
    ...(flags.title === undefined ? {} : { title: toTitle(flags.title, flags) }),
    publish: flags.publish === true,
    onEvent: (event) => {
      context.emit(toLine(event));
      if (progress !== undefined) drawImport(progress, event);
    },
  };
  const result = await importFilm(platform, options).finally(() => progress?.end());
  context.say(`  ${result.asset}${result.title === undefined ? "" : `  ${result.title.name}`}`);
  if (!flags.wait) context.say('  Uploaded. Follow it with "matinee jobs watch".');
}

function lockName(key: string): string {
  return createHash("sha256").update(key).digest("hex").slice(0, 32);
}

function toTitle(name: string, flags: ImportFlags): NonNullable<ImportOptions["title"]> {
  return {
    displayTitle: name,
    synopsis: flags.synopsis ?? "",
    releaseYear: flags.year ?? 0,
    genres: flags.genre ?? [],
    minimumAge: flags.age,
    originalLanguage: flags.language ?? "",
    availabilityWindows: [
      {
        territories: (flags.territory ?? []).map((code) => code.toUpperCase()),
        ...(flags.from === undefined ? {} : { startTime: timestampFromDate(parseDate(flags.from)) }),
        ...(flags.to === undefined ? {} : { endTime: timestampFromDate(parseDate(flags.to)) }),
      },
    ],
  };
}

function parseDate(text: string): Date {
  const date = new Date(text);
  if (Number.isNaN(date.getTime())) throw new UsageError(`${JSON.stringify(text)} is no date; write it as 2026-12-24`);
  return date;
}

/** Shows where an import is. */
export function drawImport(progress: Progress, event: ImportEvent): void {
  switch (event.step) {
    case "upload": {
      const { sentBytes, totalBytes, resumedBytes, bytesPerSecond, phase, trouble } = event.upload;
      const note =
        trouble ??
        (phase === "completing"
          ? "verifying"
          : [
              bytesPerSecond > 0 ? `${bytes(bytesPerSecond)}/s` : "reading",
              ...(resumedBytes > 0 ? [`${bytes(resumedBytes)} were there`] : []),
            ].join("  "));
      progress.set("Upload", sentBytes / totalBytes, note);
      return;
    }
    case "inspect":
      progress.set("Upload", 1, "stored");
      progress.set("Inspect", 0, "reading the film");
      return;
    case "inspected": {
      const video = event.asset.media?.video;
      const seconds = toSeconds(event.asset.media?.duration);
      const note = video === undefined ? "" : `${video.displayWidth}×${video.displayHeight}  ${duration(seconds)}`;
      progress.set("Inspect", 1, note);
      return;
    }
    case "transcode":
      progress.set(
        "Transcode",
        (event.job.progress?.percent ?? 0) / 100,
        hasEnded(event.job) ? "" : jobNote(event.job),
      );
      return;
    case "package":
      progress.set("Package", 0.5, "the full set");
      return;
    case "playable":
      progress.set("Package", event.package.isComplete ? 1 : 0.25, "can be watched");
      return;
    case "complete":
      progress.set("Package", 1, `${event.package.tracks.length} tracks`);
      return;
    case "title":
    case "published":
      return;
  }
}

/** "2.4× speed  1 min 10 s left". */
export function jobNote(job: Job): string {
  const { speed = 0, eta } = job.progress ?? {};
  if (job.waiting !== undefined) return `waiting: ${job.waiting.message}`;
  return [
    ...(speed > 0 ? [`${speed.toFixed(1)}× speed`] : []),
    ...(eta === undefined ? [] : [`${duration(toSeconds(eta))} left`]),
  ].join("  ");
}

function toLine(event: ImportEvent): unknown {
  switch (event.step) {
    case "upload":
    case "inspect":
    case "package":
      return event;
    case "inspected":
      return { step: event.step, asset: toJson(AssetSchema, event.asset) };
    case "title":
    case "published":
      return { step: event.step, title: toJson(TitleSchema, event.title) };
    case "transcode":
      return { step: event.step, job: toJson(JobSchema, event.job) };
    case "playable":
    case "complete":
      return { step: event.step, package: toJson(PackageSchema, event.package) };
  }
}
