/** What can be seen and heard of a film that plays in a page. */

import type { Page } from "playwright-core";

export interface Screening {
  readonly seconds: number;
  readonly isPaused: boolean;
  /** Lines of the decoded picture. */
  readonly lines: number;
  readonly decodedFrames: number;
  readonly hasMediaKeys: boolean;
  /** Of every key that a licence gave, such as "usable". */
  readonly keyStatuses: readonly string[];
  readonly captions: string;
}

export function screening(page: Page): Promise<Screening> {
  return page.evaluate(() => {
    const video = document.querySelector("video");
    if (video === null) throw new Error("there is no video element");
    const sessions = (globalThis as unknown as { openedKeySessions: MediaKeySession[] }).openedKeySessions;
    return {
      seconds: video.currentTime,
      isPaused: video.paused,
      lines: video.videoHeight,
      decodedFrames: video.getVideoPlaybackQuality().totalVideoFrames,
      hasMediaKeys: video.mediaKeys !== null,
      keyStatuses: sessions.flatMap((session) => [...session.keyStatuses.values()]),
      captions: document.querySelector<HTMLElement>(".shaka-text-container")?.textContent.trim() ?? "",
    };
  });
}

/** Waits until time goes on and pictures come. */
export async function untilPlaying(page: Page): Promise<Screening> {
  await page.waitForFunction(() => {
    const video = document.querySelector("video");
    return (
      video !== null && !video.paused && video.currentTime > 0.3 && video.getVideoPlaybackQuality().totalVideoFrames > 5
    );
  });
  const before = await screening(page);
  await page.waitForFunction(
    ({ seconds, frames }) => {
      const video = document.querySelector("video");
      return video !== null && video.currentTime > seconds && video.getVideoPlaybackQuality().totalVideoFrames > frames;
    },
    { seconds: before.seconds, frames: before.decodedFrames },
  );
  return screening(page);
}

export async function pause(page: Page): Promise<void> {
  if (!(await screening(page)).isPaused) await page.keyboard.press("k");
  await page.getByTestId("player").and(page.locator('[data-state="paused"]')).waitFor();
}

/** Points at a time on the film's line, and waits for the picture there. */
export async function seekTo(page: Page, seconds: number): Promise<void> {
  const line = page.getByTestId("seek");
  const box = await line.boundingBox();
  const length = Number(await line.getAttribute("max"));
  if (box === null) throw new Error("the line of time is not there");
  await line.click({ position: { x: (seconds / length) * box.width, y: box.height / 2 } });
  await page.waitForFunction((at) => {
    const video = document.querySelector("video");
    return video !== null && !video.seeking && Math.abs(video.currentTime - at) < 0.4 && video.readyState >= 2;
  }, seconds);
}

/** Opens one of the player's menus and takes the choice with this name. */
export async function choose(page: Page, menu: string, choice: string | RegExp): Promise<void> {
  await page.getByTestId(`menu-${menu}`).click();
  await page.getByRole("menuitemradio", { name: choice, exact: true }).click();
}

/** What the open menu offers; the chosen one is marked with a star. */
export async function choicesOf(page: Page, menu: string): Promise<readonly string[]> {
  await page.getByTestId(`menu-${menu}`).click();
  const items = await page
    .getByRole("menuitemradio")
    .evaluateAll((all) =>
      all.map((item) => `${item.textContent.trim()}${item.getAttribute("aria-checked") === "true" ? "*" : ""}`),
    );
  await page.keyboard.press("Escape");
  return items;
}

/** Waits until the loudest tone of the film is this one, give or take two bins of the analyser. */
export async function untilHeard(page: Page, hertz: number): Promise<void> {
  await page.waitForFunction(
    (wanted) => {
      const video = document.querySelector("video");
      if (video === null || video.paused) return false;
      const ears = globalThis as unknown as { ear?: AnalyserNode };
      if (ears.ear === undefined) {
        const context = new AudioContext();
        ears.ear = context.createAnalyser();
        ears.ear.fftSize = 4096;
        context.createMediaElementSource(video).connect(ears.ear).connect(context.destination);
      }
      const { ear } = ears;
      const bins = new Float32Array(ear.frequencyBinCount);
      ear.getFloatFrequencyData(bins);
      const loudest = bins.reduce((best, level, index) => (level > (bins[best] ?? 0) ? index : best), 0);
      const width = ear.context.sampleRate / ear.fftSize;
      return (bins[loudest] ?? -Infinity) > -60 && Math.abs(loudest * width - wanted) < 2 * width;
    },
    hertz,
    { polling: 100 },
  );
}
