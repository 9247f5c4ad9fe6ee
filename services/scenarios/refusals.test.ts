/** What a viewer is refused, each time with the reason that a person can act on; and what needs no permission. */

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { eventually } from "#pkg/testkit/eventually";
import { MatineeError } from "../../clients/sdk/errors.ts";
import { CatalogService } from "../../clients/sdk/gen/matinee/catalog/v1/catalog_service_pb.ts";
import { Protection } from "../../clients/sdk/gen/matinee/common/v1/media_pb.ts";
import { LicenseService } from "../../clients/sdk/gen/matinee/license/v1/license_service_pb.ts";
import { NotificationService } from "../../clients/sdk/gen/matinee/notification/v1/notification_service_pb.ts";
import type { StartPlaybackResponse } from "../../clients/sdk/gen/matinee/playback/v1/playback_service_pb.ts";
import { PlaybackService } from "../../clients/sdk/gen/matinee/playback/v1/playback_service_pb.ts";
import { ProfileService } from "../../clients/sdk/gen/matinee/profile/v1/profile_service_pb.ts";
import { newPlatform } from "../../clients/sdk/platform.ts";
import { film } from "./films.ts";
import { download, ffmpeg, frameCount } from "./media.ts";
import { newViewer, operatorOf, PASSWORD, type Person } from "./people.ts";
import {
  askLicense,
  bearer,
  type ForgottenPlay,
  forgottenPlay,
  keyIdsOf,
  type LicenseAnswer,
  manifestUrl,
  representations,
  start,
  stop,
} from "./playing.ts";
import { readPlaylists } from "./playlists.ts";
import { inEveryTopology } from "./stories.ts";
import { firstFilm, importTitle, publishTitle } from "./titles.ts";

function heartbeat(person: Person, play: StartPlaybackResponse): Promise<unknown> {
  return person.platform
    .client(PlaybackService)
    .heartbeat(
      { playSession: play.playSession?.name ?? "", position: { seconds: 1n, nanos: 0 } },
      { headers: bearer(play) },
    );
}

/** The refusal of a call. */
async function refusal(call: Promise<unknown>): Promise<MatineeError> {
  try {
    await call;
  } catch (error) {
    if (error instanceof MatineeError) return error;
    throw error;
  }
  return assert.fail("it was not refused");
}

