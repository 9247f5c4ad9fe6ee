import assert from "node:assert/strict";
import { ManualClock, newId } from "#pkg/clock/clock";
import type { SearchIndex } from "#pkg/search/search";
import { eventually } from "#pkg/testkit/eventually";
import { quietLog, testDb } from "#pkg/testkit/postgres";
import { Indexer } from "./indexer.ts";
import { openTitleStore } from "./store/title-store.ts";

describe("the indexer", () => {
  it("does not wait for its next look where a title is written while it indexes another", async () => {
    await using own = await testDb("catalog", new URL("./migrations/", import.meta.url));
    const store = openTitleStore(own.db);
    const clock = new ManualClock(new Date(0));
    const write = () =>
      own.db.tx(async (tx) => {
        const title = {
          id: newId(),
          kind: "movie" as const,
          displayTitle: "Night Train",
          synopsis: "",
          originalLanguage: "en",
          releaseYear: 2026,
          genres: [],
          credits: [],
          minimumAge: 0,
          localizations: [],
          windows: [],
          assetId: undefined,
          poster: undefined,
        };
        await store.insert(tx, title, newId(), clock.now());
      });
    let removals = 0;
    const search: Pick<SearchIndex, "ensureIndex" | "put" | "remove"> = {
      ensureIndex: async () => ({ id: "g", isOutdated: false }),
      put: async () => undefined,
      remove: async () => {
        removals += 1;
        if (removals > 1) return;
        await write();
        indexer.wake();
      },
    };
    const indexer = new Indexer({ store, search });
    await write();
    const stop = new AbortController();
    const running = indexer.background({ clock, log: quietLog }).run(stop.signal);
    await eventually("both are indexed", async () => (await store.listToIndex(10)).length === 0);
    stop.abort();
    await running;
    assert.equal(removals, 2);
  });
});
