/** Many films on a platform's shelves at once: rows as ingestion and the packager leave them, told to the views by them. */

import { randomUUID } from "node:crypto";
import { Code, ConnectError } from "@connectrpc/connect";
import { v7 } from "uuid";
import { systemClock } from "#pkg/clock/clock";
import { CatalogService } from "../../clients/sdk/gen/matinee/catalog/v1/catalog_service_pb.ts";
import { AvailabilityWindow_BusinessModel, Title_Kind } from "../../clients/sdk/gen/matinee/catalog/v1/title_pb.ts";
import { IngestionService } from "../../clients/sdk/gen/matinee/ingestion/v1/ingestion_service_pb.ts";
import type { Cluster } from "./cluster.ts";
import { operatorOf } from "./people.ts";

/** Of these, one in ten has failed; the oldest twenty have titles, and the oldest five of those are published. */
export const TITLED = 20;
export const PUBLISHED = 5;

const MINUTE_MS = 60_000;

export interface ShelvedFilm {
  /** `assets/{uuid}`. */
  readonly asset: string;
  readonly fileName: string;
}

/** Oldest first. */
export async function fillShelves(cluster: Cluster, count: number): Promise<readonly ShelvedFilm[]> {
  const begin = systemClock.now().getTime() - 2 * 24 * 60 * MINUTE_MS;
  const films = Array.from({ length: count }, (_, index) => ({
    // Lists follow the ids: random ones would stand before all that comes later.
    id: v7({ msecs: begin + (index + 1) * MINUTE_MS }),
    fileName: `reel ${String(index + 1).padStart(3, "0")}.mkv`,
  }));
  const [ids, names] = [films.map(({ id }) => id), films.map(({ fileName }) => fileName)];
  const media = { container: "matroska", durationSeconds: 90, audio: [], text: [], video: VIDEO };
  await cluster.sql(
    `insert into ingestion.assets (id, owner_id, file_name, state, protection, size_bytes, sha256, media, created_at, updated_at)
     select id, gen_random_uuid(), name, 'ready', 'cbcs', 1000000 * n, repeat('0', 64), $3::jsonb,
            to_timestamp($4::double precision / 1000) + n * interval '1 minute', now()
     from unnest($1::uuid[], $2::text[]) with ordinality as f (id, name, n)`,
    [ids, names, JSON.stringify(media), begin],
  );
  await cluster.sql(
    "insert into packager.packages (id, asset_id, created_at) select id, id, now() from unnest($1::uuid[]) as id",
    [ids],
  );
  await cluster.sql(
    `insert into packager.revisions (package_id, revision, asset_id, state, input, created_at, run_after, failure_reason, failure_message)
     select id, 1, id, case when n % 10 = 0 then 'failed' else 'ready' end, $3::jsonb, now(), now(),
            case when n % 10 = 0 then 'PACKAGE_TOOL_FAILED' end, case when n % 10 = 0 then 'the packager ended with 1' end
     from unnest($1::uuid[], $2::text[]) with ordinality as f (id, name, n)`,
    [ids, names, JSON.stringify(INPUT)],
  );
  const catalog = (await operatorOf(cluster)).platform.client(CatalogService);
  for (const [index, { id, fileName }] of films.slice(0, TITLED).entries()) {
    const { title } = await catalog.createTitle({
      title: {
        kind: Title_Kind.MOVIE,
        displayTitle: `Shelved ${fileName.slice(0, -4)}`,
        synopsis: "A film of many.",
        asset: `assets/${id}`,
        availabilityWindows: [{ businessModel: AvailabilityWindow_BusinessModel.SUBSCRIPTION }],
      },
      requestId: randomUUID(),
    });
    if (index < PUBLISHED) await catalog.publishTitle({ name: title?.name ?? "" });
  }
  return films.map(({ id, fileName }) => ({ asset: `assets/${id}`, fileName }));
}

/** Takes the films and whatever titles they have off the shelves again: other stories count what is there. */
export async function clearShelves(cluster: Cluster, shelves: readonly ShelvedFilm[]): Promise<void> {
  const { platform } = await operatorOf(cluster);
  const catalog = platform.client(CatalogService);
  const ingestion = platform.client(IngestionService);
  const gone = (error: unknown) => {
    if (!(error instanceof ConnectError) || error.code !== Code.NotFound) throw error;
  };
  for (const { asset } of shelves) {
    const { titles } = await catalog.listTitles({ asset });
    for (const { name } of titles) await catalog.deleteTitle({ name });
    await ingestion.deleteAsset({ name: asset, isForced: true }).catch(gone);
  }
}

const VIDEO = {
  ...{ index: 0, codec: "h264", displayWidth: 1280, displayHeight: 720, frameRate: { num: 24, den: 1 } },
  ...{ frameCount: 2160, rotation: 0, pixelFormat: "yuv420p", colorTransfer: "bt709", isConstantFrameRate: true },
  keyframes: [0],
};
const INPUT = {
  ...{ owner: "", fileName: "", isComplete: true, protection: "cbcs", duration: { seconds: 90, nanos: 0 } },
  ...{ tracks: [], posters: [] },
};
