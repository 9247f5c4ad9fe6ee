import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import type { MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import { CatalogService } from "#gen/matinee/catalog/v1/catalog_service_pb";
import { TitlePublishedSchema, TitleUnpublishedSchema } from "#gen/matinee/catalog/v1/events_pb";
import { AvailabilityWindow_BusinessModel, Title_Kind, type TitleSchema } from "#gen/matinee/catalog/v1/title_pb";
import { Protection, TrackKind } from "#gen/matinee/common/v1/media_pb";
import { AssetPackagedSchema } from "#gen/matinee/packager/v1/events_pb";
import { Package_State } from "#gen/matinee/packager/v1/package_pb";
import { PlaybackStartedSchema } from "#gen/matinee/playback/v1/events_pb";
import { ProfileService } from "#gen/matinee/profile/v1/profile_service_pb";
import type { ViewerSchema } from "#gen/matinee/profile/v1/viewer_pb";
import { RecommendationsService } from "#gen/matinee/recommendations/v1/recommendations_service_pb";
import { Row_Kind } from "#gen/matinee/recommendations/v1/row_pb";
import { newId } from "#pkg/clock/clock";
import { isAppError } from "#pkg/errors/errors";
import { errors } from "#pkg/rpc/errors";
import { eventually } from "#pkg/testkit/eventually";
import { fake, openModules, operator, profile, service, type TestPlatform } from "#pkg/testkit/module";
import { refused } from "#pkg/testkit/refused";
import { catalog } from "./module.ts";

const { SUBSCRIPTION } = AvailabilityWindow_BusinessModel;

const GROWN_UP = { tier: "standard", maximumAge: 21, language: "en" };

describe("the catalog service", () => {
  let platform: TestPlatform;
  let rows: () => Promise<{ kind: Row_Kind; items: { title: string }[] }[]>;
  let known: (profile: string) => Promise<MessageInitShape<typeof ViewerSchema>>;
  const studio = () => platform.client(CatalogService, { as: operator(["titles.read", "titles.write"]) });
  const viewer = () => platform.client(CatalogService, { as: profile() });
  const playback = () => platform.client(CatalogService, { as: service("playback") });

  const draft = async (title: MessageInitShape<typeof TitleSchema> = {}, requestId = newId()) => {
    const { title: made } = await studio().createTitle({
      title: {
        displayTitle: "The Night Train",
        synopsis: "A conductor carries a letter across the snow.",
        asset: `assets/${newId()}`,
        kind: Title_Kind.MOVIE,
        availabilityWindows: [{ businessModel: SUBSCRIPTION }],
        ...title,
      },
      requestId,
    });
    assert.ok(made);
    return made;
  };
  const packaged = (asset: string, revision: number) =>
    platform.publish(AssetPackagedSchema, {
      package: {
        name: `packages/${newId()}`,
        asset,
        revision,
        state: Package_State.READY,
        isComplete: revision > 0,
        protection: Protection.CBCS,
        duration: { seconds: 75n },
        tracks: [
          { track: { id: "video-720p", kind: TrackKind.VIDEO, label: "720p", height: 720 } },
          { track: { id: "audio-de-2", kind: TrackKind.AUDIO, label: "Deutsch", language: "de" } },
          { track: { id: "audio-en-1", kind: TrackKind.AUDIO, label: "English", language: "en", isDefault: true } },
        ],
      },
    });
  const published = async (title: MessageInitShape<typeof TitleSchema> = {}) => {
    const made = await draft(title);
    await packaged(made.asset, 1);
    await studio().publishTitle({ name: made.name });
    return eventually("the title can be played", async () => {
      const { title: seen } = await studio().getTitle({ name: made.name });
      return seen?.media === undefined ? undefined : seen;
    });
  };

  before(async () => {
    rows = async () => [];
    known = async () => GROWN_UP;
    platform = await openModules([catalog], {
      fakes: [
        fake(RecommendationsService, { listRows: async () => ({ rows: await rows() }) }),
        fake(ProfileService, { getViewer: async ({ profile: name }) => ({ viewer: await known(name) }) }),
      ],
      settings: { TERRITORY: "DE" },
    });
  });
  after(() => platform[Symbol.asyncDispose]());

  it("makes one draft for one request, which viewers do not see", async () => {
    const requestId = newId();
    const made = await draft({}, requestId);
    assert.equal((await draft({}, requestId)).name, made.name);
    await assert.rejects(viewer().getTitle({ name: made.name }), refused("TITLE_NOT_FOUND"));
    await assert.rejects(viewer().createTitle({ title: {}, requestId: newId() }), refused("ACCESS_DENIED"));
  });

  it("says what is missing before it publishes", async () => {
    const made = await draft({ asset: "", synopsis: "", availabilityWindows: [] });
    await assert.rejects(studio().publishTitle({ name: made.name }), (error) => {
      assert.ok(isAppError(error, "TITLE_INCOMPLETE"));
      assert.deepEqual(
        error.fields.map(({ field }) => field),
        ["title.asset", "title.synopsis", "title.availability_windows"],
      );
      return true;
    });
  });

  it("refuses a window that ends before it starts, by its contract", async () => {
    const window = {
      businessModel: SUBSCRIPTION,
      startTime: timestampFromDate(new Date(2000)),
      endTime: timestampFromDate(new Date(1000)),
    };
    await assert.rejects(draft({ availabilityWindows: [window] }), refused("VALIDATION_FAILED"));
  });

  it("changes only what the mask names, and refuses a change of something older", async () => {
    const made = await draft();
    const change = { name: made.name, displayTitle: "Another name", synopsis: "Not this", etag: made.etag };
    const { title } = await studio().updateTitle({ title: change, updateMask: { paths: ["display_title"] } });
    assert.equal(title?.displayTitle, "Another name");
    assert.equal(title?.synopsis, made.synopsis);
    await assert.rejects(
      studio().updateTitle({ title: change, updateMask: { paths: ["display_title"] } }),
      refused("TITLE_CHANGED"),
    );
    await assert.rejects(
      studio().updateTitle({ title: { ...change, etag: "" }, updateMask: { paths: ["state"] } }),
      refused("TITLE_UPDATE_MASK_INVALID"),
    );
  });

  it("shows what the newest package holds, whichever revision comes last", async () => {
    const made = await draft();
    await packaged(made.asset, 1);
    await eventually("the package is known", async () => {
      const { title } = await studio().getTitle({ name: made.name });
      return title?.media?.isComplete;
    });
    await packaged(made.asset, 0);
    await studio().publishTitle({ name: made.name });
    const { title } = await studio().getTitle({ name: made.name });
    assert.match(title?.media?.package ?? "", /^packages\/.*@1$/);
    assert.deepEqual(title?.media?.audioLanguages, ["en", "de"], "the default language comes first");
    assert.equal(title?.media?.maxHeight, 720);
    assert.equal(title?.availability?.isAvailable, true);
  });

  it("decides on availability for playback, with what plays", async () => {
    const title = await published({
      availabilityWindows: [{ businessModel: SUBSCRIPTION, territories: ["DE"], tiers: ["premium"] }],
      minimumAge: 12,
    });
    const ask = (change: object) =>
      playback().checkAvailability({ title: title.name, territory: "DE", tier: "premium", maximumAge: 16, ...change });
    const allowed = await ask({});
    assert.equal(allowed.availability?.isAvailable, true);
    assert.equal(allowed.package?.revision, 1);
    const reasons = await Promise.all(
      [{ territory: "US" }, { tier: "basic" }, { maximumAge: 6 }].map(
        async (change) => (await ask(change)).availability,
      ),
    );
    assert.deepEqual(
      reasons.map((availability) => availability?.reason),
      ["TITLE_TERRITORY", "TITLE_TIER", "TITLE_MATURITY"],
    );
    assert.ok(reasons.every((availability) => availability?.message));
    await assert.rejects(viewer().checkAvailability({ title: title.name }), refused("TARGET_NOT_FOUND"));
  });

  it("finds a title by a misspelt or unfinished word, and no more once it left the catalogue", async () => {
    const title = await published({ displayTitle: "Lighthouse of Amrum", genres: ["drama"] });
    const finds = async (query: string, genres: string[] = []) => {
      const { hits } = await viewer().searchTitles({ query, genres });
      return hits.some((hit) => hit.title?.name === title.name);
    };
    await eventually("it is found", () => finds("lighthouse"));
    assert.equal(await finds("lighthuose"), true);
    assert.equal(await finds("light"), true);
    assert.equal(await finds("lighthouse", ["comedy"]), false);
    await studio().unpublishTitle({ name: title.name });
    await platform.nextEvent(TitleUnpublishedSchema, (event) => event.title === title.name);
    assert.equal(await finds("lighthouse"), false);
  });

  it("tells of publishing once, and again of changes as such", async () => {
    const title = await published();
    const told = () => platform.events(TitlePublishedSchema).filter((event) => event.title === title.name);
    await eventually("it is told", () => told().some(({ isNew }) => isNew));
    await studio().publishTitle({ name: title.name });
    await studio().updateTitle({
      title: { name: title.name, minimumAge: 7 },
      updateMask: { paths: ["minimum_age"] },
    });
    await eventually("the change is told", () => told().some(({ minimumAge }) => minimumAge === 7));
    assert.equal(told().filter(({ isNew }) => isNew).length, 1);
  });

  it("shows a viewer nothing that only the studio needs, and of its localizations the viewer's own", async () => {
    const localizations = [
      { language: "de", displayTitle: "Der Nachtzug", synopsis: "Ein Brief." },
      { language: "fr", displayTitle: "Le train de nuit", synopsis: "Une lettre." },
    ];
    const { name } = await published({ localizations });
    const german = profile();
    known = async () => ({ ...GROWN_UP, language: "de-AT" });
    const { title } = await platform.client(CatalogService, { as: german }).getTitle({ name });
    known = async () => GROWN_UP;
    assert.ok(title?.media);
    const { asset, availabilityWindows, poster, etag, media } = title;
    assert.deepEqual(
      { asset, availabilityWindows, poster, etag, package: media.package },
      { asset: "", availabilityWindows: [], poster: "", etag: "", package: "" },
    );
    assert.deepEqual(
      title.localizations.map(({ displayTitle }) => displayTitle),
      ["Der Nachtzug"],
    );
    const { title: whole } = await studio().getTitle({ name });
    assert.deepEqual([whole?.localizations.length, whole?.availabilityWindows.length], [2, 1]);
  });

  it("shows a child's profile nothing for older ones, wherever it looks", async () => {
    const [forAll, forAdults] = [
      await published({ displayTitle: "Zanzibar for all", minimumAge: 6 }),
      await published({ displayTitle: "Zanzibar at night", minimumAge: 18 }),
    ];
    const names = [forAdults.name, forAll.name];
    rows = async () => [{ kind: Row_Kind.NEW, items: names.map((title) => ({ title })) }];
    const child = platform.client(CatalogService, { as: profile() });
    known = async () => ({ ...GROWN_UP, maximumAge: 6 });
    const seenBy = async (client: typeof child) => ({
      home: (await client.getHome({})).rows.flatMap((row) => row.items.map(({ title }) => title?.name)),
      batch: (await client.batchGetTitles({ names })).titles.map(({ name }) => name),
      list: (await client.listTitles({})).titles.map(({ name }) => name).filter((name) => names.includes(name)),
      search: (await client.searchTitles({ query: "zanzibar" })).hits.map(({ title }) => title?.name).toSorted(),
    });
    const whole = { home: names, batch: names, list: names, search: names.toSorted() };
    await eventually("both are indexed", async () => {
      known = async () => GROWN_UP;
      return (await viewer().searchTitles({ query: "zanzibar" })).hits.length === 2;
    });
    known = async () => ({ ...GROWN_UP, maximumAge: 6 });
    const own = [forAll.name];
    assert.deepEqual(await seenBy(child), { home: own, batch: own, list: own, search: own });
    await assert.rejects(child.getTitle({ name: forAdults.name }), refused("TITLE_NOT_FOUND"));
    known = async () => GROWN_UP;
    assert.deepEqual(await seenBy(viewer()), whole);
  });

  it("says to whom a title is not in the plan", async () => {
    const { name } = await published({ availabilityWindows: [{ businessModel: SUBSCRIPTION, tiers: ["premium"] }] });
    assert.equal((await viewer().getTitle({ name })).title?.availability?.reason, "TITLE_TIER");
  });

  it("lists the kinds that are asked for, and takes no title that says none", async () => {
    const { name } = await published();
    const listed = async (kinds: Title_Kind[]) =>
      (await studio().listTitles({ kinds })).titles.some((title) => title.name === name);
    assert.deepEqual([await listed([]), await listed([Title_Kind.MOVIE])], [true, true]);
    await assert.rejects(listed([Title_Kind.UNSPECIFIED]), refused("VALIDATION_FAILED"));
    await assert.rejects(draft({ kind: Title_Kind.UNSPECIFIED }), refused("VALIDATION_FAILED"));
  });

  it("refuses what is out of bounds, naming the field", async () => {
    const made = await draft();
    const update =
      (title: MessageInitShape<typeof TitleSchema>, paths = ["synopsis"]) =>
      () =>
        studio().updateTitle({ title: { name: made.name, ...title }, updateMask: { paths } });
    const twice = [1, 2].map(() => ({ language: "de", displayTitle: "Zweimal" }));
    for (const [call, field] of [
      [update({ name: "no name" }), "title.name"],
      [update({ name: "" }), ""],
      [update({}, ["x".repeat(101)]), "update_mask"],
      [update({ localizations: twice }, ["localizations"]), "title.localizations"],
      [() => viewer().searchTitles({ genres: ["x".repeat(41)] }), "genres[0]"],
      [() => viewer().searchTitles({ languages: ["not a language"] }), "languages[0]"],
    ] as const) {
      await assert.rejects(call, (error) => {
        assert.ok(isAppError(error, "VALIDATION_FAILED"), String(error));
        assert.equal(error.fields[0]?.field ?? "", field);
        return true;
      });
    }
  });

  it("takes windows of subscriptions, and none whose business model was lost on the way", async () => {
    const made = await draft();
    assert.equal(made.availabilityWindows[0]?.businessModel, SUBSCRIPTION);
    const change = (availabilityWindows: MessageInitShape<typeof TitleSchema>["availabilityWindows"]) =>
      studio().updateTitle({
        title: { name: made.name, availabilityWindows: availabilityWindows ?? [] },
        updateMask: { paths: ["availability_windows"] },
      });
    await assert.rejects(change([{}]), refused("VALIDATION_FAILED"));
    await assert.rejects(change([{ businessModel: AvailabilityWindow_BusinessModel.RENTAL }]), (error) => {
      assert.ok(isAppError(error, "VALIDATION_FAILED"));
      assert.equal(error.fields[0]?.field, "title.availability_windows[0].business_model");
      return true;
    });
  });

  it("fills the home page with what recommendations choose and is in the catalogue", async () => {
    const [shown, hidden] = [await published(), await draft()];
    rows = async () => [{ kind: Row_Kind.NEW, items: [{ title: shown.name }, { title: hidden.name }] }];
    const home = await viewer().getHome({});
    assert.deepEqual(
      home.rows.map((row) => [row.id, row.items.map(({ title }) => title?.name)]),
      [["new", [shown.name]]],
    );
    rows = async () => {
      throw errors.PEER_UNAVAILABLE("recommendations");
    };
    const fallback = await viewer().getHome({});
    assert.ok(fallback.rows[0]?.items.length, "the newest titles are shown while recommendations are away");
  });

  it("counts each started play once, however often it is told", async () => {
    const title = await published();
    const [once, thrice] = [newId(), newId()];
    for (const id of [once, thrice, thrice, thrice]) {
      const start = { title: title.name, playSession: `playSessions/${id}` };
      await platform.untilHandled(await platform.publish(PlaybackStartedSchema, start, { id }));
    }
    assert.equal((await viewer().getTitle({ name: title.name })).title?.viewCount, 2n);
  });

  it("brings a deleted title back as a draft", async () => {
    const title = await published();
    await studio().deleteTitle({ name: title.name });
    await assert.rejects(viewer().getTitle({ name: title.name }), refused("TITLE_NOT_FOUND"));
    await assert.rejects(studio().publishTitle({ name: title.name }), refused("TITLE_WRONG_STATE"));
    await studio().undeleteTitle({ name: title.name });
    await studio().publishTitle({ name: title.name });
    assert.ok((await viewer().getTitle({ name: title.name })).title);
  });

  it("lists titles in pages, newest first", async () => {
    // One after the other: of those made at once nobody can say which is newer.
    for (let count = 0; count < 3; count++) await draft();
    const first = await studio().listTitles({ pageSize: 2 });
    const second = await studio().listTitles({ pageSize: 2, pageToken: first.nextPageToken });
    const names = [...first.titles, ...second.titles].map(({ name }) => name);
    assert.equal(new Set(names).size, 4);
    assert.deepEqual([...names].sort().reverse(), names, "ids grow with time");
    await assert.rejects(
      studio().listTitles({ pageSize: 2, pageToken: first.nextPageToken, asset: `assets/${newId()}` }),
      refused("PAGE_TOKEN_INVALID"),
    );
  });

  it("answers several titles at once, in the order asked, and leaves out what viewers may not see", async () => {
    const [one, other, hidden] = await Promise.all([published(), published(), draft()]);
    const names = [other.name, hidden.name, `titles/${newId()}`, one.name];
    const { titles } = await viewer().batchGetTitles({ names });
    assert.deepEqual(
      titles.map(({ name }) => name),
      [other.name, one.name],
    );
    const tooMany = Array.from({ length: 101 }, () => `titles/${newId()}`);
    await assert.rejects(viewer().batchGetTitles({ names: tooMany }), refused("VALIDATION_FAILED"));
  });

  it("serves no picture for a path that names none", async () => {
    const title = await published();
    for (const path of [
      `/images/${title.name.slice(7)}/${createHash("sha256").digest("hex")}.jpg`,
      "/images/x/y.jpg",
    ]) {
      const response = await fetch(platform.url + path);
      assert.equal(response.status, 404);
      assert.equal(((await response.json()) as { code: string }).code, "not_found");
    }
  });
});
