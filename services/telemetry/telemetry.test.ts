import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { WireType } from "@bufbuild/protobuf/wire";
import { durationFromMs, durationMs, timestampFromDate } from "@bufbuild/protobuf/wkt";
import { PlayGrantSchema } from "#gen/matinee/playback/v1/play_grant_pb";
import { QualityAlertSchema } from "#gen/matinee/telemetry/v1/events_pb";
import { PlayerEventSchema, RecordedPlayerEventsSchema } from "#gen/matinee/telemetry/v1/player_event_pb";
import { type QualitySummary, TelemetryService } from "#gen/matinee/telemetry/v1/telemetry_service_pb";
import { eventually } from "#pkg/testkit/eventually";
import {
  account,
  messageClaim,
  openModules,
  operator,
  playSession,
  profile,
  type TestPlatform,
} from "#pkg/testkit/module";
import { refused } from "#pkg/testkit/refused";
import { telemetry } from "./module.ts";

type EventInit = MessageInitShape<typeof PlayerEventSchema>;

describe("telemetry", () => {
  let platform: TestPlatform;

  before(async () => {
    platform = await openModules([telemetry], {
      settings: {
        TELEMETRY_SESSION_SILENCE: "1s",
        TELEMETRY_ALERT_INTERVAL: "100ms",
        TELEMETRY_ALERT_MIN_SESSIONS: "3",
        TELEMETRY_ALERT_REBUFFER_RATIO: "0.5",
      },
    });
  });

  after(() => platform?.[Symbol.asyncDispose]());

  it("takes events of the token's own session only", async () => {
    const play = newPlay();
    const other = `playSessions/${randomUUID()}`;
    const request = play.client.recordPlayerEvents({ playSession: other, events: events([pressed()]) });
    await assert.rejects(request, refused("TELEMETRY_SESSION_MISMATCH"));
    for (const [as, reason] of [
      [undefined, "SIGN_IN_REQUIRED"],
      [account(), "PROFILE_REQUIRED"],
      [profile(), "TELEMETRY_SESSION_MISMATCH"],
    ] as const) {
      const client = platform.client(TelemetryService, as === undefined ? {} : { as });
      const recorded = client.recordPlayerEvents({ playSession: play.session, events: events([pressed()]) });
      await assert.rejects(recorded, refused(reason));
    }
    const { acceptedCount } = await play.client.recordPlayerEvents({
      playSession: play.session,
      events: events([pressed(), firstFrame(100)]),
    });
    assert.equal(acceptedCount, 2);
  });

  it("answers quality to operators who may read it only", async () => {
    for (const [as, reason] of [
      [account(), "ACCESS_DENIED"],
      [operator(["assets.read"]), "PERMISSION_MISSING"],
    ] as const) {
      const request = platform.client(TelemetryService, { as }).getQualitySummary({});
      await assert.rejects(request, refused(reason));
    }
  });

  it("sums up sessions by the published formulae", async () => {
    const title = `titles/${randomUUID()}`;
    // Three that play, at 1 and 3 Mb/s, with stalls.
    for (const [startupMs, bitsPerSecond] of [
      [200, 1_000_000],
      [400, 1_000_000],
      [3000, 3_000_000],
    ] as const) {
      await newPlay(title).record([
        pressed(),
        firstFrame(startupMs),
        sample({ playingMs: 10_000, stalledMs: 0, bitsPerSecond }),
        rebuffered(500),
        rebuffered(500),
        sample({ playingMs: 20_000, stalledMs: 1000, bitsPerSecond }),
        ended({ playingMs: 24_000, stalledMs: 1000 }),
      ]);
    }
    await newPlay(title).record([pressed(), ended({ playingMs: 0, stalledMs: 0 })]);
    await newPlay(title).record([pressed(), failed({ isFatal: true })]);
    await newPlay(title).record([pressed(), failed({ isFatal: true, isBusinessException: true })]);
    await newPlay(title).record([pressed(), firstFrame(400), failed({ isFatal: false }), failed({ isFatal: true })]);
    // Pressed play and has said nothing since: left, once it is silent for long enough.
    await newPlay(title).record([pressed()]);

    const summary = await summaryOf(title, (one) => one.viewCount === 8n && one.exitBeforeStartCount === 2n);
    assert.equal(summary.startedCount, 4n);
    assert.equal(ms(summary.medianStartupTime), 400);
    assert.equal(ms(summary.p95StartupTime), 3000);
    assert.equal(ms(summary.playingTime), 72_000);
    assert.equal(summary.rebufferRatio, 3 / 75);
    assert.equal(summary.rebufferCountPerHour, 6 / (72 / 3600));
    assert.equal(summary.startupFailureCount, 1n);
    assert.equal(summary.playbackFailureCount, 1n);
    assert.equal(summary.businessExceptionCount, 1n);
    assert.equal(summary.averageBitsPerSecond, 1_666_667n);
  });

  it("counts the start that came to no play, by its reason and the time it took", async () => {
    const title = `titles/${randomUUID()}`;
    await newPlay(title).record([pressed(), firstFrame(100)]);
    const failure = { isFatal: true, elapsedTime: durationFromMs(2500) };
    await newView(title).record([pressed(), failed(failure)]);
    await newView(title).record([pressed(), failed({ ...failure, elapsedTime: durationFromMs(500) })]);
    // The same click once more, after the network came back: one view.
    const again = newView(title);
    for (let i = 0; i < 2; i++) await again.record([pressed(), failed(failure)]);
    // Refused by the rules: no failure, also where something broke beside it.
    await newView(title).record([pressed(), failed({ isFatal: true, isBusinessException: true })]);
    await newView(title).record([pressed(), failed({ isFatal: true, isBusinessException: true }), failed(failure)]);
    await newView(title).record([pressed(), ended({ playingMs: 60_000, stalledMs: 60_000 })]);
    const summary = await summaryOf(title, (one) => one.viewCount === 7n && one.exitBeforeStartCount === 1n);
    assert.equal(summary.startedCount, 1n);
    assert.equal(summary.startupFailureCount, 3n);
    assert.equal(summary.startupFailureRatio, 3 / 4);
    assert.equal(ms(summary.medianStartupFailureTime), 2500);
    assert.equal(summary.businessExceptionCount, 2n);
    assert.equal(summary.playbackFailureCount, 0n);
    // Whatever is claimed of a view that came to nothing, nothing was played.
    assert.equal(ms(summary.playingTime), 0);
    assert.equal(summary.rebufferRatio, 0);
  });

  it("lets nobody tell of another's view, of a play without its token, or of pictures without a play", async () => {
    const title = `titles/${randomUUID()}`;
    const play = newPlay(title);
    await play.record([pressed(), firstFrame(100)]);
    // Ids that are known to others: those of the play and of somebody's view.
    const viewId = play.session.slice("playSessions/".length);
    for (let i = 0; i < 2; i++) await newView(title, { viewId }).record([failed({ isFatal: true })]);
    const summary = await summaryOf(title, (one) => one.startupFailureCount === 2n);
    assert.equal(summary.startedCount, 1n);
    assert.equal(summary.playbackFailureCount, 0n);
    const refusals: readonly (readonly [Parameters<typeof newView>[1], EventInit, string])[] = [
      [{ playSession: play.session }, pressed(), "TELEMETRY_SESSION_MISMATCH"],
      [{ viewId: "" }, pressed(), "TELEMETRY_VIEW_INCOMPLETE"],
      [{ title: "" }, pressed(), "TELEMETRY_VIEW_INCOMPLETE"],
      [{}, firstFrame(1), "TELEMETRY_EVENT_NEEDS_PLAY"],
      [{}, rebuffered(1), "TELEMETRY_EVENT_NEEDS_PLAY"],
      [{}, sample({ playingMs: 1, stalledMs: 1, bitsPerSecond: 1 }), "TELEMETRY_EVENT_NEEDS_PLAY"],
    ];
    for (const [about, event, reason] of refusals) {
      await assert.rejects(newView(title, about).record([pressed(), event]), refused(reason));
    }
    // What a newer player tells is kept here as well.
    assert.equal((await newView(title).record([pressed(), {}])).unknownCount, 1);
  });

  it("counts nothing twice, whatever comes again, late or out of order", async () => {
    const title = `titles/${randomUUID()}`;
    const play = newPlay(title);
    const all = events([
      pressed(),
      firstFrame(250),
      sample({ playingMs: 10_000, stalledMs: 0, bitsPerSecond: 1_000_000 }),
      rebuffered(1000),
      sample({ playingMs: 20_000, stalledMs: 1000, bitsPerSecond: 2_000_000 }),
      ended({ playingMs: 20_000, stalledMs: 1000 }),
    ]);
    for (const batch of [all.slice(3), all, all.slice(0, 2), [...all].reverse()]) {
      await play.client.recordPlayerEvents({ playSession: play.session, events: batch });
    }
    // What is recorded later under the same key is counted later.
    await play.record([rebuffered(1)], 100);
    const summary = await summaryOf(title, (one) => one.rebufferCountPerHour > 200);
    assert.equal(summary.viewCount, 1n);
    assert.equal(ms(summary.playingTime), 20_000);
    assert.equal(summary.rebufferCountPerHour, 2 / (20 / 3600));
    assert.equal(summary.averageBitsPerSecond, 1_500_000n);
  });

  it("takes nonsense from a broken player without spoiling the sums or holding up the others", async () => {
    const title = `titles/${randomUUID()}`;
    await newPlay(title).record([
      pressed({ player: "broken\0player" }),
      firstFrame(300),
      { event: { case: "sample", value: { playingTime: { seconds: 9_000_000_000n }, bitsPerSecond: 2n ** 62n } } },
    ]);
    await newPlay(title).record([pressed(), firstFrame(300)]);
    const summary = await summaryOf(title, (one) => one.startedCount === 2n);
    assert.ok(ms(summary.playingTime) <= 24 * 3_600_000);
    assert.ok(summary.averageBitsPerSecond <= 1_000_000_000n);
  });

  it("takes what a newer player tells beside what it knows, says how much of it, and keeps it in the log", async () => {
    const title = `titles/${randomUUID()}`;
    const play = newPlay(title);
    const [first, unknown, last] = events([pressed(), {}, firstFrame(100)]).map((one) =>
      create(PlayerEventSchema, one),
    );
    assert.ok(first && unknown && last);
    unknown.$unknown = [{ no: 99, wireType: WireType.LengthDelimited, data: Buffer.from("\u0005newer") }];
    const request = { playSession: play.session, events: [first, unknown, last] };
    const answer = await play.client.recordPlayerEvents(request);
    assert.deepEqual([answer.acceptedCount, answer.unknownCount], [3, 1]);
    await summaryOf(title, (summary) => summary.startedCount === 1n);
    const kept = platform.events(RecordedPlayerEventsSchema).find((one) => one.playSession === play.session);
    assert.deepEqual(
      kept?.events.flatMap((event) => event.$unknown?.map(({ no }) => no) ?? []),
      [99],
    );
  });

  it("keeps to the span that was asked for", async () => {
    const title = `titles/${randomUUID()}`;
    await newPlay(title).record([pressed(), firstFrame(300)]);
    await summaryOf(title, (one) => one.viewCount === 1n);
    const client = platform.client(TelemetryService, { as: operator(["quality.read"]) });
    const hourAgo = timestampFromDate(new Date(Date.now() - 3_600_000));
    const before = await client.getQualitySummary({ title, endTime: hourAgo });
    assert.equal(before.summary?.viewCount, 0n);
    assert.equal(before.summary?.medianStartupTime, undefined);
    const since = await client.getQualitySummary({ title, startTime: hourAgo });
    assert.equal(since.summary?.viewCount, 1n);
    const inverted = client.getQualitySummary({ startTime: timestampFromDate(new Date()), endTime: hourAgo });
    await assert.rejects(inverted, refused("QUALITY_SPAN_INVALID"));
  });

  it("raises one alert for a title that stalls more than is allowed", async () => {
    const title = `titles/${randomUUID()}`;
    for (let i = 0; i < 3; i++) {
      await newPlay(title).record([
        pressed(),
        firstFrame(100),
        sample({ playingMs: 1000, stalledMs: 3000, bitsPerSecond: 1 }),
      ]);
    }
    const alert = await platform.nextEvent(QualityAlertSchema, (one) => one.title === title);
    assert.equal(alert.metric, "rebuffer_ratio");
    assert.equal(alert.value, 0.75);
    assert.equal(alert.threshold, 0.5);
    await newPlay(title).record([
      pressed(),
      firstFrame(100),
      sample({ playingMs: 1, stalledMs: 3000, bitsPerSecond: 1 }),
    ]);
    await summaryOf(title, (one) => one.startedCount === 4n);
    // Another title's alert comes after the checks that could have repeated this one.
    const next = `titles/${randomUUID()}`;
    for (let i = 0; i < 3; i++) {
      await newPlay(next).record([firstFrame(100), sample({ playingMs: 1000, stalledMs: 3000, bitsPerSecond: 1 })]);
    }
    await platform.nextEvent(QualityAlertSchema, (one) => one.title === next);
    assert.equal(platform.events(QualityAlertSchema).filter((one) => one.title === title).length, 1);
  });

  function newPlay(title = `titles/${randomUUID()}`) {
    const session = `playSessions/${randomUUID()}`;
    const grant = messageClaim(PlayGrantSchema, { playSession: session, title, territory: "US" });
    const claims = { use: "play", grant };
    const client = platform.client(TelemetryService, { as: playSession(claims) });
    return {
      session,
      client,
      record: (list: readonly EventInit[], firstSequence = 0) =>
        client.recordPlayerEvents({ playSession: session, events: events(list, firstSequence) }),
    };
  }

  /** A click on play that came to no session, told by a profile of its own. */
  function newView(title: string, about: { viewId?: string; title?: string; playSession?: string } = {}) {
    const client = platform.client(TelemetryService, { as: profile() });
    const view = { viewId: randomUUID(), title, ...about };
    return { record: (list: readonly EventInit[]) => client.recordPlayerEvents({ ...view, events: events(list) }) };
  }

  function summaryOf(title: string, matches: (summary: QualitySummary) => boolean): Promise<QualitySummary> {
    const client = platform.client(TelemetryService, { as: operator(["quality.read"]) });
    let last: QualitySummary | undefined;
    return eventually("the summary says so", async () => {
      last = (await client.getQualitySummary({ title })).summary;
      return last !== undefined && matches(last) ? last : undefined;
    });
  }
});

