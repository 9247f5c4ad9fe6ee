import assert from "node:assert/strict";
import type { DescMessage, MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import { CatalogService } from "#gen/matinee/catalog/v1/catalog_service_pb";
import { type Film, Film_Stage } from "#gen/matinee/catalog/v1/film_pb";
import {
  FilmService,
  ListFilmsRequest_Group as Group,
  type WatchFilmsResponse,
} from "#gen/matinee/catalog/v1/film_service_pb";
import { AvailabilityWindow_BusinessModel, Title_Kind, Title_State } from "#gen/matinee/catalog/v1/title_pb";
import { Asset_State } from "#gen/matinee/ingestion/v1/asset_pb";
import { AssetChangedSchema } from "#gen/matinee/ingestion/v1/events_pb";
import { AssetPackagedSchema, PackageChangedSchema } from "#gen/matinee/packager/v1/events_pb";
import { Package_State } from "#gen/matinee/packager/v1/package_pb";
import { RecommendationsService } from "#gen/matinee/recommendations/v1/recommendations_service_pb";
import { JobChangedSchema } from "#gen/matinee/transcode/v1/events_pb";
import { Job_State } from "#gen/matinee/transcode/v1/job_pb";
import { defineModule } from "#pkg/app/module";
import type { BlobStore } from "#pkg/blobstore/blobstore";
import { newId } from "#pkg/clock/clock";
import { isAppError } from "#pkg/errors/errors";
import { eventually } from "#pkg/testkit/eventually";
import { creator, fake, openModules, operator, profile, type TestPlatform } from "#pkg/testkit/module";
import { refused } from "#pkg/testkit/refused";
import { catalog } from "./module.ts";

/** Says 64 × 36 pixels; nobody looks at more. */
const JPEG_HEADER = Buffer.from("ffd8ffc0000b080024004001011100", "hex");

/** Where a header like this says its width. */
const JPEG_WIDTH_AT = 9;
/** The beginning of a lossy WebP picture of 64 by 64 pixels. */
const WEBP_HEADER = Buffer.from("52494646160000005745425056503820100000000000009d012a40004000", "hex");
const WEBP_WIDTH_AT = 26;

type Event = readonly [DescMessage, MessageInitShape<DescMessage>, version?: number];

type Reason = { readonly reason: string; readonly message: string };

describe("films of the studio", () => {
  let platform: TestPlatform;
  const owner = newId();
  const stranger = newId();
  const films = () => platform.client(FilmService, { as: operator(["assets.read", "titles.read"]) });
  const titles = () => platform.client(CatalogService, { as: operator(["titles.read", "titles.write"]) });

  let images: BlobStore;
  const shown = defineModule({
    ...{ name: "test-images", summary: "Shows the store to a test", owns: [], config: {}, serves: [], routes: [] },
    ...{ calls: [], needs: ["images"], emits: [], consumes: [] },
    async open(host) {
      images = host.images;
      return {};
    },
  });

  before(async () => {
    platform = await openModules([catalog, shown], { fakes: [fake(RecommendationsService, {})] });
  });
  after(() => platform?.[Symbol.asyncDispose]());

  const assetAt = (
    id: string,
    state: Asset_State,
    version: number,
    more: { fileName?: string; by?: string } = {},
  ): Event => [
    AssetChangedSchema,
    {
      asset: {
        name: `assets/${id}`,
        fileName: more.fileName ?? "film.mov",
        state,
        owner: `accounts/${more.by ?? owner}`,
        createTime: timestampFromDate(new Date()),
        ...(state === Asset_State.REJECTED && {
          rejection: { reason: "MEDIA_TRUNCATED", message: "it ends too soon" },
        }),
      },
    },
    version,
  ];
  const jobAt = (id: string, state: Job_State, version: number): Event => [
    JobChangedSchema,
    {
      job: {
        name: `jobs/${id}`,
        asset: `assets/${id}`,
        state,
        ...(state === Job_State.FAILED && { failure: { reason: "MEDIA_TOOL_FAILED", message: "FFmpeg ended with 1" } }),
      },
    },
    version,
  ];
  const packageAt = (id: string, revision: number, state: Package_State, version: number, waiting?: Reason): Event => [
    PackageChangedSchema,
    {
      package: {
        name: `packages/${id}`,
        asset: `assets/${id}`,
        revision,
        state,
        isComplete: revision > 0,
        ...(waiting && { waiting }),
        ...(state === Package_State.FAILED && { failureReason: "PACKAGE_TOOL_FAILED", failureMessage: "no space" }),
      },
    },
    version,
  ];
  const tell = async (...events: readonly Event[]) => {
    for (const [schema, message, version] of events) {
      await platform.publish(schema, message, version === undefined ? {} : { version: BigInt(version) });
    }
  };
  const get = async (id: string): Promise<Film | undefined> =>
    films()
      .getFilm({ name: `films/${id}` })
      .then(
        ({ film }) => film,
        (error: unknown) => {
          if (isAppError(error, "FILM_NOT_FOUND")) return undefined;
          throw error;
        },
      );
  const until = (id: string, stage: Film_Stage) =>
    eventually(`film ${id} is at stage ${stage}`, async () => {
      const film = await get(id);
      return film?.stage === stage ? film : undefined;
    });
  const whole = (id: string): Event[] => [
    assetAt(id, Asset_State.UPLOADING, 1),
    assetAt(id, Asset_State.INSPECTING, 2),
    assetAt(id, Asset_State.READY, 3),
    jobAt(id, Job_State.QUEUED, 1),
    jobAt(id, Job_State.RUNNING, 2),
    packageAt(id, 0, Package_State.PACKAGING, 1),
    packageAt(id, 0, Package_State.READY, 2),
    jobAt(id, Job_State.SUCCEEDED, 3),
    packageAt(id, 1, Package_State.PACKAGING, 1),
    packageAt(id, 1, Package_State.READY, 2),
  ];

  it("say where each is on its way", async () => {
    const id = newId();
    const [uploading, inspecting, ready, queued, running, packaging, playable, succeeded, again, complete] = whole(id);
    const steps: [Event | undefined, Film_Stage, boolean][] = [
      [uploading, Film_Stage.UPLOADING, false],
      [inspecting, Film_Stage.INSPECTING, false],
      [ready, Film_Stage.TRANSCODING, false],
      [queued, Film_Stage.TRANSCODING, false],
      [running, Film_Stage.TRANSCODING, false],
      [packaging, Film_Stage.TRANSCODING, false],
      [playable, Film_Stage.TRANSCODING, true],
      [succeeded, Film_Stage.PACKAGING, true],
      [again, Film_Stage.PACKAGING, true],
      [complete, Film_Stage.READY, true],
    ];
    for (const [event, stage, isPlayable] of steps) {
      assert.ok(event);
      await tell(event);
      await eventually(`stage ${stage}`, async () => {
        const film = await get(id);
        return film?.stage === stage && film.isPlayable === isPlayable;
      });
    }
    const film = await get(id);
    assert.equal(film?.asset?.name, `assets/${id}`);
    assert.equal(film?.job?.state, Job_State.SUCCEEDED);
    assert.equal(film?.package?.revision, 1);
  });

  it("end the same whatever order the events come in, and however often", async () => {
    const ids = Array.from({ length: 12 }, () => newId());
    let seed = 7;
    const random = () => {
      seed = (seed * 16_807) % 2_147_483_647;
      return seed / 2_147_483_647;
    };
    for (const id of ids) {
      const events = [...whole(id), ...whole(id).filter(() => random() < 0.3)]
        .map((event) => ({ event, at: random() }))
        .sort((a, b) => a.at - b.at);
      await tell(...events.map(({ event }) => event));
    }
    for (const id of ids) await until(id, Film_Stage.READY);
    const [late] = ids;
    assert.ok(late);
    const marker = newId();
    await tell(jobAt(late, Job_State.RUNNING, 2), assetAt(marker, Asset_State.UPLOADING, 1));
    await until(marker, Film_Stage.UPLOADING);
    assert.equal((await get(late))?.stage, Film_Stage.READY, "a late event never goes back");
  });

  it("say what failed, where and why, and are found as such until it is tried again", async () => {
    const [rejected, job, pack] = [newId(), newId(), newId()];
    await tell(
      assetAt(rejected, Asset_State.REJECTED, 3),
      ...[assetAt(job, Asset_State.READY, 3), jobAt(job, Job_State.FAILED, 3)],
      ...[assetAt(pack, Asset_State.READY, 3), jobAt(pack, Job_State.SUCCEEDED, 3)],
      packageAt(pack, 1, Package_State.FAILED, 2),
    );
    const expected = [
      [rejected, Film_Stage.REJECTED, "MEDIA_TRUNCATED"],
      [job, Film_Stage.TRANSCODE_FAILED, "MEDIA_TOOL_FAILED"],
      [pack, Film_Stage.PACKAGE_FAILED, "PACKAGE_TOOL_FAILED"],
    ] as const;
    for (const [id, stage, reason] of expected) {
      const film = await until(id, stage);
      assert.equal(film.reason, reason);
      assert.ok(film.message);
    }
    const failed = async () => (await films().listFilms({ group: Group.FAILED })).films.map(({ name }) => name);
    assert.deepEqual((await failed()).sort(), expected.map(([id]) => `films/${id}`).sort());
    await tell(jobAt(job, Job_State.QUEUED, 4), packageAt(pack, 1, Package_State.PACKAGING, 3));
    await until(job, Film_Stage.TRANSCODING);
    await until(pack, Film_Stage.PACKAGING);
    assert.deepEqual(await failed(), [`films/${rejected}`]);
  });

  it("wait where a part of them waits, and are not held up by what failed before it was packaged whole", async () => {
    const id = newId();
    const waiting = { reason: "OUT_OF_SPACE", message: "no room left in the packaged store" };
    await tell(
      ...[assetAt(id, Asset_State.READY, 3), jobAt(id, Job_State.SUCCEEDED, 3)],
      ...[packageAt(id, 0, Package_State.FAILED, 2), packageAt(id, 1, Package_State.PACKAGING, 2, waiting)],
    );
    await until(id, Film_Stage.PACKAGE_FAILED);
    await tell(packageAt(id, 0, Package_State.PACKAGING, 3));
    const film = await until(id, Film_Stage.WAITING);
    assert.deepEqual([film.reason, film.message], [waiting.reason, waiting.message]);
    assert.ok((await films().listFilms({ group: Group.IN_PROGRESS })).films.some(({ name }) => name === film.name));
    await tell(packageAt(id, 0, Package_State.FAILED, 4), packageAt(id, 1, Package_State.READY, 3));
    await until(id, Film_Stage.READY);
  });

  it("go with their asset, and no late event brings them back", async () => {
    const id = newId();
    await tell(...whole(id));
    await until(id, Film_Stage.READY);
    const { title } = await titles().createTitle({
      title: { kind: Title_Kind.MOVIE, displayTitle: "Left behind", asset: `assets/${id}` },
      requestId: newId(),
    });
    assert.ok(title);
    await tell(assetAt(id, Asset_State.DELETED, 4), jobAt(id, Job_State.CANCELED, 9));
    await eventually("the film is gone", async () => (await get(id)) === undefined);
    const left = await get(title.name.slice("titles/".length));
    assert.equal(left?.stage, Film_Stage.NO_FILE, "its title stays, without a file");
    const marker = newId();
    await tell(packageAt(id, 1, Package_State.READY, 9), assetAt(marker, Asset_State.UPLOADING, 1));
    await until(marker, Film_Stage.UPLOADING);
    assert.equal(await get(id), undefined);
  });

  it("have the title that plays them, one row for both", async () => {
    const id = newId();
    await tell(...whole(id));
    await until(id, Film_Stage.READY);
    const make = async (displayTitle: string, asset: string) => {
      const { title } = await titles().createTitle({
        title: { kind: Title_Kind.MOVIE, displayTitle, asset },
        requestId: newId(),
      });
      assert.ok(title);
      return title;
    };
    const rowOf = (title: { name: string }) => get(title.name.slice("titles/".length));
    const alone = await make("Without a file", "");
    assert.equal((await rowOf(alone))?.stage, Film_Stage.NO_FILE);
    const first = await make("First", `assets/${id}`);
    assert.equal((await get(id))?.title?.name, first.name);
    assert.equal(await rowOf(first), undefined, "it has no row of its own");
    const second = await make("Second", `assets/${id}`);
    assert.equal((await get(id))?.title?.name, second.name);
    assert.equal(
      (await rowOf(first))?.title?.name,
      first.name,
      "what another title has taken the place of is not lost",
    );
    await titles().deleteTitle({ name: second.name });
    assert.equal((await get(id))?.title?.name, first.name);
    assert.equal(await rowOf(first), undefined);
    await titles().updateTitle({ title: { name: first.name, asset: "" }, updateMask: { paths: ["asset"] } });
    assert.equal((await get(id))?.title, undefined);
    assert.equal((await rowOf(first))?.stage, Film_Stage.NO_FILE);
    const unknown = await make("Of something nobody told of", `assets/${newId()}`);
    assert.equal((await rowOf(unknown))?.stage, Film_Stage.UNSPECIFIED);
  });

  it("are found by any part of their names, and by what is to be done with them", async () => {
    const [untitled, drafted, shown] = [newId(), newId(), newId()];
    for (const id of [untitled, drafted, shown]) await tell(...whole(id));
    for (const id of [untitled, drafted, shown]) await until(id, Film_Stage.READY);
    const other = newId();
    await tell(assetAt(other, Asset_State.UPLOADING, 1, { fileName: "the_Zürich-express.final.mkv" }));
    await until(other, Film_Stage.UPLOADING);
    const make = async (displayTitle: string, id: string) => {
      const { title } = await titles().createTitle({
        title: {
          ...{ kind: Title_Kind.MOVIE, displayTitle, synopsis: "A story.", asset: `assets/${id}` },
          availabilityWindows: [{ businessModel: AvailabilityWindow_BusinessModel.SUBSCRIPTION }],
        },
        requestId: newId(),
      });
      return title?.name ?? "";
    };
    await make("Quiet Meadow", drafted);
    await titles().publishTitle({ name: await make("Loud Meadow", shown) });
    const namesOf = async (request: { query?: string; group?: Group }) =>
      (await films().listFilms({ pageSize: 200, ...request })).films.map(({ name }) => name.slice("films/".length));
    assert.deepEqual(await namesOf({ query: "ZURICH expr" }), [other]);
    assert.deepEqual((await namesOf({ query: "meadow" })).sort(), [drafted, shown].sort());
    assert.deepEqual(await namesOf({ query: "meadow", group: Group.DRAFT }), [drafted]);
    assert.deepEqual(await namesOf({ query: "meadow", group: Group.PUBLISHED }), [shown]);
    assert.deepEqual(await namesOf({ query: "100%_" }), []);
    const waiting = await namesOf({ group: Group.UNTITLED });
    assert.ok(waiting.includes(untitled) && !waiting.includes(drafted) && !waiting.includes(shown));
    assert.ok((await namesOf({ group: Group.IN_PROGRESS })).includes(other));
  });

  it("are shown to their owner and to operators, drafts to operators alone", async () => {
    const [mine, theirs] = [newId(), newId()];
    await tell(assetAt(theirs, Asset_State.UPLOADING, 1, { by: newId() }));
    await tell(assetAt(mine, Asset_State.READY, 3, { by: stranger }));
    await until(mine, Film_Stage.TRANSCODING);
    await until(theirs, Film_Stage.UPLOADING);
    const { title } = await titles().createTitle({
      title: { kind: Title_Kind.MOVIE, displayTitle: "Not yet", asset: `assets/${mine}` },
      requestId: newId(),
    });
    assert.ok(title);
    const client = platform.client(FilmService, { as: creator({ accountId: stranger }) });
    const { films: seen } = await client.listFilms({});
    assert.deepEqual(
      seen.map(({ name, title: shown }) => [name, shown]),
      [[`films/${mine}`, undefined]],
    );
    assert.deepEqual((await client.listFilms({ group: Group.DRAFT })).films, []);
    await assert.rejects(client.getFilm({ name: `films/${theirs}` }), refused("FILM_NOT_FOUND"));
    assert.equal((await get(mine))?.title?.state, Title_State.DRAFT);
    await assert.rejects(platform.client(FilmService, { as: profile() }).listFilms({}), refused("ACCESS_DENIED"));
  });

  it("come in pages without a gap or a repeat, also while films are added", async () => {
    const seen = new Set<string>();
    let pageToken = "";
    let count = 0;
    do {
      const page = await films().listFilms({ pageSize: 7, pageToken });
      for (const { name } of page.films) {
        assert.ok(!seen.has(name), `${name} came twice`);
        seen.add(name);
      }
      pageToken = page.nextPageToken;
      const id = newId();
      await tell(assetAt(id, Asset_State.UPLOADING, 1));
      await until(id, Film_Stage.UPLOADING);
      count += 1;
    } while (pageToken !== "");
    assert.ok(count > 3 && seen.size > 21);
    await assert.rejects(films().listFilms({ pageToken: "x" }), refused("PAGE_TOKEN_INVALID"));
  });

  it("are streamed as they change, to their owner and to operators", async () => {
    const id = newId();
    const stop = new AbortController();
    const follow = (as: Parameters<TestPlatform["client"]>[1]) => {
      const got: WatchFilmsResponse[] = [];
      const opened = Promise.withResolvers<void>();
      const ended = (async () => {
        for await (const message of platform.client(FilmService, as).watchFilms({}, { signal: stop.signal })) {
          opened.resolve();
          got.push(message);
        }
      })().catch(() => undefined);
      return { got, opened: opened.promise, ended };
    };
    const streams = [
      follow({ as: operator(["assets.read", "titles.read"]) }),
      follow({ as: creator({ accountId: owner }) }),
      follow({ as: creator() }),
    ] as const;
    await Promise.all(streams.map(({ opened }) => opened));
    const [all, own, none] = streams;
    await tell(...whole(id));
    const isReady = ({ film }: WatchFilmsResponse) => film?.name === `films/${id}` && film.stage === Film_Stage.READY;
    await eventually("both saw it become ready", () => all.got.some(isReady) && own.got.some(isReady));
    await tell(assetAt(id, Asset_State.DELETED, 9));
    await eventually("its end is told", () => all.got.some(({ gone }) => gone === `films/${id}`));
    assert.ok(none.got.every(({ film, gone }) => film === undefined && gone === ""));
    stop.abort();
    await Promise.all(streams.map(({ ended }) => ended));
  });

  it("show each picture once, with the smaller ones of itself and those of fewer bytes, which are served as well", async () => {
    const id = newId();
    const files = ["1920.jpg", "640.jpg", "320.jpg", "1920.webp", "640.webp", "1920.jpg", "640.jpg"];
    const posters = await Promise.all(
      files.map(async (file, index) => {
        const [width, kind] = file.split(".");
        const picture = Buffer.from(kind === "jpg" ? JPEG_HEADER : WEBP_HEADER);
        if (kind === "jpg") picture.writeUInt16BE(Number(width), JPEG_WIDTH_AT);
        else picture.writeUInt16LE(Number(width), WEBP_WIDTH_AT);
        const sha256 = String(index).repeat(64);
        const key = `${id}/${sha256}.${kind}`;
        await images.put(key, picture);
        return { store: "images", key, sha256 };
      }),
    );
    await tell(...whole(id), [
      AssetPackagedSchema,
      { package: { name: `packages/${id}`, asset: `assets/${id}`, revision: 1, isComplete: true }, posters },
    ]);
    const film = await eventually("its pictures are known", async () => {
      const found = await get(id);
      return (found?.artworks.length ?? 0) > 0 ? found : undefined;
    });
    assert.deepEqual(
      film.artworks.map(({ width, sizes }) => [width, ...sizes.map((size) => size.width)]),
      [
        [1920, 640, 320],
        [1920, 640],
      ],
    );
    assert.deepEqual(
      film.artworks.map(({ encodings }) =>
        encodings.map(({ mediaType, sizes }) => [mediaType, ...sizes.map((size) => size.width)]),
      ),
      [[["image/webp", 1920, 640]], []],
    );
    const small = film.artworks[0]?.sizes[1];
    const answer = await fetch(platform.url + small?.uri);
    assert.deepEqual([answer.status, answer.headers.get("content-type")], [200, "image/jpeg"]);
    assert.equal(Buffer.from(await answer.arrayBuffer()).readUInt16BE(JPEG_WIDTH_AT), 320);
    const fewer = await fetch(platform.url + film.artworks[0]?.encodings[0]?.sizes[1]?.uri);
    assert.deepEqual([fewer.status, fewer.headers.get("content-type")], [200, "image/webp"]);
    assert.equal(Buffer.from(await fewer.arrayBuffer()).readUInt16LE(WEBP_WIDTH_AT), 640);
  });

  it("show the picture that people choose first, and their own before a title is made", async () => {
    const id = newId();
    const posters = await Promise.all(
      ["a", "b", "c"].map(async (letter) => {
        const sha256 = letter.repeat(64);
        const key = `${id}/${sha256}.jpg`;
        await images.put(key, JPEG_HEADER);
        return { store: "images", key, sha256 };
      }),
    );
    await tell(...whole(id), [
      AssetPackagedSchema,
      { package: { name: `packages/${id}`, asset: `assets/${id}`, revision: 1, isComplete: true }, posters },
    ]);
    const lettersOf = (shown: { artworks: readonly { uri: string }[] } | undefined) =>
      shown?.artworks.map(({ uri }) => uri.slice(uri.lastIndexOf("/") + 1)[0]).join("");
    const film = await eventually("its pictures are known", async () => {
      const found = await get(id);
      return lettersOf(found) === "abc" ? found : undefined;
    });
    const [, second] = film.artworks;
    assert.equal((await fetch(platform.url + second?.uri)).status, 200, "they are served before there is a title");
    const { title } = await titles().createTitle({
      title: { kind: Title_Kind.MOVIE, displayTitle: "Chosen", asset: `assets/${id}`, poster: second?.uri ?? "" },
      requestId: newId(),
    });
    assert.equal(lettersOf(title), "bac");
    assert.equal(title?.poster, title?.artworks[0]?.uri);
    const change = async (poster: string) => {
      const answer = await titles().updateTitle({
        title: { name: title?.name ?? "", poster },
        updateMask: { paths: ["poster"] },
      });
      return answer.title;
    };
    assert.equal(lettersOf(await change(title?.artworks[2]?.uri ?? "")), "cab");
    assert.equal(
      lettersOf(await change(`/images/${id}/${"d".repeat(64)}.jpg`)),
      "abc",
      "what the film lacks is no choice",
    );
    assert.equal(lettersOf(await change("")), "abc");
    await assert.rejects(change("/etc/passwd"), refused("VALIDATION_FAILED"));
  });
});
