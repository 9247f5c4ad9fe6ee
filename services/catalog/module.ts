/** Catalog: what can be watched, when and where; search; the home page. */

import { CatalogService } from "#gen/matinee/catalog/v1/catalog_service_pb";
import { FilmService } from "#gen/matinee/catalog/v1/film_service_pb";
import { AssetChangedSchema } from "#gen/matinee/ingestion/v1/events_pb";
import { AssetPackagedSchema, PackageChangedSchema } from "#gen/matinee/packager/v1/events_pb";
import { PlaybackStartedSchema } from "#gen/matinee/playback/v1/events_pb";
import { ProfileService } from "#gen/matinee/profile/v1/profile_service_pb";
import { RecommendationsService } from "#gen/matinee/recommendations/v1/recommendations_service_pb";
import { JobChangedSchema } from "#gen/matinee/transcode/v1/events_pb";
import { requireId } from "#pkg/aip/resource-name";
import { consume, defineModule, serve } from "#pkg/app/module";
import { looping } from "#pkg/work/loop";
import { Browsing } from "./browsing.ts";
import { catalogConfig } from "./config.ts";
import { fromProtoMedia, packageToJson } from "./convert.ts";
import { STANDING_ALONE } from "./domain/title.ts";
import { CATALOG_EVENTS, openCatalogEvents } from "./events.ts";
import { partOfAsset, partOfJob, partOfPackage } from "./film-convert.ts";
import { filmHandler } from "./film-handler.ts";
import { Films } from "./films.ts";
import { catalogHandler } from "./handler.ts";
import { artworkHandler, artworkRoute } from "./http.ts";
import { Indexer, TITLE_INDEX } from "./indexer.ts";
import { openRowChooser, openViewers } from "./peers.ts";
import { Rebuilding } from "./rebuilding.ts";
import { loadStills } from "./stills.ts";
import { type FilmPart, openFilmStore } from "./store/film-store.ts";
import { openIndexStore } from "./store/index-store.ts";
import { openTitleStore } from "./store/title-store.ts";
import { Titles } from "./titles.ts";

export const catalog = defineModule({
  name: "catalog",
  summary: "What can be watched, when and where; search; the home page",
  owns: ["title", "availability", "artwork", "view of films"],
  config: catalogConfig,
  serves: [CatalogService, FilmService],
  routes: [artworkRoute],
  calls: [RecommendationsService, ProfileService],
  needs: ["postgres", "search", "images"],
  emits: CATALOG_EVENTS,
  consumes: [AssetPackagedSchema, PlaybackStartedSchema, AssetChangedSchema, JobChangedSchema, PackageChangedSchema],
  migrations: new URL("./migrations/", import.meta.url),
  async open(host, config) {
    const { postgres: db, search, images, clock, log, inbox } = host;
    const store = openTitleStore(db);
    const events = openCatalogEvents(host);
    const indexer = new Indexer({ store, search });
    const rebuilding = new Rebuilding({
      titles: store,
      index: openIndexStore(db, TITLE_INDEX),
      search,
      events,
      clock,
    });
    const films = new Films({
      db,
      store: openFilmStore(db),
      titles: store,
      clock,
      keepAliveMs: config.keepAlive,
      streamsPerAccount: config.filmStreamsPerAccount,
    });
    // A version decides, so that the same event twice, or an older one late, changes nothing.
    const told = async (part: FilmPart | undefined) => {
      if (part !== undefined) await db.tx((tx) => films.told(tx, part));
    };
    const titles = new Titles({ db, inbox, store, films, events, clock, onWrite: () => indexer.wake() });
    const browsing = new Browsing({ store, search, clock });
    const newest = async () => {
      const page = await store.list(
        { state: "published", assetId: undefined, kinds: STANDING_ALONE, maximumAge: undefined },
        config.rowItems,
      );
      return page.map(({ id }) => id);
    };
    const recommendations = host.dial(RecommendationsService);

    return {
      services: [
        serve(FilmService, filmHandler(films)),
        serve(
          CatalogService,
          catalogHandler({
            titles,
            browsing,
            rebuilding,
            rowsFor: (call) => openRowChooser({ client: recommendations, fallback: newest, log, signal: call.signal }),
            viewers: openViewers({ client: host.dial(ProfileService), territoryOf: host.territoryOf, clock }),
            territoryOf: host.territoryOf,
            rowItems: config.rowItems,
          }),
        ),
      ],
      routes: [{ ...artworkRoute, handle: artworkHandler({ store, images }) }],
      consumers: [
        consume(AssetPackagedSchema, async (_event, message, signal) => {
          const pack = message.package;
          if (pack === undefined) return;
          const stills = await loadStills(images, message.posters, signal);
          const revision = { media: fromProtoMedia(pack), packageJson: packageToJson(pack), stills };
          await titles.packaged(requireId("assets", pack.asset), revision);
        }),
        consume(AssetChangedSchema, ({ version }, message) => told(partOfAsset(message, version))),
        consume(JobChangedSchema, ({ version }, message) => told(partOfJob(message, version))),
        consume(PackageChangedSchema, ({ version }, message) => told(partOfPackage(message, version))),
        consume(PlaybackStartedSchema, (event, message) => titles.viewed(event.id, requireId("titles", message.title))),
      ],
      background: [
        indexer.background(host),
        looping("search index", (signal) => rebuilding.rebuildIfNeeded(signal), host),
        { name: "film changes", run: (signal) => films.listen(signal) },
        looping("older titles", () => films.listOlder(), host),
      ],
      ready: () => db.ping(),
    };
  },
});
