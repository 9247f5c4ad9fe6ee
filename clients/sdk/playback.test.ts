import assert from "node:assert/strict";
import { setImmediate as turn } from "node:timers/promises";
import { Code } from "@connectrpc/connect";
import { MatineeError, toMatineeError } from "./errors.ts";
import { KeySystem, ManifestFormat } from "./gen/matinee/common/v1/media_pb.ts";
import { PlaybackService } from "./gen/matinee/playback/v1/playback_service_pb.ts";
import { type RecordPlayerEventsRequest, TelemetryService } from "./gen/matinee/telemetry/v1/telemetry_service_pb.ts";
import { newPlatform, type TokenSource } from "./platform.ts";
import { askForPlay, giveBackPlay, type StartOptions, startPlayback } from "./playback.ts";
import { isMeant, Telemetry } from "./telemetry.ts";
import { refusal, startRpcServer } from "./testing/rpc-server.ts";
import { toSeconds } from "./time.ts";

type Batch = Pick<RecordPlayerEventsRequest, "playSession" | "viewId" | "title" | "events"> & {
  readonly token: string | null;
};

async function startPlayer() {
  const beats: { readonly token: string | null; readonly seconds: number; readonly isPaused: boolean }[] = [];
  const stops: number[] = [];
  const stored = new Map<string, number>();
  const control = { refuseBeat: undefined as string | undefined, busyBatches: 0, onBatch: (_: Batch) => {} };
  const server = await startRpcServer((router) => {
    router.service(PlaybackService, {
      startPlayback({ title }) {
        if (title.endsWith("gone")) throw refusal(Code.FailedPrecondition, "TITLE_UNAVAILABLE", "it has left");
        return {
          playSession: { name: "playSessions/1", displayTitle: "Film" },
          manifests: [
            { format: ManifestFormat.DASH, uri: "https://cdn.example.test/m/token/hd.mpd" },
            { format: ManifestFormat.DASH, uri: "/m/token/hd.mpd" },
            { format: 99 as ManifestFormat, uri: "/m/token/hd.newer" },
          ],
          licenseServers: [
            { keySystem: KeySystem.CLEARKEY, uri: "/license/clearkey?session=1", emeNames: ["org.w3.clearkey"] },
            {
              keySystem: KeySystem.WIDEVINE,
              uri: "https://drm.example.test/widevine?session=1",
              headers: { "x-entitlement": "film" },
              emeNames: ["com.widevine.alpha"],
            },
          ],
          playToken: "token-0",
          heartbeatInterval: { seconds: 0n, nanos: 10_000_000 },
          resumePosition: { seconds: 12n },
        };
      },
      heartbeat({ position, isPaused }, context) {
        const token = context.requestHeader.get("authorization");
        beats.push({ token, seconds: Number(position?.seconds), isPaused });
        if (control.refuseBeat !== undefined) throw refusal(Code.FailedPrecondition, control.refuseBeat);
        // Every other time the one that came is good for longer.
        const playToken = beats.length % 2 === 1 ? `token-${beats.length}` : "";
        return { playToken, heartbeatInterval: { seconds: 0n, nanos: 10_000_000 } };
      },
      stopPlayback({ position }) {
        stops.push(Number(position?.seconds));
        return {};
      },
    });
    router.service(TelemetryService, {
      recordPlayerEvents(request, context) {
        if (control.busyBatches-- > 0) throw refusal(Code.Unavailable, "DRAINING");
        const { events } = request;
        control.onBatch({ ...request, token: context.requestHeader.get("authorization") });
        for (const { id, sequence } of events) stored.set(id, sequence);
        return { acceptedCount: events.length };
      },
    });
  });
  return Object.assign(server, { beats, stops, stored, control });
}

const device = { id: "device-1", displayName: "a test" };

const TITLE = "titles/1";
const GONE = "titles/gone";
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const viewer: TokenSource = { accessToken: async () => "viewer", refresh: async () => undefined };

/** What is told of a view of the title. */
const newTelemetry = (server: Parameters<typeof newPlatform>[0], title = TITLE) =>
  new Telemetry({ platform: newPlatform(server), title });

