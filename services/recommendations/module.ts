/** Recommendations: chooses what to show to whom, from what the events taught it. */

import { durationMs, timestampDate } from "@bufbuild/protobuf/wkt";
import { TitlePublishedSchema, TitleUnpublishedSchema } from "#gen/matinee/catalog/v1/events_pb";
import type { EventEnvelope } from "#gen/matinee/common/v1/event_pb";
import { PlaybackProgressedSchema } from "#gen/matinee/playback/v1/events_pb";
import { AccountDeletedSchema, ListChangedSchema } from "#gen/matinee/profile/v1/events_pb";
import { RecommendationsService } from "#gen/matinee/recommendations/v1/recommendations_service_pb";
import { requireId } from "#pkg/aip/resource-name";
import { consume, defineModule, read, serve } from "#pkg/app/module";
import { occurredAt } from "#pkg/eventbus/eventbus";
import { recommendationsConfig } from "./config.ts";
import { recommendationsHandler } from "./handler.ts";
import { newRows } from "./rows.ts";
import { openLearnedStore, type Told } from "./store/learned-store.ts";

export const recommendations = defineModule({
  name: "recommendations",
  summary: "Chooses what to show to whom, from what the events taught it",
  owns: ["model", "row"],
  config: recommendationsConfig,
  serves: [RecommendationsService],
  routes: [],
  calls: [],
  needs: ["postgres"],
  emits: [],
  consumes: [TitlePublishedSchema, TitleUnpublishedSchema, ListChangedSchema, AccountDeletedSchema],
  reads: [PlaybackProgressedSchema],
  migrations: new URL("./migrations/", import.meta.url),
  async open(host, config) {
    const store = openLearnedStore(host.postgres);
    // Every write below keeps the newest event or record, so a repeated delivery changes nothing and no inbox is needed.
    return {
      services: [
        serve(
          RecommendationsService,
          recommendationsHandler({ rows: newRows(store), maxRowItems: config.maxRowItems }),
        ),
      ],
      consumers: [
        consume(TitlePublishedSchema, async (event, { title, publishTime }) => {
          const publishedAt = publishTime === undefined ? occurredAt(event) : timestampDate(publishTime);
          await store.titleTold(requireId("titles", title), { ...toldBy(event), isListed: true, publishedAt });
        }),
        consume(TitleUnpublishedSchema, async (event, { title }) => {
          const publishedAt = occurredAt(event);
          await store.titleTold(requireId("titles", title), { ...toldBy(event), isListed: false, publishedAt });
        }),
        consume(ListChangedSchema, async (event, { profile, title, isListed }) => {
          const item = { profileId: requireId("profiles", profile), titleId: requireId("titles", title) };
          await store.listTold(item, { ...toldBy(event), isListed });
        }),
        consume(AccountDeletedSchema, (_event, { profiles }) =>
          store.forgetProfiles(profiles.map((name) => requireId("profiles", name))),
        ),
      ],
      readers: [
        read(PlaybackProgressedSchema, (batch) =>
          store.watched(
            batch.map(({ message: { profile, title, position, isFinished, occurTime }, appendedAt }) => ({
              profileId: requireId("profiles", profile),
              titleId: requireId("titles", title),
              positionMs: position === undefined ? 0 : durationMs(position),
              isFinished,
              at: occurTime === undefined ? appendedAt : timestampDate(occurTime),
            })),
          ),
        ),
      ],
      ready: () => host.postgres.ping(),
    };
  },
});

function toldBy(event: EventEnvelope): Told {
  return { version: event.version, at: occurredAt(event) };
}
