import assert from "node:assert/strict";
import { ladderOf } from "../ladder.ts";
import type { PlannedTask, Rational } from "./job.ts";
import { type PlanOptions, planJob, whyUnusable } from "./plan.ts";
import type { SourceMedia } from "./source.ts";
import { cutForWorkers, gopFramesOf, groupStarts, mergeEvenly } from "./spans.ts";

const NTSC: Rational = { num: 30_000, den: 1001 };
const OPTIONS: PlanOptions = {
  preset: "veryfast",
  gopSeconds: 2,
  chunkSeconds: 10,
  firstLookSeconds: 300,
  audioBitsPerSecond: 128_000,
  workers: 2,
  now: new Date("2026-01-01T00:00:00Z"),
};

function film(frameCount: number, more: Partial<SourceMedia["video"]> = {}): SourceMedia {
  return {
    video: { width: 1920, height: 1080, frameRate: NTSC, frameCount, keyframes: [], ...more },
    audio: [
      { streamIndex: 1, language: "de", isDefault: false, isDescription: false, title: "" },
      { streamIndex: 2, language: "en", isDefault: true, isDescription: false, title: "" },
    ],
    text: [{ streamIndex: 3, language: "en", isDefault: false, isForced: false, isSdh: true, title: "" }],
  };
}

function plan(media: SourceMedia, options: Partial<PlanOptions> = {}) {
  return planJob(media, ladderOf(media.video, 2160), { ...OPTIONS, ...options });
}

type Encode = Extract<PlannedTask["work"], { kind: "encode_video" }>;

/** Frames that each track's encode tasks cover, in order. */
function coverage(tasks: readonly PlannedTask[], track: string): Encode[] {
  return tasks
    .flatMap(({ work }) => (work.kind === "encode_video" && work.targets.some((t) => t.track === track) ? [work] : []))
    .toSorted((a, b) => a.firstFrame - b.firstFrame);
}

function assertCovers(spans: readonly { firstFrame: number; frameCount: number }[], frameCount: number): void {
  let next = 0;
  for (const span of spans) {
    assert.equal(span.firstFrame, next);
    assert.ok(span.frameCount > 0);
    next += span.frameCount;
  }
  assert.equal(next, frameCount);
}

