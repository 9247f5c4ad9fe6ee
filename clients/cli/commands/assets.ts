/** `matinee assets`: list and delete the film files that were handed in. */

import { toJson } from "@bufbuild/protobuf";
import { type Asset, Asset_State, AssetSchema } from "@matinee/sdk/gen/matinee/ingestion/v1/asset_pb";
import { IngestionService } from "@matinee/sdk/gen/matinee/ingestion/v1/ingestion_service_pb";
import { toDate, toSeconds } from "@matinee/sdk/time";
import type { Context } from "../context.ts";
import { bytes, duration, stateName, table, when } from "../text.ts";
import { parseName } from "./names.ts";

const PAGE = 200;

export async function listAssets(context: Context, flags: { limit: number }): Promise<void> {
  const client = (await context.platform()).client(IngestionService);
  const assets: Asset[] = [];
  for (let pageToken = ""; assets.length < flags.limit; ) {
    const page = await client.listAssets({ pageToken, pageSize: Math.min(PAGE, flags.limit - assets.length) });
    assets.push(...page.assets);
    pageToken = page.nextPageToken;
    if (pageToken === "") break;
  }
  context.emit({ assets: assets.map((asset) => toJson(AssetSchema, asset)) });
  if (assets.length === 0) return context.say("No films. Hand one in with: matinee import FILE");
  context.say(
    table(
      ["asset", "state", "size", "length", "picture", "created", "file"],
      assets.map((asset) => [
        asset.name,
        asset.rejection?.reason ?? asset.waiting?.reason ?? stateName(Asset_State, asset.state),
        bytes(Number(asset.sizeBytes)),
        asset.media === undefined ? "" : duration(toSeconds(asset.media.duration)),
        asset.media?.video === undefined ? "" : `${asset.media.video.displayWidth}×${asset.media.video.displayHeight}`,
        when(toDate(asset.createTime)),
        asset.fileName,
      ]),
    ),
  );
}

/** Also gives up an upload that is not finished. What published titles play is deleted by `force` only. */
export async function deleteAssets(
  context: Context,
  given: readonly string[],
  { force }: { readonly force: boolean },
): Promise<void> {
  const names = given.map((name) => parseName("assets", name));
  const client = (await context.platform()).client(IngestionService);
  for (const name of names) {
    const { asset } = await client.deleteAsset({ name, isForced: force });
    context.emit({ asset: asset === undefined ? null : toJson(AssetSchema, asset) });
    context.say(`${name} is deleted, with all that was made of it.`);
  }
}