function events(list: readonly EventInit[], firstSequence = 0): EventInit[] {
  return list.map((event, i) => ({
    id: randomUUID(),
    sequence: firstSequence + i,
    occurTime: timestampFromDate(new Date()),
    ...event,
  }));
}

function pressed(value = { player: "test 1.0" }): EventInit {
  return { event: { case: "playRequested", value } };
}

function firstFrame(startupMs: number): EventInit {
  return { event: { case: "firstFrame", value: { startupTime: durationFromMs(startupMs) } } };
}

function rebuffered(stallMs: number): EventInit {
  return { event: { case: "rebufferEnded", value: { stallDuration: durationFromMs(stallMs) } } };
}

function sample(of: { playingMs: number; stalledMs: number; bitsPerSecond: number }): EventInit {
  return {
    event: {
      case: "sample",
      value: {
        playingTime: durationFromMs(of.playingMs),
        stalledTime: durationFromMs(of.stalledMs),
        bitsPerSecond: BigInt(of.bitsPerSecond),
        height: 720,
      },
    },
  };
}

function failed(value: {
  isFatal: boolean;
  isBusinessException?: boolean;
  elapsedTime?: ReturnType<typeof durationFromMs>;
}): EventInit {
  return { event: { case: "playerError", value: { code: "3016", message: "decode", ...value } } };
}

function ended(of: { playingMs: number; stalledMs: number }): EventInit {
  return {
    event: {
      case: "playEnded",
      value: { playingTime: durationFromMs(of.playingMs), stalledTime: durationFromMs(of.stalledMs) },
    },
  };
}

function ms(duration: Parameters<typeof durationMs>[0] | undefined): number {
  assert.ok(duration);
  return durationMs(duration);
}
