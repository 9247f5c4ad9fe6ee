import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { mkdir } from "node:fs/promises";
import { connect } from "node:net";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { fromJson, type JsonValue } from "@bufbuild/protobuf";
import { durationFromMs, timestampDate, timestampFromDate } from "@bufbuild/protobuf/wkt";
import { CatalogService } from "#gen/matinee/catalog/v1/catalog_service_pb";
import { Ceiling, Protection, TrackClass } from "#gen/matinee/common/v1/media_pb";
import { KeySystem } from "#gen/matinee/license/v1/license_record_pb";
import { Manifest_Format } from "#gen/matinee/packager/v1/package_pb";
import {
  PlaybackEnded_Reason,
  PlaybackEndedSchema,
  PlaybackProgressedSchema,
  PlaybackStartedSchema,
} from "#gen/matinee/playback/v1/events_pb";
import { PlayGrantSchema } from "#gen/matinee/playback/v1/play_grant_pb";
import { PlaybackService } from "#gen/matinee/playback/v1/playback_service_pb";
import { ProfileService } from "#gen/matinee/profile/v1/profile_service_pb";
import { openBlobStore } from "#pkg/blobstore/open";
import { ManualClock, newId } from "#pkg/clock/clock";
import { isAppError } from "#pkg/errors/errors";
import { silentLogger } from "#pkg/obs/logger";
import { eventually } from "#pkg/testkit/eventually";
import { type Caller, fake, openModules, profile, type TestPlatform } from "#pkg/testkit/module";
import { playback } from "./module.ts";

const refused = (reason: string) => (error: unknown) => isAppError(error, reason);
const bearer = (token: string) => ({ headers: { authorization: `Bearer ${token}` } });

/** The files of the package, by the lowest ceiling that may fetch them. */
const FILES_BY_CEILING = {
  sd: ["sd.mpd", "sd.m3u8", "audio-en-1.mp4", "text-en-1.vtt", "video-360p.mp4", "video-360p.media.m3u8"],
  hd: ["hd.mpd", "hd.m3u8", "video-720p.mp4", "video-720p.media.m3u8"],
  uhd: ["uhd.mpd", "uhd.m3u8", "video-2160p.mp4", "video-2160p.media.m3u8"],
} as const;
const FILES = Object.values(FILES_BY_CEILING).flat();

