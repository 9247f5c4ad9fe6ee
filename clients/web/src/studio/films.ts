/** What became of each film file: its asset, its job, its newest package and its title, put together. */

import { CatalogService } from "@matinee/sdk/gen/matinee/catalog/v1/catalog_service_pb";
import type { Title } from "@matinee/sdk/gen/matinee/catalog/v1/title_pb";
import { type Asset, Asset_State } from "@matinee/sdk/gen/matinee/ingestion/v1/asset_pb";
import { IngestionService } from "@matinee/sdk/gen/matinee/ingestion/v1/ingestion_service_pb";
import { type Package, Package_State } from "@matinee/sdk/gen/matinee/packager/v1/package_pb";
import { PackagerService } from "@matinee/sdk/gen/matinee/packager/v1/packager_service_pb";
import { type Job, Job_State } from "@matinee/sdk/gen/matinee/transcode/v1/job_pb";
import { TranscodeService } from "@matinee/sdk/gen/matinee/transcode/v1/transcode_service_pb";
import type { Platform } from "@matinee/sdk/platform";

const PAGE = 100;

export interface Film {
  readonly asset: Asset;
  readonly job: Job | undefined;
  /** The newest revision, ready or not. */
  readonly package: Package | undefined;
  readonly isPlayable: boolean;
  readonly title: Title | undefined;
}

export interface Studio {
  readonly films: readonly Film[];
  readonly titles: readonly Title[];
}

/** The newest hundred of each. */
export async function loadStudio(platform: Platform, signal: AbortSignal): Promise<Studio> {
  const page = { pageSize: PAGE };
  const [{ assets }, { jobs }, { packages }, { titles }] = await Promise.all([
    platform.client(IngestionService).listAssets(page, { signal }),
    platform.client(TranscodeService).listJobs(page, { signal }),
    platform.client(PackagerService).listPackages(page, { signal }),
    platform.client(CatalogService).listTitles(page, { signal }),
  ]);
  const films = assets.map((asset) => {
    const own = packages.filter((candidate) => candidate.asset === asset.name);
    return {
      asset,
      job: jobs.find((job) => job.asset === asset.name),
      package: own[0],
      isPlayable: own.some(({ state }) => state === Package_State.READY),
      title: titles.find((title) => title.asset === asset.name),
    };
  });
  return { films, titles };
}

/** True while something will change by itself. */
export function isMoving({ asset, job, package: revision }: Film): boolean {
  if (asset.state === Asset_State.UPLOADING || asset.state === Asset_State.INSPECTING) return true;
  if (asset.state !== Asset_State.READY) return false;
  if (job === undefined) return true;
  if (job.state === Job_State.FAILED || job.state === Job_State.CANCELED) return false;
  if (job.state !== Job_State.SUCCEEDED) return true;
  if (revision?.state === Package_State.FAILED) return false;
  // The complete revision is listed from when its packaging begins.
  return revision?.isComplete !== true || revision.state !== Package_State.READY;
}