inEveryTopology("refusals", (cluster) => {
  let viewer: Person;
  let asset: string;
  let old: ForgottenPlay;
  const answers: LicenseAnswer[] = [];

  const refused = (answer: LicenseAnswer, status: number, reason: string): void => {
    assert.deepEqual([answer.status, answer.reason, answer.keys.size], [status, reason, 0], answer.message);
    answers.push(answer);
  };

  /** Neither a licence nor a byte, without any heartbeat. */
  const assertOver = async (play: StartPlaybackResponse): Promise<void> => {
    const answer = await eventually("no licence is issued", async () => {
      const next = await askLicense(viewer, play, { keyIds: old.keyIds });
      return next.status === 200 ? undefined : next;
    });
    assert.deepEqual([answer.status, answer.reason, answer.keys.size], [403, "LICENSE_PLAY_ENDED", 0]);
    const media = await fetch(manifestUrl(viewer, play, "dash"));
    assert.deepEqual([media.status, /MEDIA_SESSION_ENDED/.test(await media.text())], [403, true]);
  };

  before(async () => {
    ({ asset } = await firstFilm(cluster()));
    old = await forgottenPlay(cluster());
    viewer = await newViewer(cluster());
  });

  it("a licence to another session's token, also of the same person", async () => {
    const title = (await firstFilm(cluster())).title.name;
    const mine = await start(viewer, title);
    const keyIds = keyIdsOf(await representations(viewer, mine));
    refused(await askLicense(viewer, mine, { keyIds, token: old.play.playToken }), 403, "LICENSE_SESSION_MISMATCH");
    const other = await start(viewer, title);
    const answer = await askLicense(viewer, mine, { keyIds, token: other.playToken });
    assert.deepEqual([answer.status, answer.reason], [403, "LICENSE_SESSION_MISMATCH"]);
    assert.equal((await askLicense(viewer, mine, { keyIds })).status, 200);
    for (const play of [mine, other]) await stop(viewer, play);
  });

  it("a licence to a token that is none, or that was made for something else", async () => {
    const { keyIds, play } = old;
    const forged = play.playToken.replace(/\.[^.]+$/, `.${Buffer.alloc(64, 1).toString("base64url")}`);
    refused(await askLicense(viewer, play, { keyIds, token: forged }), 401, "LICENSE_TOKEN_INVALID");
    for (const token of [
      viewer.session.current?.accessToken ?? "",
      /\/m\/([^/]+)\//.exec(play.manifests[0]?.uri ?? "")?.[1] ?? "",
    ]) {
      assert.notEqual(token, "");
      const answer = await askLicense(viewer, play, { keyIds, token });
      assert.deepEqual([answer.status, answer.reason], [401, "LICENSE_TOKEN_INVALID"]);
    }
  });

  it("a licence from another territory than the play's", async () => {
    const play = await start(viewer, (await firstFilm(cluster())).title.name);
    const answer = await askLicense(viewer, play, { keyIds: old.keyIds, territory: "DE" });
    refused(answer, 403, "LICENSE_TERRITORY");
    assert.match(answer.message, /US.*DE/);
    await stop(viewer, play);
  });

  it("a licence for keys of something else", async () => {
    const play = await start(viewer, (await firstFilm(cluster())).title.name);
    const answer = await askLicense(viewer, play, { keyIds: [randomUUID().replaceAll("-", "")] });
    refused(answer, 403, "LICENSE_KEY_NOT_GRANTED");
    await stop(viewer, play);
  });

  it("a licence, media and a new play after the end of the rights", async () => {
    // A token's end is a whole second (RFC 7519, NumericDate), so that it can be the end of the rights itself.
    const endTime = timestampFromMs(Math.ceil(Date.now() / 1000) * 1000 + 4_000);
    const title = await publishTitle(cluster(), asset, {
      displayTitle: "Only until tonight",
      availabilityWindows: [{ endTime }],
    });
    const play = await start(viewer, title.name);
    const url = manifestUrl(viewer, play, "dash");
    const { keyIds } = old;
    assert.equal((await fetch(url)).status, 200);
    assert.equal((await askLicense(viewer, play, { keyIds })).status, 200);
    const answer = await eventually("the rights end", async () => {
      const next = await askLicense(viewer, play, { keyIds });
      return next.status === 200 ? undefined : next;
    });
    refused(answer, 403, "LICENSE_RIGHTS_ENDED");
    assert.match(answer.message, /right to show this title ended/);
    const media = await fetch(url);
    assert.equal(media.status, 403);
    assert.match(await media.text(), /MEDIA_TOKEN_EXPIRED/);
    const again = await refusal(start(viewer, title.name));
    assert.deepEqual([again.reason, again.metadata.availability], ["TITLE_UNAVAILABLE", "TITLE_ENDED"]);
  });

  it("a play outside the title's territories, and before its window", async () => {
    const elsewhere = await publishTitle(cluster(), asset, {
      displayTitle: "Nur in Deutschland",
      availabilityWindows: [{ territories: ["DE"] }],
    });
    const there = await refusal(start(viewer, elsewhere.name));
    assert.deepEqual([there.reason, there.metadata.availability], ["TITLE_UNAVAILABLE", "TITLE_TERRITORY"]);
    const later = await publishTitle(cluster(), asset, {
      displayTitle: "Next year",
      availabilityWindows: [{ startTime: timestampFromMs(Date.now() + 3_600_000) }],
    });
    const early = await refusal(start(viewer, later.name));
    assert.deepEqual([early.reason, early.metadata.availability], ["TITLE_UNAVAILABLE", "TITLE_NOT_STARTED"]);
    assert.notEqual(early.message, there.message);
  });

  it("a play of an unpublished title; one that runs ends with its licences and its media", async () => {
    const title = await publishTitle(cluster(), asset, {
      displayTitle: "Here today",
      availabilityWindows: [{}],
    });
    const play = await start(viewer, title.name);
    await (await operatorOf(cluster())).platform.client(CatalogService).unpublishTitle({ name: title.name });
    const again = await refusal(start(viewer, title.name));
    assert.deepEqual([again.reason, again.metadata.availability], ["TITLE_UNAVAILABLE", "TITLE_NOT_PUBLISHED"]);
    await assertOver(play);
    const beat = await refusal(heartbeat(viewer, play));
    assert.deepEqual([beat.reason, beat.metadata.availability], ["TITLE_UNAVAILABLE", "TITLE_NOT_PUBLISHED"]);
  });

  it("everything to a play that was stopped, replaced, or begun by who has signed out or left for good", async () => {
    const title = (await firstFilm(cluster())).title.name;
    const person = await newViewer(cluster());
    const device = randomUUID();
    const stopped = await start(person, title, device);
    assert.equal((await askLicense(person, stopped, { keyIds: old.keyIds })).status, 200);
    assert.equal((await fetch(manifestUrl(person, stopped, "dash"))).status, 200);
    await stop(person, stopped);
    await assertOver(stopped);

    const plays = [];
    for (let count = 0; count < 4; count++) plays.push(await start(person, title, device));
    const last = plays.pop();
    assert.ok(last);
    for (const play of plays) {
      await assertOver(play);
      const beat = await refusal(heartbeat(person, play));
      assert.deepEqual([beat.reason, beat.metadata.end_reason], ["PLAY_SESSION_ENDED", "replaced"]);
    }
    assert.equal((await fetch(manifestUrl(person, last, "dash"))).status, 200);
    assert.equal((await askLicense(person, last, { keyIds: old.keyIds })).status, 200);

    await person.session.signOut();
    await assertOver(last);

    const leaving = await newViewer(cluster());
    const orphan = await start(leaving, title);
    assert.equal((await askLicense(leaving, orphan, { keyIds: old.keyIds })).status, 200);
    assert.equal((await fetch(manifestUrl(leaving, orphan, "dash"))).status, 200);
    await leaving.platform.client(ProfileService).deleteAccount({ proof: { case: "password", value: PASSWORD } });
    await assertOver(orphan);
  });

  it("one stream more than the plan has, until another one stops", async () => {
    const title = (await firstFilm(cluster())).title.name;
    const household = await newViewer(cluster());
    const first = await start(household, title);
    await start(household, title);
    const third = await refusal(start(household, title));
    assert.equal(third.reason, "STREAM_LIMIT_REACHED");
    assert.equal(third.metadata.max_streams, "2");
    await stop(household, first);
    await start(household, title);
  });

  it("a call with the access token of a session that was signed out, in whichever process it arrives", async () => {
    const leaving = await newViewer(cluster());
    const token = leaving.session.current?.accessToken ?? "";
    const headers = { authorization: `Bearer ${token}` };
    const stranger = newPlatform({ origin: cluster().origin });
    const asks = {
      profile: () => stranger.client(ProfileService).getAccount({}, { headers }),
      catalog: () => stranger.client(CatalogService).listTitles({}, { headers }),
      notification: () => stranger.client(NotificationService).listNotifications({}, { headers }),
    };
    for (const ask of Object.values(asks)) await ask();
    await leaving.session.signOut();
    for (const [module, ask] of Object.entries(asks)) {
      const reasonOf = (error: unknown) => (error instanceof MatineeError ? error.reason : "");
      await eventually(`${module} refuses it`, async () => (await ask().catch(reasonOf)) === "SESSION_ENDED");
    }
  });

  it("an address of media for another package or a changed token", async () => {
    const { play } = old;
    const url = manifestUrl(viewer, play, "dash");
    const changed = await fetch(url.replace(/\/m\/([^/]+)/, (_, token: string) => `/m/${token.slice(0, -4)}AAAA`));
    assert.deepEqual([changed.status, /MEDIA_TOKEN_INVALID/.test(await changed.text())], [403, true]);
    const other = await fetch(url.replace(/\/m\/([^/]+)\/[^/]+\//, `/m/$1/${randomUUID()}/`));
    assert.deepEqual([other.status, /MEDIA_TOKEN_INVALID/.test(await other.text())], [403, true]);
  });

  it("a licence to a grant that has expired", async function () {
    this.slow(60_000);
    const { keyIds, play } = old;
    const giveUpAt = performance.now() + 60_000;
    for (;;) {
      const answer = await askLicense(old.viewer, play, { keyIds });
      if (answer.status !== 200) {
        refused(answer, 401, "LICENSE_TOKEN_EXPIRED");
        break;
      }
      assert.ok(performance.now() < giveUpAt, "the token never expires");
      await new Promise((done) => setTimeout(done, 500));
    }
  });

  it("each with a message of its own, and a row in the audit log", async () => {
    assert.equal(new Set(answers.map(({ message }) => message)).size, answers.length);
    const { platform } = await operatorOf(cluster());
    const { licenseRecords } = await platform.client(LicenseService).listLicenseRecords({ pageSize: 200 });
    const recorded = new Set(licenseRecords.map(({ refusalReason }) => refusalReason));
    for (const { reason } of answers) {
      // Who brings no token of ours is counted, and fills no log.
      assert.equal(recorded.has(reason), reason !== "LICENSE_TOKEN_INVALID", `${reason} in the log`);
    }
    const { licenseRecords: own } = await platform
      .client(LicenseService)
      .listLicenseRecords({ playSession: old.play.playSession?.name ?? "" });
    assert.equal(own[0]?.refusalReason, "LICENSE_TOKEN_EXPIRED");
  });
});

inEveryTopology("a film that was handed in without protection", (cluster) => {
  it("plays over DASH and HLS without a licence", async () => {
    const path = await film({ seconds: 8, width: 640, height: 360, frameRate: "30000/1001" });
    const frames = await frameCount(path);
    const { title } = await importTitle(cluster(), path, { displayTitle: "In the clear" }, Protection.CLEAR);
    const viewer = await newViewer(cluster());
    const play = await start(viewer, title.name);
    assert.deepEqual(play.licenseServers, []);
    const tracks = await representations(viewer, play);
    assert.ok(tracks.every(({ keyId }) => keyId === ""));
    for (const { kind, url } of tracks) {
      if (kind !== "video") continue;
      assert.equal(await frameCount(await download(url)), frames);
    }
    const hls = manifestUrl(viewer, play, "hls");
    const listed = await ffmpeg(["-i", hls, "-map", "0:v:0", "-f", "framemd5", "-"]);
    assert.equal(listed.split("\n").filter((line) => line !== "" && !line.startsWith("#")).length, frames);
    await stop(viewer, play);
  });

  it("and its encrypted sister have playlists in which every byte range is there once, in order", async () => {
    const viewer = await newViewer(cluster());
    const { title } = await firstFilm(cluster());
    const play = await start(viewer, title.name);
    const { variants, renditions, media } = await readPlaylists(manifestUrl(viewer, play, "hls"));
    assert.ok(variants.length >= 2);
    assert.deepEqual(
      renditions
        .filter(({ type }) => type === "AUDIO")
        .map(({ language }) => language)
        .toSorted(),
      ["de", "en"],
    );
    assert.deepEqual(
      renditions.filter(({ type }) => type === "SUBTITLES").map(({ language }) => language),
      ["en"],
    );
    const videos = media.filter(({ kind }) => kind === "variant");
    const durations = videos.map(({ segments }) => segments.map(({ seconds }) => seconds));
    for (const list of durations) assert.deepEqual(list, durations[0], "segments begin together in all renditions");
    for (const { kind, isEncrypted } of media) assert.equal(isEncrypted, kind !== "SUBTITLES");
    await stop(viewer, play);
  });
});