/** A play at its beginning, of a film that is there; what is given is otherwise. */
async function start(
  server: Parameters<typeof newPlatform>[0],
  { title = TITLE, ...otherwise }: Partial<StartOptions> & { readonly title?: string } = {},
) {
  const platform = newPlatform(server);
  return startPlayback({
    ...{ platform, asked: await askForPlay(platform, title, device), telemetry: newTelemetry(server) },
    position: () => ({ seconds: 0, isPaused: false }),
    onEnded: () => undefined,
    ...otherwise,
  });
}

describe("startPlayback", () => {
  it("answers what a player needs, with absolute addresses", async () => {
    await using server = await startPlayer();
    const play = await start(server);
    assert.deepEqual(play.manifests, [
      { format: "dash", url: "https://cdn.example.test/m/token/hd.mpd" },
      { format: "dash", url: `${server.origin}/m/token/hd.mpd` },
    ]);
    assert.deepEqual(
      play.licenseServers.map(({ url }) => url),
      [`${server.origin}/license/clearkey?session=1`, "https://drm.example.test/widevine?session=1"],
    );
    assert.equal(play.resumeSeconds, 12);
    await play.stop();
  });

  it("gives the play token to the edge's own origin only, and to each licence server its own headers", async () => {
    await using server = await startPlayer();
    const play = await start(server);
    const [own, vendor] = play.licenseServers;
    assert.ok(own && vendor);
    assert.match(play.licenseHeaders(own.url).authorization ?? "", /^Bearer token-/);
    assert.deepEqual(play.licenseHeaders(vendor.url), { "x-entitlement": "film" });
    const others = [
      "https://elsewhere.example.test/license",
      server.origin.replace("http:", "https:"),
      "http://127.0.0.1.example.test/license",
    ];
    for (const url of others) assert.deepEqual(play.licenseHeaders(url), {}, url);
    await play.stop();
  });

  it("keeps the slot with the token of the beat before, tells the position, and frees the slot at the end", async () => {
    await using server = await startPlayer();
    const position = { seconds: 7, isPaused: true };
    const play = await start(server, { position: () => position });
    while (server.beats.length < 3) await turn();
    assert.deepEqual(server.beats[0], { token: "Bearer token-0", seconds: 7, isPaused: true });
    assert.equal(server.beats[1]?.token, "Bearer token-1");
    assert.equal(server.beats[2]?.token, "Bearer token-1");
    position.seconds = 9;
    await play.stop();
    assert.deepEqual(server.stops, [9]);
    const beats = server.beats.length;
    await play.stop();
    assert.equal(server.beats.length, beats);
    assert.deepEqual(server.stops, [9]);
  });

  it("ends with the service's reason, and says whether starting again may help", async () => {
    for (const [reason, canRestart] of [
      ["TITLE_ENDED", false],
      ["TOKEN_EXPIRED", true],
    ] as const) {
      await using server = await startPlayer();
      server.control.refuseBeat = reason;
      const ended = await new Promise<readonly [string, boolean]>((resolve, reject) => {
        start(server, { onEnded: (error, restart) => resolve([error.reason, restart]) }).catch(reject);
      });
      assert.deepEqual(ended, [reason, canRestart]);
    }
  });

  it("is given back where it stopped, by whoever asked and does not want it any more", async () => {
    await using server = await startPlayer();
    const platform = newPlatform(server);
    await giveBackPlay(platform, await askForPlay(platform, "titles/1", device));
    assert.deepEqual(server.stops, [12]);
  });

  it("throws the refusal of a film that may not be watched", async () => {
    await using server = await startPlayer();
    await assert.rejects(
      start(server, { title: GONE }),
      (error) => error instanceof MatineeError && error.message === "it has left",
    );
  });
});

