/** The first film: from the studio's file to encrypted frames that only the issued keys open. */

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import type { MessageInitShape } from "@bufbuild/protobuf";
import { timestampNow } from "@bufbuild/protobuf/wkt";
import { eventually } from "#pkg/testkit/eventually";
import { CatalogService } from "../../clients/sdk/gen/matinee/catalog/v1/catalog_service_pb.ts";
import { Ceiling, Protection } from "../../clients/sdk/gen/matinee/common/v1/media_pb.ts";
import { LicenseService } from "../../clients/sdk/gen/matinee/license/v1/license_service_pb.ts";
import { Notification_Kind } from "../../clients/sdk/gen/matinee/notification/v1/notification_pb.ts";
import { NotificationService } from "../../clients/sdk/gen/matinee/notification/v1/notification_service_pb.ts";
import type { StartPlaybackResponse } from "../../clients/sdk/gen/matinee/playback/v1/playback_service_pb.ts";
import { PlaybackService } from "../../clients/sdk/gen/matinee/playback/v1/playback_service_pb.ts";
import { ProfileService } from "../../clients/sdk/gen/matinee/profile/v1/profile_service_pb.ts";
import {
  type RecordPlayerEventsRequestSchema,
  TelemetryService,
} from "../../clients/sdk/gen/matinee/telemetry/v1/telemetry_service_pb.ts";
import { toDate, toSeconds } from "../../clients/sdk/time.ts";
import { assertSameFrames, blobPath, download, frameHashes, packets, type Representation } from "./media.ts";
import { newViewer, operatorOf, type Person } from "./people.ts";
import { askLicense, bearer, forgottenPlay, keyIdsOf, representations, start } from "./playing.ts";
import { inEveryTopology } from "./stories.ts";
import { FIRST_FILM, FIRST_FILM_FRAMES, FIRST_FILM_NAME, firstFilm, type Imported, idOf } from "./titles.ts";

const AES_BLOCK = 16;