describe("the plan of a job", () => {
  it("covers every frame of every rendition exactly once, with groups at the same frames", () => {
    for (const frameCount of [2, 59, 61, 299, 301, 1798, 5000, 100_000]) {
      const keyframes = Array.from({ length: Math.ceil(frameCount / 250) }, (_, i) => i * 250);
      for (const media of [film(frameCount), film(frameCount, { keyframes })]) {
        const { tasks, tracks, gopFrames } = plan(media);
        const starts = tracks
          .filter(({ track }) => track.kind === "video")
          .map(({ track }) => {
            const spans = coverage(tasks, track.id);
            assertCovers(spans, frameCount);
            return spans
              .flatMap((span) => groupStarts({ gopFrames }, span).map((frame) => span.firstFrame + frame))
              .join();
          });
        assert.equal(new Set(starts).size, 1, `${frameCount} frames`);
      }
    }
  });

  it("encodes the lowest rendition once, as the first look, and the others from one decoding of each chunk", () => {
    const { tasks } = plan(film(1798));
    const looks = tasks.filter(({ work }) => work.kind === "encode_video" && work.isFirstLook);
    assert.equal(looks.length, OPTIONS.workers);
    assert.ok(looks.every((task) => task.priority === 0 && task.tracks.join() === "video-240p"));
    const chunks = tasks.filter(({ work }) => work.kind === "encode_video" && !work.isFirstLook);
    for (const { tracks } of chunks) {
      assert.deepEqual(tracks, ["video-360p", "video-480p", "video-720p", "video-1080p"]);
    }
    const [chunk] = chunks;
    assert.ok(chunk?.work.kind === "encode_video");
    assert.equal(chunk.work.targets[0]?.height, 1080, "largest first, for the cascade");
  });

  it("never scales up, and looks at a film of one rendition or of a few seconds only once", () => {
    const small = plan(film(3000, { width: 426, height: 240 }));
    assert.deepEqual(
      small.tracks.filter(({ track }) => track.kind === "video").map(({ track }) => track.height),
      [240],
    );
    for (const { tasks } of [small, plan(film(150))]) {
      assert.ok(tasks.every(({ work }) => work.kind !== "encode_video" || !work.isFirstLook));
    }
  });

  it("takes pictures from the inner part of a film, where neither titles nor credits stand, each from another place", () => {
    for (const seconds of [20, 300, 7200]) {
      const { tasks } = plan(film(Math.round((seconds * NTSC.num) / NTSC.den)));
      const places = tasks.flatMap(({ work }) => (work.kind === "take_posters" ? work.positionsSeconds : []));
      const margin = Math.min(60, seconds / 5);
      assert.ok(places.length >= 5 && new Set(places).size === places.length);
      assert.ok(
        places.every((place) => place >= margin && place <= seconds - margin),
        places.join(),
      );
    }
  });

  it("puts what a viewer needs first before everything else, and sound before the pictures that wait for it", () => {
    const { tasks } = plan(film(1798));
    const order = tasks
      .filter((task) => task.state === "ready")
      .toSorted((a, b) => a.priority - b.priority || a.rank - b.rank)
      .map(({ work, tracks }) => `${work.kind} ${tracks[0] ?? ""}`);
    assert.deepEqual(order.slice(0, 6), [
      "take_posters ",
      "encode_audio audio-en-2",
      "extract_text text-en-3",
      "encode_video video-240p",
      "encode_video video-240p",
      "encode_audio audio-de-1",
    ]);
  });

  it("keeps chunks in film order", () => {
    const chunks = plan(film(20_000)).tasks.filter(({ work }) => work.kind === "encode_video" && !work.isFirstLook);
    const starts = chunks.toSorted((a, b) => a.rank - b.rank).map(({ work }) => (work as Encode).firstFrame);
    assert.deepEqual(
      starts,
      starts.toSorted((a, b) => a - b),
    );
  });

  it("makes a later short film overtake a long one, but not everything of it", () => {
    const long = plan(film(200_000)).tasks.filter(({ priority }) => priority === 1);
    const later = new Date(OPTIONS.now.getTime() + 600_000);
    const short = plan(film(1798), { now: later }).tasks.filter(({ priority }) => priority === 1);
    const lastOfShort = Math.max(...short.map(({ rank }) => rank));
    const before = long.filter(({ rank }) => rank < lastOfShort).length;
    assert.ok(before > 0 && before < long.length / 2, `${before} of ${long.length}`);
  });

  it("of the longest film, with as many keyframes as an event carries, has a bounded number of tasks", () => {
    for (const [frames, most] of [
      [24 * 3600 * 60, 20_100],
      [7 * 24 * 3600 * 120, 40_100],
    ] as const) {
      const keyframes = Array.from({ length: 20_000 }, (_, i) => Math.round((i * frames) / 20_000));
      const media = film(frames, { keyframes, frameRate: { num: 60, den: 1 } });
      assert.equal(whyUnusable(media), undefined);
      const { tasks } = plan(media, { chunkSeconds: 2 });
      assertCovers(coverage(tasks, "video-1080p"), frames);
      assert.ok(tasks.length < most, `${tasks.length} tasks`);
    }
  });

  it("is not made for what no inspection lets pass", () => {
    const sound = { streamIndex: 1, language: "en", isDefault: false, isDescription: false, title: "" };
    const caption = { streamIndex: 1, language: "en", isDefault: false, isForced: false, isSdh: false, title: "" };
    assert.match(whyUnusable(film(75_000_002 * 25)) ?? "", /more than 72576000 frames/);
    assert.match(whyUnusable(film(50, { height: 64_000_000 })) ?? "", /larger than 32768 pixels/);
    assert.match(whyUnusable({ ...film(50), audio: Array.from({ length: 600 }, () => sound) }) ?? "", /sound tracks/);
    assert.match(whyUnusable({ ...film(50), text: Array.from({ length: 600 }, () => caption) }) ?? "", /text tracks/);
    assert.equal(whyUnusable(film(50)), undefined);
  });

  it("names and flags tracks as a menu needs them", () => {
    const { tracks } = plan(film(1798));
    const menu = tracks.map(({ track }) => `${track.id} ${track.label}${track.isDefault ? " *" : ""}`);
    assert.deepEqual(menu.slice(-3), ["audio-de-1 Deutsch", "audio-en-2 English *", "text-en-3 English (SDH)"]);
  });
});

describe("spans", () => {
  const gopFrames = gopFramesOf(NTSC, 2);
  const of = (frameCount: number, keyframes: readonly number[] = []) => ({ frameCount, gopFrames, keyframes });

  it("shrink towards the end, so that no worker waits long for another", () => {
    const lengths = cutForWorkers(of(1798), 300, 2).map((span) => span.frameCount);
    assert.equal(lengths[0], 300);
    assert.ok((lengths.at(-1) ?? 300) <= 3 * gopFrames, lengths.join());
  });

  it("begin at keyframes of the source where those are near, and are cut between them where they are not", () => {
    const keyframes = [0, 290, 610, 880, 1210, 1490, 1790, 2100, 2400, 2700];
    const spans = cutForWorkers(of(3000, keyframes), 300, 2);
    assert.ok(spans.slice(0, 6).every(({ firstFrame }) => keyframes.includes(firstFrame)));
    assertCovers(spans, 3000);
    const sparse = cutForWorkers(of(3000, [0, 2900]), 300, 2);
    assert.ok(sparse.every(({ frameCount }) => frameCount <= 600));
  });

  it("never make a segment of a few frames in the middle of a film", () => {
    const keyframes = [0, 307, 598, 911, 1203, 1511, 1797, 2111];
    const film = of(2400, keyframes);
    const spans = cutForWorkers(film, 300, 2);
    const starts = spans.flatMap((span) => groupStarts(film, span).map((frame) => span.firstFrame + frame));
    const gaps = starts.slice(1).map((start, i) => start - (starts[i] ?? 0));
    assert.ok(
      gaps.every((gap) => gap >= gopFrames / 2 && gap <= gopFrames * 1.5),
      gaps.join(),
    );
  });

  it("of a long film's first look are bounded, and one for each worker otherwise", () => {
    const long = of(30 * 7200);
    assert.ok(mergeEvenly(long, cutForWorkers(long, 300, 2), 9000, 2).every((span) => span.frameCount <= 9000 + 600));
    const short = of(1798);
    assert.equal(mergeEvenly(short, cutForWorkers(short, 300, 2), 9000, 2).length, 2);
  });
});
