/** What transcode asks ingestion. */

import type { Client } from "@connectrpc/connect";
import { Asset_State } from "#gen/matinee/ingestion/v1/asset_pb";
import type { IngestionService } from "#gen/matinee/ingestion/v1/ingestion_service_pb";
import { isAppError } from "#pkg/errors/errors";

/** Whether the asset's original is still there. */
export async function hasSource(ingestion: Client<typeof IngestionService>, assetId: string): Promise<boolean> {
  try {
    const { asset } = await ingestion.getAsset({ name: `assets/${assetId}` });
    return asset?.state === Asset_State.READY;
  } catch (error) {
    if (isAppError(error) && error.kind === "not_found") return false;
    throw error;
  }
}
