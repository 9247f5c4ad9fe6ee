/** A film as the studio sees it: what each service said last of one asset, the title that plays it, and where that puts it. */

import type { TitleState } from "./title.ts";

/** What ingestion said of the file. */
export interface AssetFacts {
  readonly state: "uploading" | "inspecting" | "ready" | "rejected" | "deleted";
  /** Why it was refused, or what it waits for; empty where neither. */
  readonly reason: string;
  readonly message: string;
  readonly isWaiting: boolean;
  readonly ownerId: string;
  readonly fileName: string;
  readonly createdAtMs: number;
}

/** What transcode said of the job. */
export interface JobFacts {
  readonly state: "queued" | "running" | "succeeded" | "failed" | "canceled";
  readonly reason: string;
  readonly message: string;
  readonly isWaiting: boolean;
}

/** What the packager said of one revision. */
export interface PackageFacts {
  readonly revision: number;
  readonly state: "packaging" | "ready" | "failed";
  readonly isComplete: boolean;
  readonly reason: string;
  readonly message: string;
  readonly isWaiting: boolean;
}

export interface FilmFacts {
  readonly asset: AssetFacts | undefined;
  readonly job: JobFacts | undefined;
  /** In any order. */
  readonly packages: readonly PackageFacts[];
}

export const NO_FACTS: FilmFacts = { asset: undefined, job: undefined, packages: [] };

export type FilmStage =
  | "unknown"
  | "no_file"
  | "uploading"
  | "inspecting"
  | "transcoding"
  | "packaging"
  | "waiting"
  | "rejected"
  | "transcode_failed"
  | "package_failed"
  | "canceled"
  | "ready";

/** What a person in the studio looks for. */
export type FilmGroup = "in_progress" | "failed" | "untitled" | "draft" | "published";

export interface FilmStatus {
  readonly stage: FilmStage;
  readonly reason: string;
  readonly message: string;
  readonly isPlayable: boolean;
}

/** Where a film is on its way; the first that stands in its way counts. */
export function statusOf(film: FilmFacts, hasFile: boolean): FilmStatus {
  const { asset, job } = film;
  const ready = film.packages.filter(({ state }) => state === "ready");
  const isPlayable = ready.length > 0;
  const at = (stage: FilmStage, why: { readonly reason: string; readonly message: string } = NOTHING) => ({
    stage,
    reason: why.reason,
    message: why.message,
    isPlayable,
  });
  if (!hasFile || asset?.state === "deleted") return at("no_file");
  if (asset === undefined) return at("unknown");
  if (asset.state === "rejected") return at("rejected", asset);
  if (asset.isWaiting) return at("waiting", asset);
  if (asset.state === "uploading" || asset.state === "inspecting") return at(asset.state);
  if (job?.state === "failed") return at("transcode_failed", job);
  if (job?.state === "canceled") return at("canceled");
  const newestReady = Math.max(-1, ...ready.map(({ revision }) => revision));
  // What failed before a larger revision became ready is not needed any more.
  const failed = film.packages.find(({ state, revision }) => state === "failed" && revision > newestReady);
  if (failed !== undefined) return at("package_failed", failed);
  const waiting = [...(job === undefined ? [] : [job]), ...film.packages].find(({ isWaiting }) => isWaiting);
  if (waiting !== undefined) return at("waiting", waiting);
  if (ready.some(({ isComplete }) => isComplete)) return at("ready");
  return at(job?.state === "succeeded" ? "packaging" : "transcoding");
}

const NOTHING = { reason: "", message: "" };

/** The revision to show: the newest where it is ready, else one that failed, else the newest. */
export function shownRevision(packages: readonly PackageFacts[]): number | undefined {
  const newestFirst = [...packages].sort((a, b) => b.revision - a.revision);
  const [newest] = newestFirst;
  if (newest?.state === "ready") return newest.revision;
  return (newestFirst.find(({ state }) => state === "failed") ?? newest)?.revision;
}

/** A title as far as the list of films needs to know it. */
export interface TitleFacts {
  readonly id: string;
  readonly assetId: string | undefined;
  readonly state: TitleState;
  readonly displayTitle: string;
  readonly createdAt: Date;
}

/** A row of the list. */
export interface FilmEntry {
  /** The asset's id, or the title's where it has a row of its own. */
  readonly id: string;
  readonly assetId: string | undefined;
  readonly titleId: string | undefined;
  readonly ownerId: string | undefined;
  readonly stage: FilmStage;
  readonly isPlayable: boolean;
  readonly titleState: TitleState | undefined;
  readonly names: string;
  readonly createdAt: Date;
}

/**
 * The rows that these assets and titles make: one for each asset, with the title that plays it, and one for each title
 * that plays no asset, an unknown one, or one whose row shows another title.
 */
export function entriesOf(assets: ReadonlyMap<string, FilmFacts>, titles: readonly TitleFacts[]): readonly FilmEntry[] {
  const shown = titles.filter(({ state }) => state !== "deleted").sort(byPrecedence);
  const taken = new Set<string>();
  const entries: FilmEntry[] = [];
  for (const [assetId, facts] of assets) {
    const { asset } = facts;
    if (asset === undefined || asset.state === "deleted") continue;
    const title = shown.find((candidate) => candidate.assetId === assetId);
    if (title !== undefined) taken.add(title.id);
    const { stage, isPlayable } = statusOf(facts, true);
    entries.push({
      id: assetId,
      assetId,
      titleId: title?.id,
      ownerId: asset.ownerId,
      stage,
      isPlayable,
      titleState: title?.state,
      names: `${title?.displayTitle ?? ""} ${asset.fileName}`,
      createdAt: new Date(asset.createdAtMs),
    });
  }
  for (const title of shown) {
    if (taken.has(title.id)) continue;
    const facts = (title.assetId === undefined ? undefined : assets.get(title.assetId)) ?? NO_FACTS;
    const { stage, isPlayable } = statusOf(facts, title.assetId !== undefined);
    entries.push({
      id: title.id,
      assetId: title.assetId,
      titleId: title.id,
      ownerId: undefined,
      stage,
      isPlayable,
      titleState: title.state,
      names: title.displayTitle,
      createdAt: title.createdAt,
    });
  }
  return entries;
}

/** What is in the catalogue first, then the newest. */
function byPrecedence(a: TitleFacts, b: TitleFacts): number {
  const published = Number(b.state === "published") - Number(a.state === "published");
  return published !== 0 ? published : b.createdAt.getTime() - a.createdAt.getTime() || (a.id < b.id ? 1 : -1);
}