describe("the playback service", () => {
  const clock = new ManualClock(new Date("2026-05-01T12:00:00Z"));
  const packageId = newId();
  const packageName = `packages/${packageId}`;
  const media = randomBytes(300_000);
  const film = randomBytes(8_000_000);
  let platform: TestPlatform;
  /** What the catalog and the profile service answer. */
  let rightsEnd: Date | undefined;
  let isAvailable: boolean;
  let protection: Protection;
  let maxHeight: number;

  const client = () => platform.client(PlaybackService);
  const as = (caller: Caller) => platform.client(PlaybackService, { as: caller });
  const device = (id = "device-0001") => ({
    id,
    displayName: `the ${id}`,
    keySystems: [KeySystem.CLEARKEY],
    formats: [Manifest_Format.DASH],
  });
  const start = async (
    who: Caller = profile(),
    options: { device?: string; requestId?: string; title?: string } = {},
  ) => {
    const answer = await as(who).startPlayback({
      title: options.title ?? `titles/${newId()}`,
      device: device(options.device),
      requestId: options.requestId ?? newId(),
    });
    assert.ok(answer.playSession);
    return { ...answer, playSession: answer.playSession };
  };
  const grantOf = (token: string) => {
    const claims = JSON.parse(Buffer.from(token.split(".")[1] ?? "", "base64url").toString()) as Record<
      string,
      unknown
    >;
    return { claims, grant: fromJson(PlayGrantSchema, claims.grant as JsonValue) };
  };
  const manifestOf = (answer: Awaited<ReturnType<typeof start>>) => platform.url + (answer.manifests[0]?.url ?? "");

  before(async () => {
    const manifests = (["sd", "hd", "uhd"] as const).map((name) => ({
      format: Manifest_Format.DASH,
      ceiling: { sd: Ceiling.SD, hd: Ceiling.HD, uhd: Ceiling.UHD }[name],
      path: `a1b2c3d4/${name}.mpd`,
    }));
    const tracks = [
      { trackClass: TrackClass.AUDIO, path: "a1b2c3d4/audio-en-1.mp4" },
      { trackClass: TrackClass.SD, path: "a1b2c3d4/video-360p.mp4" },
      { trackClass: TrackClass.HD, path: "a1b2c3d4/video-720p.mp4" },
      { trackClass: TrackClass.UHD, path: "a1b2c3d4/video-2160p.mp4" },
      { trackClass: TrackClass.UNSPECIFIED, path: "a1b2c3d4/text-en-1.vtt" },
    ];
    platform = await openModules([playback], {
      clock,
      fakes: [
        fake(CatalogService, {
          checkAvailability: async () => ({
            availability: {
              isAvailable,
              reason: isAvailable ? "" : "TITLE_ENDED",
              message: isAvailable ? "" : "The right to show this title has ended.",
              ...(rightsEnd === undefined ? {} : { endTime: timestampFromDate(rightsEnd) }),
            },
            title: { displayTitle: "The Night Train" },
            package: {
              name: packageName,
              asset: `assets/${packageId}`,
              revision: 1,
              protection,
              manifests,
              duration: durationFromMs(75_000),
              tracks,
            },
          }),
        }),
        fake(ProfileService, {
          getViewer: async () => ({
            viewer: { tier: "standard", maxHeight, maxStreams: 2, maximumAge: 21, language: "en" },
          }),
        }),
      ],
    });
    const folder = join(platform.data, "blobs", "packaged");
    await mkdir(folder, { recursive: true });
    const { store } = await openBlobStore(pathToFileURL(folder).href, {
      name: "packaged",
      signingSecret: randomBytes(32),
      clock,
      log: silentLogger,
    });
    for (const name of FILES) {
      await store.put(`${packageId}/1/a1b2c3d4/${name}`, name === "video-720p.mp4" ? media : Buffer.from(name));
    }
    await store.put(`${packageId}/1/a1b2c3d4/film.mp4`, film);
    await store[Symbol.asyncDispose]();
  });
  after(() => platform[Symbol.asyncDispose]());
  beforeEach(() => {
    rightsEnd = undefined;
    isAvailable = true;
    protection = Protection.CBCS;
    maxHeight = 1080;
  });

  it("answers the manifest that plan, device and package allow, with a policy for each class in it", async () => {
    const answer = await start();
    assert.ok(answer.manifests[0]?.url.endsWith(`/${packageId}/1/a1b2c3d4/hd.mpd`));
    assert.deepEqual(
      answer.licenseServers.map(({ keySystem }) => keySystem),
      [KeySystem.CLEARKEY],
    );
    const { claims, grant } = grantOf(answer.playToken);
    assert.equal(claims.iss, "playback");
    assert.deepEqual(
      grant.keyPolicies.map(({ trackClass }) => trackClass),
      [TrackClass.AUDIO, TrackClass.SD, TrackClass.HD],
    );
    maxHeight = 576;
    const small = await start();
    assert.ok(small.manifests[0]?.url.endsWith("/sd.mpd"));
    const told = await platform.nextEvent(
      PlaybackStartedSchema,
      ({ playSession }) => playSession === answer.playSession.name,
    );
    assert.equal(told.territory, "US");
  });

  it("needs no key system for media in the clear, and one that is offered for encrypted media", async () => {
    const none = { title: `titles/${newId()}`, device: { ...device(), keySystems: [] }, requestId: newId() };
    await assert.rejects(as(profile()).startPlayback(none), refused("KEY_SYSTEM_UNAVAILABLE"));
    protection = Protection.CLEAR;
    const answer = await as(profile()).startPlayback(none);
    assert.deepEqual(answer.licenseServers, []);
    const hls = { ...none, device: { ...device(), formats: [Manifest_Format.HLS] }, requestId: newId() };
    await assert.rejects(as(profile()).startPlayback(hls), refused("FORMAT_UNAVAILABLE"));
  });

  it("refuses with the catalog's reason and sentence", async () => {
    isAvailable = false;
    await assert.rejects(start(), (error) => {
      assert.ok(isAppError(error, "TITLE_UNAVAILABLE"));
      assert.equal(error.metadata.availability, "TITLE_ENDED");
      assert.equal(error.message, "The right to show this title has ended.");
      return true;
    });
  });

  it("counts streams: the third device is refused by name of the others, the same device takes over its own", async () => {
    const who = profile();
    await start(who, { device: "television" });
    const phone = await start(who, { device: "telephone" });
    await assert.rejects(start(who, { device: "tablet-01" }), (error) => {
      assert.ok(isAppError(error, "STREAM_LIMIT_REACHED"));
      assert.match(error.message, /the television, the telephone/);
      return true;
    });
    await start(who, { device: "telephone" });
    const ended = await platform.nextEvent(
      PlaybackEndedSchema,
      ({ playSession }) => playSession === phone.playSession.name,
    );
    assert.equal(ended.reason, PlaybackEnded_Reason.STOPPED);
  });

  it("gives two slots to two devices that start at once, not three", async () => {
    const who = profile();
    const starts = await Promise.allSettled(
      ["device-1a", "device-2a", "device-3a"].map((id) => start(who, { device: id })),
    );
    assert.equal(starts.filter(({ status }) => status === "fulfilled").length, 2);
  });

  it("answers the same session to the same request", async () => {
    const who = profile();
    const options = { requestId: newId(), title: `titles/${newId()}` };
    const [first, again] = [await start(who, options), await start(who, options)];
    assert.equal(again.playSession.name, first.playSession.name);
  });

  it("does not let one request play on other devices, play other titles, or outlive its slot", async () => {
    const who = profile();
    const options = { requestId: newId(), title: `titles/${newId()}` };
    await start(who, options);
    await assert.rejects(start(who, { ...options, device: "device-0002" }), refused("PLAY_REQUEST_REUSED"));
    await assert.rejects(start(who, { ...options, title: `titles/${newId()}` }), refused("PLAY_REQUEST_REUSED"));
    clock.advance(61_000);
    await assert.rejects(start(who, options), refused("PLAY_SESSION_ENDED"));
  });

  it("keeps the slot while heartbeats come, and frees it when they stop", async () => {
    const who = profile();
    const { playSession, playToken } = await start(who, { device: "television" });
    clock.advance(40_000);
    const position = durationFromMs(40_000);
    const beat = await client().heartbeat({ playSession: playSession.name, position }, bearer(playToken));
    assert.ok(beat.playToken);
    const told = await platform.nextEvent(PlaybackProgressedSchema, (event) => event.playSession === playSession.name);
    assert.equal(told.position?.seconds, 40n);
    clock.advance(61_000);
    await assert.rejects(
      client().heartbeat({ playSession: playSession.name, position }, bearer(beat.playToken)),
      refused("PLAY_SESSION_ENDED"),
    );
    await eventually("the sweep ends it", () => {
      clock.advance(30_000);
      return platform.events(PlaybackEndedSchema).some((event) => event.playSession === playSession.name);
    });
  });

  it("does not take one session's token for another", async () => {
    const [mine, theirs] = [await start(), await start()];
    const attempt = client().heartbeat({ playSession: theirs.playSession.name, position: {} }, bearer(mine.playToken));
    await assert.rejects(attempt, refused("PLAY_SESSION_MISMATCH"));
  });

  it("ends a play at the next heartbeat when the title may no longer be watched", async () => {
    const { playSession, playToken } = await start();
    isAvailable = false;
    const beat = () => client().heartbeat({ playSession: playSession.name, position: {} }, bearer(playToken));
    await assert.rejects(beat(), refused("TITLE_UNAVAILABLE"));
    await assert.rejects(beat(), refused("PLAY_SESSION_ENDED"));
    const ended = await platform.nextEvent(PlaybackEndedSchema, (event) => event.playSession === playSession.name);
    assert.equal(ended.reason, PlaybackEnded_Reason.RIGHTS_ENDED);
  });

  it("stops once, also when told twice", async () => {
    const { playSession, playToken } = await start();
    const stop = () =>
      client().stopPlayback({ playSession: playSession.name, position: durationFromMs(74_000) }, bearer(playToken));
    await stop();
    await stop();
    const finished = await platform.nextEvent(
      PlaybackProgressedSchema,
      (event) => event.playSession === playSession.name,
    );
    assert.equal(finished.isFinished, true);
    assert.equal(
      platform.events(PlaybackEndedSchema).filter((event) => event.playSession === playSession.name).length,
      1,
    );
  });

  it("signs no token past the end of the rights", async () => {
    rightsEnd = new Date(clock.now().getTime() + 60_000);
    const answer = await start();
    assert.deepEqual(answer.playTokenExpireTime && timestampDate(answer.playTokenExpireTime), rightsEnd);
    const { grant } = grantOf(answer.playToken);
    assert.deepEqual(grant.rightsEndTime && timestampDate(grant.rightsEndTime), rightsEnd);
    const url = manifestOf(answer);
    assert.equal((await fetch(url)).status, 200);
    clock.advance(66_000);
    const late = await fetch(url);
    assert.equal(late.status, 403);
    assert.match(await late.text(), /MEDIA_TOKEN_EXPIRED/);
  });

  it("serves media whole, in ranges, and by its head", async () => {
    const url = manifestOf(await start()).replace("hd.mpd", "video-720p.mp4");
    const whole = await fetch(url);
    assert.equal(whole.headers.get("content-type"), "video/mp4");
    assert.deepEqual(Buffer.from(await whole.arrayBuffer()), media);
    const part = await fetch(url, { headers: { range: "bytes=1000-1999" } });
    assert.equal(part.status, 206);
    assert.equal(part.headers.get("content-range"), "bytes 1000-1999/300000");
    assert.deepEqual(Buffer.from(await part.arrayBuffer()), media.subarray(1000, 2000));
    const head = await fetch(url, { method: "HEAD" });
    assert.equal(head.headers.get("content-length"), "300000");
    const past = await fetch(url, { headers: { range: "bytes=300000-" } });
    assert.equal(past.headers.get("content-range"), "bytes */300000");
    assert.equal(past.status, 416);
    const again = await fetch(url, { headers: { "if-none-match": whole.headers.get("etag") ?? "" } });
    assert.equal(again.status, 304);
  });

  it("serves nothing but what the token in the path names", async () => {
    const url = manifestOf(await start());
    const statuses = await Promise.all(
      [
        url.replace("hd.mpd", "uhd.mpd"),
        url.replace(packageId, newId()),
        url.replace("/1/a1b2c3d4", "/2/a1b2c3d4"),
        url.replace(/\/m\/[^/]+/, "/m/forged.token.here"),
        url.replace("hd.mpd", "absent.mp4"),
        url.replace("a1b2c3d4/hd.mpd", "..%2f..%2f..%2fkeys%2froot.key"),
      ].map(async (changed) => (await fetch(changed)).status),
    );
    assert.deepEqual(statuses, [403, 403, 403, 403, 404, 404]);
    assert.equal((await fetch(url.replace("hd.mpd", "sd.mpd"))).status, 200, "a lower ceiling is allowed");
  });

  for (const [ceiling, lines] of [
    ["sd", 576],
    ["hd", 1080],
    ["uhd", 2160],
  ] as const) {
    it(`serves a session of ${ceiling} no track, playlist or manifest of a higher class, also in the clear`, async () => {
      maxHeight = lines;
      const order = ["sd", "hd", "uhd"] as const;
      for (const kind of [Protection.CLEAR, Protection.CBCS]) {
        protection = kind;
        const url = manifestOf(await start()).replace(`${ceiling}.mpd`, "");
        for (const above of order) {
          const status = order.indexOf(above) > order.indexOf(ceiling) ? [403, 403] : [200, 206];
          for (const file of FILES_BY_CEILING[above]) {
            const asked = [{}, { range: "bytes=0-1" }].map(async (headers) => {
              const answer = await fetch(url + file, { headers });
              const body = await answer.text();
              assert.ok(answer.ok || /MEDIA_TOKEN_INVALID/.test(body), body);
              return answer.status;
            });
            assert.deepEqual(await Promise.all(asked), status, `${file} under ${ceiling}`);
          }
        }
      }
    });
  }

  it("serves on while viewers seek: requests that are given up at any moment", async () => {
    const url = new URL(manifestOf(await start()).replace("hd.mpd", "film.mp4"));
    const ask = (waitMs: number) =>
      new Promise<void>((resolve) => {
        const socket = connect(Number(url.port), url.hostname, () => {
          socket.write(`GET ${url.pathname} HTTP/1.1\r\nHost: x\r\nRange: bytes=0-${film.byteLength - 2}\r\n\r\n`);
          setTimeout(() => socket.destroy(), waitMs);
        });
        socket.on("data", () => {});
        socket.on("error", () => {});
        socket.on("close", () => resolve());
      });
    for (let round = 0; round < 50; round++) {
      await Promise.all(Array.from({ length: 12 }, (_, index) => ask((round * 12 + index) % 15)));
    }
    assert.deepEqual(Buffer.from(await (await fetch(url)).arrayBuffer()), film);
  });

  it("does not take the token of a media path for a play token", async () => {
    const answer = await start();
    const mediaToken = answer.manifests[0]?.url.split("/")[2] ?? "";
    const attempt = client().heartbeat({ playSession: answer.playSession.name, position: {} }, bearer(mediaToken));
    await assert.rejects(attempt, refused("TOKEN_INVALID"));
  });
});
