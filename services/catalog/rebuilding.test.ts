import assert from "node:assert/strict";
import { CatalogService } from "#gen/matinee/catalog/v1/catalog_service_pb";
import { SearchIndex_Reason, SearchIndex_State } from "#gen/matinee/catalog/v1/search_index_pb";
import { AvailabilityWindow_BusinessModel, Title_Kind } from "#gen/matinee/catalog/v1/title_pb";
import { ProfileService } from "#gen/matinee/profile/v1/profile_service_pb";
import { RecommendationsService } from "#gen/matinee/recommendations/v1/recommendations_service_pb";
import { newId } from "#pkg/clock/clock";
import { eventually } from "#pkg/testkit/eventually";
import { fake, openModules, operator, profile, type TestPlatform } from "#pkg/testkit/module";
import { refused } from "#pkg/testkit/refused";
import { catalog } from "./module.ts";

const TITLES = 450;
const { READY, WAITING, REBUILDING } = SearchIndex_State;

describe("the catalog's search index", () => {
  let platform: TestPlatform;
  const studio = () => platform.client(CatalogService, { as: operator(["titles.read", "titles.write"]) });
  const viewer = () => platform.client(CatalogService, { as: profile() });
  const engine = () => platform.database("port-search");

  const published = async (displayTitle: string, genre: string) => {
    const { title } = await studio().createTitle({
      title: {
        displayTitle,
        synopsis: "A keeper counts ships.",
        asset: `assets/${newId()}`,
        kind: Title_Kind.MOVIE,
        genres: [genre],
        availabilityWindows: [{ businessModel: AvailabilityWindow_BusinessModel.SUBSCRIPTION }],
      },
      requestId: newId(),
    });
    assert.ok(title);
    await studio().publishTitle({ name: title.name });
    return title;
  };
  /** How many titles of the genre the index has, and how many a full page shows. */
  const found = async (genre: string) => {
    const { hits, facetCounts } = await viewer().searchTitles({ query: "lantern", genres: [genre], pageSize: 100 });
    return [facetCounts.find(({ value }) => value === genre)?.count ?? 0, hits.length];
  };
  const untilFound = (genre: string, count: number) =>
    eventually(`${count} titles are found`, async () => (await found(genre))[0] === count);
  const state = async () => {
    const { searchIndex } = await studio().getSearchIndex({});
    assert.ok(searchIndex);
    return searchIndex;
  };
  const untilReady = (reason: SearchIndex_Reason) =>
    eventually("the index is rebuilt", async () => {
      const index = await state();
      return index.state === READY && index.reason === reason && index;
    });

  before(async () => {
    platform = await openModules([catalog], {
      fakes: [
        fake(RecommendationsService, { listRows: async () => ({ rows: [] }) }),
        fake(ProfileService, {
          getViewer: async () => ({ viewer: { tier: "standard", maximumAge: 21, language: "en" } }),
        }),
      ],
    });
    const first = await published("Lantern 0", "drama");
    await platform.database("catalog").execute(
      `insert into titles
       select (jsonb_populate_record(t, jsonb_build_object('id', gen_random_uuid(), 'request_id', gen_random_uuid(),
                 'display_title', 'Lantern ' || i, 'indexed_version', 0))).*
         from titles t, generate_series(1, $2::integer - 1) as i where t.id = $1`,
      [first.name.slice("titles/".length), TITLES],
    );
    await untilFound("drama", TITLES);
  });
  after(() => platform[Symbol.asyncDispose]());

  it("is filled again by itself where it was lost", async () => {
    const first = await untilReady(SearchIndex_Reason.MADE_ANEW);
    const hidden = await published("Lantern that went", "western");
    await untilFound("western", 1);
    await studio().unpublishTitle({ name: hidden.name });
    await untilFound("western", 0);
    await engine().execute("delete from indexes");
    await untilFound("drama", TITLES);
    const { doneCount, totalCount, startTime } = await untilReady(SearchIndex_Reason.MADE_ANEW);
    assert.notDeepEqual(startTime, first.startTime);
    assert.deepEqual([doneCount, totalCount], [BigInt(TITLES + 1), BigInt(TITLES + 1)]);
    const remembered = await engine().query("select removed from documents where id = $1", [
      hidden.name.slice("titles/".length),
    ]);
    assert.deepEqual(remembered, [{ removed: true }], "a late write does not bring back what was hidden");
  });

  it("is rebuilt once where an older release filled it", async () => {
    await engine().execute("update generations set analyzer = 0");
    await untilReady(SearchIndex_Reason.OUTDATED);
    assert.deepEqual(await engine().query("select analyzer from generations"), [{ analyzer: 1 }]);
    assert.deepEqual(await found("drama"), [TITLES, 100]);
  });

  it("is rebuilt on demand, while everything goes on", async () => {
    const gone = await published("Lantern that goes", "mystery");
    await published("Lantern that stays", "mystery");
    await untilFound("mystery", 2);
    // as damaged as an index can be that still answers
    await engine().execute(
      "update documents set words = 'rubbish' where not removed and 'genre\u001fmystery' = any (facets)",
    );
    await untilFound("mystery", 0);
    const slow = `create function slow() returns trigger language plpgsql as 'begin perform pg_sleep(0.3); return null; end';
      create trigger slow after insert on documents for each statement execute function slow()`;
    await engine().execute(slow);
    const { searchIndex: asked } = await studio().rebuildSearchIndex({});
    assert.deepEqual([asked?.state, asked?.reason], [WAITING, SearchIndex_Reason.ASKED]);
    const begun = await eventually("it runs, and has come somewhere", async () => {
      const index = await state();
      return index.state === REBUILDING && index.doneCount > 0n && index;
    });
    assert.deepEqual([begun.reason, begun.endTime], [SearchIndex_Reason.ASKED, undefined]);
    const { searchIndex: again } = await studio().rebuildSearchIndex({});
    assert.deepEqual([again?.state, again?.startTime], [REBUILDING, begun.startTime]);
    let looks = 0;
    while ((await state()).state === REBUILDING) {
      assert.deepEqual(await found("drama"), [TITLES, 100]);
      assert.equal((await viewer().listTitles({ pageSize: 200 })).titles.length, 200);
      if (looks === 0) {
        await published("Lantern that comes", "mystery");
        await studio().unpublishTitle({ name: gone.name });
      }
      looks += 1;
    }
    assert.ok(looks > 1, "it was looked at while it was rebuilt");
    await engine().execute("drop function slow cascade");
    const { startTime, doneCount } = await untilReady(SearchIndex_Reason.ASKED);
    assert.deepEqual(startTime, begun.startTime, "asking again while it ran began no other");
    assert.ok(doneCount >= BigInt(TITLES + 3));
    await untilFound("mystery", 2);
    const { hits } = await viewer().searchTitles({ query: "lantern", genres: ["mystery"] });
    assert.deepEqual(hits.map(({ title }) => title?.displayTitle).sort(), ["Lantern that comes", "Lantern that stays"]);
    assert.equal((await engine().query("select from generations")).length, 1);
  });

  it("is shown to operators only, and rebuilt only for those who may write", async () => {
    await assert.rejects(viewer().getSearchIndex({}), refused("ACCESS_DENIED"));
    const reader = platform.client(CatalogService, { as: operator(["titles.read"]) });
    assert.equal((await reader.getSearchIndex({})).searchIndex?.state, READY);
    await assert.rejects(reader.rebuildSearchIndex({}), refused("PERMISSION_MISSING"));
  });
});
