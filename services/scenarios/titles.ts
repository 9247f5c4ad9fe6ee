/** Films as titles in the catalogue, brought there through the SDK as a studio does. */

import { randomUUID } from "node:crypto";
import type { MessageInitShape } from "@bufbuild/protobuf";
import { openFileSource } from "../../clients/sdk/file-node.ts";
import { CatalogService } from "../../clients/sdk/gen/matinee/catalog/v1/catalog_service_pb.ts";
import type { Title, TitleSchema } from "../../clients/sdk/gen/matinee/catalog/v1/title_pb.ts";
import { Protection } from "../../clients/sdk/gen/matinee/common/v1/media_pb.ts";
import type { Package } from "../../clients/sdk/gen/matinee/packager/v1/package_pb.ts";
import { type ImportEvent, importFilm, toMovie } from "../../clients/sdk/import-film.ts";
import type { Cluster } from "./cluster.ts";
import { film } from "./films.ts";
import { operatorOf } from "./people.ts";

export interface Imported {
  /** `assets/{uuid}`. */
  readonly asset: string;
  readonly title: Title;
  /** The complete revision. */
  readonly package: Package;
  readonly events: readonly ImportEvent[];
}

/** The id in a resource name. */
export function idOf(name: string): string {
  return name.split("/")[1] ?? "";
}

/** Imports the file and waits until every rendition can be played. */
export async function importTitle(
  cluster: Cluster,
  path: string,
  title: MessageInitShape<typeof TitleSchema>,
  protection?: Protection,
): Promise<Imported> {
  const { platform } = await operatorOf(cluster);
  const events: ImportEvent[] = [];
  const result = await importFilm(platform, {
    source: await openFileSource(path),
    ...(protection === undefined ? {} : { protection }),
    title: { availabilityWindows: [{}], synopsis: "A film for a scenario.", ...title },
    publish: true,
    onEvent: (event) => events.push(event),
  });
  if (result.title === undefined || result.package === undefined) throw new Error("the import made no title");
  return { asset: result.asset, title: result.title, package: result.package, events };
}

/** Another published title of an asset that is there. */
export async function publishTitle(
  cluster: Cluster,
  asset: string,
  title: MessageInitShape<typeof TitleSchema>,
): Promise<Title> {
  const catalog = (await operatorOf(cluster)).platform.client(CatalogService);
  const made = await catalog.createTitle({
    title: { ...toMovie({ synopsis: "A film for a scenario.", ...title }), asset },
    requestId: randomUUID(),
  });
  const published = await catalog.publishTitle({ name: made.title?.name ?? "" });
  if (published.title === undefined) throw new Error("nothing was published");
  return published.title;
}

/** 720p, exact 23.976 frames a second, 288 of them. */
export const FIRST_FILM = { seconds: 12, width: 1280, height: 720, frameRate: "24000/1001" };
export const FIRST_FILM_FRAMES = 288;
export const FIRST_FILM_NAME = "The Lighthouse at the Edge of Cluster";

const firstFilms = new WeakMap<Cluster, Promise<Imported>>();

/** The encrypted film that stories share: imported for the first one that asks. */
export function firstFilm(cluster: Cluster): Promise<Imported> {
  let imported = firstFilms.get(cluster);
  if (imported === undefined) {
    imported = film(FIRST_FILM).then((path) =>
      importTitle(cluster, path, { displayTitle: FIRST_FILM_NAME, genres: ["drama"] }),
    );
    firstFilms.set(cluster, imported);
  }
  return imported;
}

/** Long enough to seek and to lose the network in, small enough to be there soon. */
const CLEAR_FILM = { seconds: 30, width: 640, height: 360, frameRate: "24/1" };
export const CLEAR_FILM_NAME = "The Ferry to Brackwater";

const clearFilms = new WeakMap<Cluster, Promise<Imported>>();

/** The film without keys that stories share: imported for the first one that asks. */
export function clearFilm(cluster: Cluster): Promise<Imported> {
  let imported = clearFilms.get(cluster);
  if (imported === undefined) {
    imported = film(CLEAR_FILM).then((path) =>
      importTitle(cluster, path, { displayTitle: CLEAR_FILM_NAME }, Protection.CLEAR),
    );
    clearFilms.set(cluster, imported);
  }
  return imported;
}