describe("Telemetry", () => {
  it("keeps events until the service has stored them, each once", async () => {
    await using server = await startPlayer();
    server.control.busyBatches = 4;
    const telemetry = newTelemetry(server);
    const play = await start(server, { telemetry });
    for (let index = 0; index < 250; index++) {
      telemetry.record({ case: "playRequested", value: { player: "test" } }, index);
    }
    await telemetry.flush();
    assert.equal(server.stored.size, 0);
    while (server.stored.size < 250) await telemetry.flush();
    assert.deepEqual(
      [...server.stored.values()],
      Array.from({ length: 250 }, (_, index) => index),
    );
    await play.stop();
  });

  it("makes room by dropping the oldest samples, never what happened", async () => {
    await using server = await startPlayer();
    const telemetry = newTelemetry(server);
    const play = await start(server, { telemetry });
    const zero = { seconds: 0n, nanos: 0 } as never;
    telemetry.record({ case: "playRequested", value: { player: "test" } }, 0);
    for (let index = 0; index < 600; index++) {
      telemetry.record(
        {
          case: "sample",
          value: { playingTime: zero, stalledTime: zero, bitsPerSecond: 1n, height: 720, droppedFrames: 0 },
        },
        index,
      );
    }
    await telemetry.flush();
    const sequences = [...server.stored.values()];
    assert.equal(sequences.length, 500);
    assert.equal(sequences[0], 0);
    assert.equal(sequences.at(-1), 600);
    await play.stop();
  });

  it("tells of a start that came to no play as the viewer, with its reason and the time it took", async () => {
    await using server = await startPlayer();
    const told: Batch[] = [];
    server.control.onBatch = (batch) => told.push(batch);
    server.control.busyBatches = 1;
    const telemetry = newTelemetry({ ...server, tokens: viewer }, GONE);
    telemetry.record({ case: "playRequested", value: { player: "test" } }, 0);
    const refused = await start(server, { title: GONE, telemetry }).then(
      () => assert.fail("it started"),
      toMatineeError,
    );
    // Until it is known what the start comes to, as after this refusal it is not, nothing is told.
    await telemetry.flush();
    assert.equal(server.stored.size, 0);
    telemetry.recordFailure(refused, 0, 1500);
    telemetry.tellAsView();
    while (server.stored.size < 2) await turn();
    const [batch] = told;
    assert.ok(batch);
    assert.deepEqual([batch.playSession, batch.title, batch.token], ["", GONE, "Bearer viewer"]);
    assert.match(batch.viewId, UUID);
    const failure = batch.events[1]?.event;
    assert.ok(failure?.case === "playerError");
    const { code, isFatal, isBusinessException, elapsedTime } = failure.value;
    assert.deepEqual([code, isFatal, isBusinessException], ["TITLE_UNAVAILABLE", true, true]);
    assert.equal(toSeconds(elapsedTime), 1.5);
  });

  it("tells a play's events with the play's token, also those of before it began", async () => {
    await using server = await startPlayer();
    const told: Batch[] = [];
    server.control.onBatch = (batch) => told.push(batch);
    const telemetry = newTelemetry({ ...server, tokens: viewer });
    telemetry.record({ case: "playRequested", value: { player: "test" } }, 0);
    const play = await start(server, { telemetry });
    // Too late: it is a play's.
    telemetry.tellAsView();
    await play.stop();
    assert.deepEqual(
      told.map(({ playSession, viewId, events }) => [playSession, viewId, events.length]),
      [["playSessions/1", "", 1]],
    );
    assert.match(told[0]?.token ?? "", /^Bearer token-/);
  });

  it("takes for failures what the rules do not mean", () => {
    const meant = (reason: string, metadata: Record<string, string> = {}) =>
      isMeant(new MatineeError({ code: Code.FailedPrecondition, reason, message: "", metadata }));
    for (const reason of ["TITLE_UNAVAILABLE", "STREAM_LIMIT_REACHED", "LICENSE_TERRITORY", "LICENSE_RIGHTS_ENDED"]) {
      assert.ok(meant(reason), reason);
    }
    assert.ok(meant("PLAY_SESSION_ENDED", { end_reason: "rights_ended" }));
    for (const reason of ["UNREACHABLE", "LICENSE_TOKEN_INVALID", "FORMAT_UNAVAILABLE", "PLAY_SESSION_ENDED"]) {
      assert.ok(!meant(reason), reason);
    }
    // Published, but nothing of it can be played: somebody has to look.
    assert.ok(!meant("TITLE_UNAVAILABLE", { availability: "TITLE_NOT_PLAYABLE" }));
  });
});