inEveryTopology("a film on its way to a living room", (cluster) => {
  let imported: Imported;
  let viewer: Person;
  let play: StartPlaybackResponse;
  let tracks: readonly Representation[];
  let keys: ReadonlyMap<string, string>;

  it("is imported through the SDK, playable before it is complete, with progress on the way", async () => {
    imported = await firstFilm(cluster());
    const steps = imported.events.map(({ step }) => step);
    const first = (step: string) => steps.indexOf(step as (typeof steps)[number]);
    assert.ok(first("upload") < first("inspected") && first("inspected") < first("transcode"), steps.join(" "));
    assert.ok(first("playable") >= 0 && first("playable") < first("complete"), steps.join(" "));
    const percents = imported.events.flatMap((event) =>
      event.step === "transcode" ? [event.job.progress?.percent ?? 0] : [],
    );
    assert.deepEqual(
      percents,
      percents.toSorted((a, b) => a - b),
    );
    assert.equal(percents.at(-1), 100);
    const playable = imported.events.find((event) => event.step === "playable");
    assert.equal(playable?.package.revision, 0);
    assert.equal(playable?.package.isComplete, false);
    assert.equal(imported.package.revision, 1);
    assert.equal(imported.package.isComplete, true);
    assert.equal(imported.package.protection, Protection.CBCS);
    assert.deepEqual(
      new Set(imported.package.manifests.map(({ ceiling }) => ceiling)),
      new Set([Ceiling.SD, Ceiling.HD]),
    );
  });

  it("tells its owner on a stream when it can be watched and when it is complete", async () => {
    const { platform } = await operatorOf(cluster());
    const wanted = new Set<unknown>([Notification_Kind.UPLOAD_PLAYABLE, Notification_Kind.UPLOAD_READY]);
    const stream = platform
      .client(NotificationService)
      .watchNotifications({ after: "notifications/00000000-0000-7000-8000-000000000000" }, { timeoutMs: 20_000 });
    for await (const { notification } of stream) {
      if (notification?.subject === imported.title.name || notification?.subject === imported.asset)
        wanted.delete(notification.kind);
      if (wanted.size === 0) break;
    }
    assert.equal(wanted.size, 0);
  });

  it("is found by a viewer who signs up, mistypes its name, and looks at the home page", async () => {
    viewer = await newViewer(cluster());
    const catalog = viewer.platform.client(CatalogService);
    for (const query of ["lighthouse", "lighth", "the lihgthouse"]) {
      const hit = await eventually(`${query} finds it`, async () => {
        const { hits } = await catalog.searchTitles({ query });
        return hits.find(({ title }) => title?.name === imported.title.name)?.title;
      });
      assert.equal(hit.displayTitle, FIRST_FILM_NAME);
      assert.equal(hit.availability?.isAvailable, true);
    }
    await eventually("a row shows it", async () => {
      const { rows } = await catalog.getHome({});
      return rows.find(({ id }) => id === "new")?.items.some(({ title }) => title?.name === imported.title.name);
    });
    const { title } = await eventually("the title knows its media", async () => {
      const answer = await catalog.getTitle({ name: imported.title.name });
      return answer.title?.media?.isComplete === true ? answer : undefined;
    });
    assert.deepEqual(title?.media?.audioLanguages, ["en", "de"]);
    assert.deepEqual(title?.media?.textLanguages, ["en"]);
    assert.equal(title?.media?.maxHeight, 720);
    assert.ok(Math.abs(toSeconds(title?.media?.duration) - FIRST_FILM.seconds) < 0.1);
    const still = title?.artworks[0];
    assert.ok(still !== undefined);
    const picture = await fetch(viewer.platform.url(still.uri));
    assert.deepEqual([picture.status, picture.headers.get("content-type")], [200, "image/jpeg"]);
  });

  it("starts to play, with every rendition, both languages and captions in its manifest", async () => {
    play = await start(viewer, imported.title.name);
    await forgottenPlay(cluster());
    tracks = await representations(viewer, play);
    const lines = tracks.filter(({ kind }) => kind === "video").map(({ height }) => height);
    assert.deepEqual(lines.toSorted((a, b) => a - b).at(-1), 720);
    assert.ok(lines.length >= 2, `heights ${lines.join(", ")}`);
    const languages = (kind: string) => tracks.filter((track) => track.kind === kind).map(({ language }) => language);
    assert.deepEqual(languages("audio").toSorted(), ["de", "en"]);
    assert.deepEqual(languages("text"), ["en"]);
    const captions = await fetch(tracks.find(({ kind }) => kind === "text")?.url ?? "");
    assert.match(await captions.text(), /^WEBVTT[\s\S]*Line number 1\b/);
  });

  it("gets a licence for each class of its keys", async () => {
    const wanted = keyIdsOf(tracks);
    const answer = await askLicense(viewer, play, { keyIds: wanted });
    assert.equal(answer.status, 200, answer.message);
    keys = answer.keys;
    assert.deepEqual([...keys.keys()].toSorted(), wanted.toSorted());
    assert.equal(new Set(keys.values()).size, wanted.length);
    assert.ok(wanted.length >= 3, "sound, SD and HD have keys of their own");
  });

  it("records who was given a licence, with the trace id that the player sent", async () => {
    const traceId = randomUUID().replaceAll("-", "");
    const server = play.licenseServers[0]?.uri ?? "";
    const answer = await fetch(viewer.platform.url(server), {
      method: "POST",
      headers: {
        ...bearer(play),
        "content-type": "application/json",
        traceparent: `00-${traceId}-00f067aa0ba902b7-01`,
      },
      body: JSON.stringify({ kids: [Buffer.from([...keys.keys()][0] ?? "", "hex").toString("base64url")] }),
    });
    assert.equal(answer.status, 200);
    const { licenseRecords } = await (await operatorOf(cluster())).platform
      .client(LicenseService)
      .listLicenseRecords({ playSession: play.playSession?.name ?? "" });
    assert.equal(licenseRecords.length, 2);
    const [record] = licenseRecords;
    assert.equal(record?.traceId, traceId);
    assert.equal(record?.isIssued, true);
    assert.equal(record?.account, viewer.session.current?.account);
    assert.equal(record?.asset, imported.asset);
  });

  it("carries one trace id from the browser through each module to its SQL", async () => {
    const traceId = randomUUID().replaceAll("-", "");
    // The SDK writes its own trace header, so a plain request carries ours.
    const answer = await fetch(`${cluster().origin}/matinee.catalog.v1.CatalogService/GetHome`, {
      method: "POST",
      headers: {
        "content-type": "application/json",
        authorization: `Bearer ${viewer.session.current?.accessToken}`,
        traceparent: `00-${traceId}-00f067aa0ba902b7-01`,
      },
      body: "{}",
    });
    assert.equal(answer.status, 200);
    const statements = await eventually("the database saw the trace", async () => {
      const rows = await cluster().sql<{ application_name: string }>(
        "select application_name from pg_stat_activity where query like $1 and pid <> pg_backend_pid()",
        [`%/*traceparent='00-${traceId}-%`],
      );
      return rows.length > 0 ? rows : undefined;
    });
    assert.ok(statements.length > 0);
    const logged = await eventually("both modules logged it", () => {
      const found = new Set(
        cluster()
          .logs()
          .filter((record) => record.traceId === traceId)
          .map((record) => String(record.target ?? "")),
      );
      return found.size >= 2 ? found : undefined;
    });
    assert.ok(
      [...logged].some((name) => name.includes("GetHome")),
      [...logged].join(", "),
    );
    assert.ok(
      [...logged].some((name) => name.includes("ListRows")),
      [...logged].join(", "),
    );
  });

  it("is taken up where the viewer stopped", async () => {
    const name = play.playSession?.name ?? "";
    const beat = await viewer.platform
      .client(PlaybackService)
      .heartbeat({ playSession: name, position: { seconds: 5n, nanos: 0 } }, { headers: bearer(play) });
    assert.ok((toDate(beat.playTokenExpireTime)?.getTime() ?? 0) > Date.now());
    const point = await eventually("a resume point", async () => {
      const { resumePoints } = await viewer.platform
        .client(ProfileService)
        .listResumePoints({ title: imported.title.name });
      return resumePoints[0];
    });
    assert.equal(toSeconds(point.position), 5);
    await eventually("a row to continue", async () => {
      const { rows } = await viewer.platform.client(CatalogService).getHome({});
      const row = rows.find(({ id }) => id === "continue-watching");
      const item = row?.items.find(({ title }) => title?.name === imported.title.name);
      return item !== undefined && toSeconds(item.resumePosition) === 5;
    });
    const again = await start(viewer, imported.title.name);
    assert.equal(toSeconds(again.resumePosition), 5);
    assert.ok((toDate(again.playTokenExpireTime)?.getTime() ?? 0) > 0);
  });

  it("counts in the quality that the studio sees, each event once", async () => {
    const name = play.playSession?.name ?? "";
    const telemetry = viewer.platform.client(TelemetryService);
    const event = (sequence: number) => ({ id: randomUUID(), sequence, occurTime: timestampNow() });
    const batch: MessageInitShape<typeof RecordPlayerEventsRequestSchema> = {
      playSession: name,
      events: [
        { ...event(0), event: { case: "playRequested", value: { player: "scenario" } } },
        { ...event(1), event: { case: "firstFrame", value: { startupTime: { seconds: 0n, nanos: 400_000_000 } } } },
        {
          ...event(2),
          event: {
            case: "sample",
            value: {
              playingTime: { seconds: 9n },
              stalledTime: { seconds: 1n },
              bitsPerSecond: 1_000_000n,
              height: 720,
            },
          },
        },
      ],
    };
    for (let repeat = 0; repeat < 2; repeat++) {
      const { acceptedCount } = await telemetry.recordPlayerEvents(batch, { headers: bearer(play) });
      assert.equal(acceptedCount, 3);
    }
    const { platform } = await operatorOf(cluster());
    const summary = await eventually("the summary counts the play", async () => {
      const answer = await platform.client(TelemetryService).getQualitySummary({ title: imported.title.name });
      return answer.summary?.startedCount === 1n ? answer.summary : undefined;
    });
    assert.equal(summary.viewCount, 1n);
    assert.ok(Math.abs(toSeconds(summary.medianStartupTime) - 0.4) < 0.001);
    assert.ok(Math.abs(summary.rebufferRatio - 0.1) < 0.001, `ratio ${summary.rebufferRatio}`);
    assert.equal(summary.startupFailureCount, 0n);
  });

  it("decrypts with the issued keys to exactly the frames that were encoded, and with nothing else", async () => {
    const renditions = await cluster().sql<{ track_id: string; key: string; frames: string }>(
      `select r.track_id, r.blob->>'key' as key, r.frame_count as frames
       from transcode.renditions r join transcode.jobs j on j.id = r.job_id where j.asset_id = $1`,
      [idOf(imported.asset)],
    );
    const coded = imported.package.tracks.filter(({ keyIds }) => keyIds.length > 0);
    assert.equal(coded.length, tracks.filter(({ keyId }) => keyId !== "").length);
    for (const packaged of coded) {
      const id = packaged.track?.id ?? "";
      const track = tracks.find(({ url }) => url.endsWith(`/${packaged.path.split("/").at(-1)}`));
      assert.ok(track !== undefined, `${packaged.path} is in the manifest`);
      assert.equal(track.keyId, Buffer.from(packaged.keyIds[0] ?? []).toString("hex"));
      const rendition = renditions.find(({ track_id }) => track_id === id);
      const clear = await blobPath(cluster(), "mezzanine", rendition?.key ?? "");
      const encrypted = await download(track.url);
      const key = keys.get(track.keyId) ?? "";
      const kind = track.kind === "video" ? "v" : "a";

      const expected = await frameHashes(clear, kind);
      const decoded = await frameHashes(encrypted, kind, key);
      const clearPackets = await packets(clear, kind);
      assert.deepEqual(await packets(encrypted, kind, key), clearPackets, `${id} decrypts to what was encoded`);
      if (kind === "v") {
        assert.equal(expected.length, FIRST_FILM_FRAMES);
        assertSameFrames(decoded, expected, `${id} decodes to what was encoded`);
      } else {
        // The encoder's run-up, which an edit list hides in the rendition.
        assert.deepEqual(decoded.slice(decoded.length - expected.length), expected);
      }

      const wrong = [...keys].find(([keyId]) => keyId !== track.keyId)?.[1] ?? "";
      const mistaken = await frameHashes(encrypted, kind, wrong).catch(() => []);
      const right = new Set(expected);
      assert.equal(mistaken.filter((hash) => right.has(hash)).length, 0, `${id} with another class's key`);

      const thiefs = await packets(encrypted, kind);
      assert.equal(thiefs.length, clearPackets.length);
      assert.notEqual(thiefs[0]?.hash, clearPackets[0]?.hash, `the first frame of ${id} is in the clear`);
      // `cbcs` encrypts whole blocks: a shorter frame, which holds silence at most, has none (ISO/IEC 23001-7, 10.4).
      const open = thiefs.filter(({ hash, bytes }, index) => hash === clearPackets[index]?.hash && bytes >= AES_BLOCK);
      assert.equal(open.length, 0, `${id} has ${open.length} frames in the clear`);
    }
  });
});
