/** The studio's list of films: what another service knows of a file is in it soon, and gone from it as soon. */

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { eventually } from "#pkg/testkit/eventually";
import { Film_Stage } from "../../clients/sdk/gen/matinee/catalog/v1/film_pb.ts";
import { FilmService } from "../../clients/sdk/gen/matinee/catalog/v1/film_service_pb.ts";
import { IngestionService } from "../../clients/sdk/gen/matinee/ingestion/v1/ingestion_service_pb.ts";
import { operatorOf } from "./people.ts";
import { inEveryTopology } from "./stories.ts";

inEveryTopology("the list of films", (cluster) => {
  it("has an upload from its first moment, streams it, and lets it go when it is given up", async () => {
    const { platform } = await operatorOf(cluster());
    const [films, ingestion] = [platform.client(FilmService), platform.client(IngestionService)];
    const stop = new AbortController();
    const told: string[] = [];
    const watching = (async () => {
      for await (const { film, gone } of films.watchFilms({}, { signal: stop.signal })) {
        told.push(film === undefined ? `gone ${gone}` : film.name);
      }
    })().catch(() => undefined);
    await eventually("the stream is open", () => told.length > 0);
    const fileName = `listed-${randomUUID()}.mkv`;
    const { upload } = await ingestion.createUpload({ fileName, sizeBytes: 1000n, requestId: randomUUID() });
    const listed = async () => (await films.listFilms({ query: fileName })).films;
    const [film] = await eventually("it is listed", async () => {
      const found = await listed();
      return found.length === 1 ? found : undefined;
    });
    assert.equal(film?.stage, Film_Stage.UPLOADING);
    assert.equal(film?.upload?.name, upload?.name);
    await eventually("it is streamed", () => told.includes(film?.name ?? ""));
    await ingestion.abortUpload({ name: upload?.name ?? "" });
    await eventually("it is gone", async () => (await listed()).length === 0);
    await eventually("that is streamed", () => told.includes(`gone ${film?.name}`));
    stop.abort();
    await watching;
  });
});
