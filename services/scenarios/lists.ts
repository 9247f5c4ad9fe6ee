/** Lists of the platform to their ends: the stories share it, so what one made may lie on any page. */

import { CatalogService } from "../../clients/sdk/gen/matinee/catalog/v1/catalog_service_pb.ts";
import type { Title } from "../../clients/sdk/gen/matinee/catalog/v1/title_pb.ts";
import type { Asset } from "../../clients/sdk/gen/matinee/ingestion/v1/asset_pb.ts";
import { IngestionService } from "../../clients/sdk/gen/matinee/ingestion/v1/ingestion_service_pb.ts";
import type { Platform } from "../../clients/sdk/platform.ts";

/** The largest page that is given. */
const PAGE = 200;

/** All assets of this file name that are not deleted, newest first. */
export function assetsNamed(platform: Platform, fileName: string): Promise<readonly Asset[]> {
  const client = platform.client(IngestionService);
  return everyOne(async (pageToken) => {
    const { assets, nextPageToken } = await client.listAssets({ pageSize: PAGE, pageToken });
    return { items: assets.filter((asset) => asset.fileName === fileName), nextPageToken };
  });
}

/** All titles of this name. */
export function titlesNamed(platform: Platform, displayTitle: string): Promise<readonly Title[]> {
  const client = platform.client(CatalogService);
  return everyOne(async (pageToken) => {
    const { titles, nextPageToken } = await client.listTitles({ pageSize: PAGE, pageToken });
    return { items: titles.filter((title) => title.displayTitle === displayTitle), nextPageToken };
  });
}

async function everyOne<T>(
  load: (pageToken: string) => Promise<{ readonly items: readonly T[]; readonly nextPageToken: string }>,
): Promise<readonly T[]> {
  const all: T[] = [];
  for (let pageToken = ""; ; ) {
    const page = await load(pageToken);
    all.push(...page.items);
    pageToken = page.nextPageToken;
    if (pageToken === "") return all;
  }
}
