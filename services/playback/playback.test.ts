import assert from "node:assert/strict";
import { connect } from "node:net";
import { timestampDate } from "@bufbuild/protobuf/wkt";
import { KeySystem, ManifestFormat, Protection, TrackClass } from "#gen/matinee/common/v1/media_pb";
import { PlaybackStartedSchema } from "#gen/matinee/playback/v1/events_pb";
import type { Device_Kind } from "#gen/matinee/playback/v1/play_session_pb";
import { newId } from "#pkg/clock/clock";
import { isAppError } from "#pkg/errors/errors";
import { profile } from "#pkg/testkit/module";
import { refused } from "#pkg/testkit/refused";
import { Answers, bearer, FILES_BY_CEILING, film, grantOf, media, openStage, type Stage } from "./fixtures.ts";

describe("the playback service", () => {
  let stage: Stage;

  before(async () => {
    stage = await openStage();
  });
  after(() => stage[Symbol.asyncDispose]());
  beforeEach(() => {
    Object.assign(stage.answers, new Answers());
  });

  it("answers the manifest that plan, device and package allow, with a policy for each class in it", async () => {
    const answer = await stage.start();
    assert.ok(answer.manifests[0]?.uri.endsWith(`/${stage.packageId}/1/a1b2c3d4/hd.mpd`));
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
    stage.answers.maxHeight = 576;
    const small = await stage.start();
    assert.ok(small.manifests[0]?.uri.endsWith("/sd.mpd"));
    const told = await stage.platform.nextEvent(
      PlaybackStartedSchema,
      ({ playSession }) => playSession === answer.playSession.name,
    );
    assert.equal(told.territory, "US");
  });

  it("needs no key system for media in the clear, and one that is offered for encrypted media", async () => {
    const none = { title: `titles/${newId()}`, device: { ...stage.device(), keySystems: [] }, requestId: newId() };
    await assert.rejects(stage.as(profile()).startPlayback(none), refused("KEY_SYSTEM_UNAVAILABLE"));
    stage.answers.protection = Protection.CLEAR;
    const answer = await stage.as(profile()).startPlayback(none);
    assert.deepEqual(answer.licenseServers, []);
    const hls = { ...none, device: { ...stage.device(), formats: [ManifestFormat.HLS] }, requestId: newId() };
    await assert.rejects(stage.as(profile()).startPlayback(hls), refused("FORMAT_UNAVAILABLE"));
  });

  it("plays on a device of a kind, with key systems and formats, that it does not know, by what it knows of them", async () => {
    const device = {
      ...{ id: "device-0001", kind: 99 as Device_Kind, displayName: "a newer one" },
      keySystems: [99 as KeySystem, ...stage.device().keySystems],
      formats: [99 as ManifestFormat, ManifestFormat.DASH],
    };
    const title = `titles/${newId()}`;
    const answer = await stage.as(profile()).startPlayback({ title, device, requestId: newId() });
    assert.ok(answer.manifests[0]?.uri.endsWith("/hd.mpd"));
    assert.deepEqual(
      answer.licenseServers.map(({ keySystem }) => keySystem),
      [KeySystem.CLEARKEY],
    );
  });

  it("refuses with the catalog's reason and sentence", async () => {
    stage.answers.isAvailable = false;
    await assert.rejects(stage.start(), (error) => {
      assert.ok(isAppError(error, "TITLE_UNAVAILABLE"));
      assert.equal(error.metadata.availability, "TITLE_ENDED");
      assert.equal(error.message, "The right to show this title has ended.");
      return true;
    });
  });

  it("offers the key systems that license names, and asks for them once in a while", async () => {
    await stage.start();
    const asked = stage.answers.keySystemsAsked;
    const widevine = { title: `titles/${newId()}`, device: { ...stage.device(), keySystems: [KeySystem.WIDEVINE] } };
    await assert.rejects(
      stage.as(profile()).startPlayback({ ...widevine, requestId: newId() }),
      refused("KEY_SYSTEM_UNAVAILABLE"),
    );
    const { licenseServers, playSession } = await stage.start();
    assert.equal(licenseServers[0]?.uri, `/license/clearkey?session=${playSession.name.split("/")[1]}`);
    assert.deepEqual(licenseServers[0]?.emeNames, ["org.w3.clearkey"]);
    assert.equal(stage.answers.keySystemsAsked, asked);
  });

  it("signs no token past the end of the rights", async () => {
    stage.answers.rightsEnd = new Date(stage.clock.now().getTime() + 60_000);
    const answer = await stage.start();
    assert.deepEqual(answer.playTokenExpireTime && timestampDate(answer.playTokenExpireTime), stage.answers.rightsEnd);
    const { grant } = grantOf(answer.playToken);
    assert.deepEqual(grant.rightsEndTime && timestampDate(grant.rightsEndTime), stage.answers.rightsEnd);
    const url = stage.manifestOf(answer);
    assert.equal((await fetch(url)).status, 200);
    stage.clock.advance(66_000);
    const late = await fetch(url);
    assert.equal(late.status, 403);
    assert.match(await late.text(), /MEDIA_TOKEN_EXPIRED/);
  });

  it("serves media whole, in ranges, and by its head", async () => {
    const url = stage.manifestOf(await stage.start()).replace("hd.mpd", "video-720p.mp4");
    const whole = await fetch(url);
    assert.equal(whole.headers.get("content-type"), "video/mp4");
    assert.ok(media.equals(Buffer.from(await whole.arrayBuffer())), "the bytes differ");
    const part = await fetch(url, { headers: { range: "bytes=1000-1999" } });
    assert.equal(part.status, 206);
    assert.equal(part.headers.get("content-range"), "bytes 1000-1999/300000");
    assert.ok(media.subarray(1000, 2000).equals(Buffer.from(await part.arrayBuffer())), "the bytes differ");
    const head = await fetch(url, { method: "HEAD" });
    assert.equal(head.headers.get("content-length"), "300000");
    const past = await fetch(url, { headers: { range: "bytes=300000-" } });
    assert.equal(past.headers.get("content-range"), "bytes */300000");
    assert.equal(past.status, 416);
    const again = await fetch(url, { headers: { "if-none-match": whole.headers.get("etag") ?? "" } });
    assert.equal(again.status, 304);
  });

  it("serves nothing but what the token in the path names", async () => {
    const url = stage.manifestOf(await stage.start());
    const statuses = await Promise.all(
      [
        url.replace("hd.mpd", "uhd.mpd"),
        url.replace(stage.packageId, newId()),
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
      stage.answers.maxHeight = lines;
      const order = ["sd", "hd", "uhd"] as const;
      for (const kind of [Protection.CLEAR, Protection.CBCS]) {
        stage.answers.protection = kind;
        const url = stage.manifestOf(await stage.start()).replace(`${ceiling}.mpd`, "");
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

  it("serves nothing of a class or under a ceiling that it does not know", async () => {
    stage.answers.maxHeight = 0;
    stage.answers.newerTracks = ["video-5000p"];
    stage.answers.newerManifests = ["huge"];
    const url = stage.manifestOf(await stage.start());
    const statuses = await Promise.all(
      ["uhd.mpd", "video-2160p.mp4", "huge.mpd", "video-5000p.mp4"].map(
        async (file) => (await fetch(url.replace("uhd.mpd", file), { method: "HEAD" })).status,
      ),
    );
    assert.deepEqual(statuses, [200, 200, 403, 403]);
  });

  it("serves on while viewers seek: requests that are given up at any moment", async () => {
    const url = new URL(stage.manifestOf(await stage.start()).replace("hd.mpd", "film.mp4"));
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
    const answer = await stage.start();
    const mediaToken = answer.manifests[0]?.uri.split("/")[2] ?? "";
    const attempt = stage.client.heartbeat({ playSession: answer.playSession.name, position: {} }, bearer(mediaToken));
    await assert.rejects(attempt, refused("TOKEN_INVALID"));
  });
});
