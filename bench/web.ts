/**
 * Promise: the first page of a viewer who is signed in costs at most 200 kB of script, and with its style sheets and fonts
 * at most 300 kB, on the wire; a film's first picture comes at most 1.25 times as long after the click as on a bare page
 * with Shaka Player and the same files, in turn, the middle of the rounds; and going home, to a title and into the player
 * a hundred times holds no more memory than ten times. Exits 1 where a limit is exceeded. Run it on a quiet machine:
 * `node bench/web.ts [ROUNDS] [LOOPS]`.
 */

import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { setTimeout as delay } from "node:timers/promises";
import type { CDPSession, Page } from "playwright-core";
import { buildWebClient, openTheatre, type Theatre, type Visitor } from "../services/scenarios/browser.ts";
import { type Cluster, startCluster } from "../services/scenarios/cluster.ts";
import { signUpOnPage } from "../services/scenarios/pages.ts";
import { signedIn } from "../services/scenarios/people.ts";
import { manifestUrl, start, stop } from "../services/scenarios/playing.ts";
import { firstFilm, type Imported, idOf } from "../services/scenarios/titles.ts";

const SCRIPT_LIMIT_BYTES = 200_000;
const ASSETS_LIMIT_BYTES = 300_000;
const FIRST_FRAME_LIMIT = 1.25;
/** Noise of a page that lives: a notification more, a picture of another size. */
const MEMORY_LIMIT = 1.15;
/** The first loops fill caches; later ones must add nothing. */
const SETTLED_LOOPS = 10;
/** Shaka's own timers hold the last players for up to ten seconds. */
const REST_MS = 12_000;
/** What a page does by itself after it is there. */
const SETTLE_MS = 1_000;
/** From the press to the click of a mouse, as people do it; the client asks for the play at the press. */
const PRESS_MS = 80;
const SHAKA = "shaka-player/dist/shaka-player.dash-es2021.js";

const rounds = Number(process.argv[2] ?? 7);
const loops = Number(process.argv[3] ?? 100);

await buildWebClient();
await using cluster = await startCluster({
  topology: "one-process",
  settings: { LOG_LEVEL: "error", TRANSCODE_PRESET: "ultrafast", PACKAGER_SEGMENT: "2s", TRANSCODE_CHUNK_SECONDS: "4" },
});
const film = await firstFilm(cluster);
await using theatre = await openTheatre(cluster);
const account = await theatre.enter("account");
const login = await signUpOnPage(account);
const session = await account.page.evaluate(() => localStorage.getItem("matinee.session") ?? "");
await account.context.close();
// Once: whoever signs in again and again is slowed down.
const person = await signedIn(cluster, login.email, login.password);

const isSmall = await firstPage(theatre);
const isSoon = await firstFrame(cluster, theatre, film);
const isFlat = await memory(theatre, film);
process.exitCode = isSmall && isSoon && isFlat ? 0 : 1;

/** Somebody who was here before, in a browser that has forgotten every file. */
async function enter(theatre: Theatre, name: string): Promise<Visitor> {
  const visitor = await theatre.enter(name);
  await visitor.context.addInitScript((text) => localStorage.setItem("matinee.session", text), session);
  return visitor;
}

async function firstPage(theatre: Theatre): Promise<boolean> {
  const { page, context } = await enter(theatre, "first page");
  const network = await context.newCDPSession(page);
  await network.send("Network.enable");
  const types = new Map<string, string>();
  const bytes = new Map<string, number>();
  let requests = 0;
  network.on("Network.responseReceived", ({ requestId, type }) => types.set(requestId, type));
  network.on("Network.loadingFinished", ({ requestId, encodedDataLength }) => {
    requests += 1;
    const type = types.get(requestId) ?? "Other";
    bytes.set(type, (bytes.get(type) ?? 0) + encodedDataLength);
  });
  await page.goto("/");
  await page.getByTestId("hero").waitFor();
  await delay(SETTLE_MS);
  await context.close();
  const of = (...names: string[]) => names.reduce((sum, name) => sum + (bytes.get(name) ?? 0), 0);
  const all = [...bytes].map(([type, count]) => `${type} ${kilobytes(count)}`).join(", ");
  say(`first page                ${requests} requests: ${all}`);
  const script = report("its script", of("Script"), "bytes", SCRIPT_LIMIT_BYTES);
  const assets = report("script, style and fonts", of("Script", "Stylesheet", "Font"), "bytes", ASSETS_LIMIT_BYTES);
  return script && assets;
}

async function firstFrame(cluster: Cluster, theatre: Theatre, film: Imported): Promise<boolean> {
  const ours: number[] = [];
  const tapped: number[] = [];
  const bare: number[] = [];
  // The first round warms the server and is not counted.
  for (let round = 0; round <= rounds; round++) {
    const one = await ourFirstFrame(theatre, film, `viewer ${round}`, PRESS_MS);
    const tap = await ourFirstFrame(theatre, film, `viewer ${round} with a tap`, 0);
    const other = await bareFirstFrame(cluster, theatre, film, round);
    if (round === 0) continue;
    ours.push(one);
    tapped.push(tap);
    bare.push(other);
    say(
      `round ${round}                   ours ${one.toFixed(0)} ms, tapped ${tap.toFixed(0)} ms, bare ${other.toFixed(0)} ms`,
    );
  }
  say(
    `click to first frame      ours ${middle(ours).toFixed(0)} ms, bare ${middle(bare).toFixed(0)} ms, middle of ${rounds}`,
  );
  say(`by a tap that takes no time ${(middle(tapped) / middle(bare)).toFixed(2)} x, without a limit`);
  return report("ours to bare", middle(ours) / middle(bare), "x", FIRST_FRAME_LIMIT);
}

async function ourFirstFrame(theatre: Theatre, film: Imported, name: string, pressMs: number): Promise<number> {
  const { page, context } = await enter(theatre, name);
  await page.goto(`/title/${idOf(film.title.name)}`);
  await page.getByTestId("play").waitFor();
  // Whoever reads the title's page long enough to want the film has the player by then.
  await page.waitForFunction(() =>
    performance.getEntriesByType("resource").some(({ name }) => name.includes("/shaka-player")),
  );
  await delay(SETTLE_MS);
  const tookMs = await clickToFrame(page, "[data-testid=play]", pressMs);
  const stopped = page.waitForResponse(/StopPlayback/);
  await page.keyboard.press("Escape");
  await stopped;
  await context.close();
  return tookMs;
}

async function bareFirstFrame(cluster: Cluster, theatre: Theatre, film: Imported, round: number): Promise<number> {
  const play = await start(person, film.title.name);
  const { page, context } = await theatre.enter(`bare ${round}`);
  const script = await readFile(createRequire(import.meta.url).resolve(SHAKA), "utf8");
  await page.route("**/bare.js", (route) => route.fulfill({ contentType: "text/javascript", body: script }));
  await page.route("**/bare", (route) =>
    route.fulfill({
      contentType: "text/html",
      body: "<script src=/bare.js></script><button>Play</button><video></video>",
    }),
  );
  await page.goto("/bare");
  await delay(SETTLE_MS);
  await page.evaluate(
    ({ url, license, token }) => {
      // biome-ignore lint/suspicious/noExplicitAny: the script's global has no types here
      const { shaka } = globalThis as any;
      shaka.polyfill.installAll();
      const video = document.querySelector("video");
      document.querySelector("button")?.addEventListener("click", async () => {
        const player = new shaka.Player();
        await player.attach(video);
        player.configure({ drm: { servers: { "org.w3.clearkey": license } } });
        // biome-ignore lint/suspicious/noExplicitAny: as above
        player.getNetworkingEngine().registerRequestFilter((type: number, request: any) => {
          if (type === shaka.net.NetworkingEngine.RequestType.LICENSE) {
            request.headers.Authorization = `Bearer ${token}`;
          }
        });
        await player.load(url);
        await video?.play();
      });
    },
    {
      url: manifestUrl(person, play, "dash").replace(cluster.origin, theatre.origin),
      license: new URL(play.licenseServers[0]?.uri ?? "", theatre.origin).href.replace(cluster.origin, theatre.origin),
      token: play.playToken,
    },
  );
  const tookMs = await clickToFrame(page, "button", PRESS_MS);
  await stop(person, play);
  await context.close();
  return tookMs;
}

/** From the click, as the page sees it, to the first picture that the browser puts on the screen. */
async function clickToFrame(page: Page, selector: string, pressMs: number): Promise<number> {
  await page.evaluate((button) => {
    const frame = new Promise<number>((resolve) => {
      document.querySelector(button)?.addEventListener(
        "click",
        () => {
          const clickedMs = performance.now();
          const look = () => {
            const video = document.querySelector("video");
            if (video === null) return requestAnimationFrame(look);
            return video.requestVideoFrameCallback((nowMs) => resolve(nowMs - clickedMs));
          };
          look();
        },
        { capture: true },
      );
    });
    Object.assign(globalThis, { frame });
  }, selector);
  await page.click(selector, { delay: pressMs });
  return page.evaluate(() => (globalThis as unknown as { frame: Promise<number> }).frame);
}

async function memory(theatre: Theatre, film: Imported): Promise<boolean> {
  const { page, context } = await enter(theatre, "looper");
  const inspector = await context.newCDPSession(page);
  await inspector.send("Performance.enable");
  await page.goto("/");
  const goRound = async (times: number) => {
    for (let count = 0; count < times; count++) await homeTitlePlayer(page, film);
    await delay(REST_MS);
    return held(inspector);
  };
  const before = await goRound(SETTLED_LOOPS);
  const after = await goRound(Math.max(0, loops - SETTLED_LOOPS));
  await context.close();
  const results = (["Nodes", "JSEventListeners", "JSHeapUsedSize"] as const).map((name) => {
    say(`${name.padEnd(25)} ${before[name]} after ${SETTLED_LOOPS} loops, ${after[name]} after ${loops}`);
    return report(`${name}, later to early`, after[name] / before[name], "x", MEMORY_LIMIT);
  });
  return results.every(Boolean);
}

async function homeTitlePlayer(page: Page, film: Imported): Promise<void> {
  await page.getByTestId("title-card").filter({ hasText: film.title.displayTitle }).first().click();
  await page.getByTestId("play").click();
  await page.waitForFunction(() => {
    const video = document.querySelector("video");
    return video !== null && video.currentTime > 0 && !video.paused;
  });
  await page.keyboard.press("Escape");
  await page.getByTestId("play").waitFor();
  await page.getByRole("link", { name: "Matinee, home" }).click();
  await page.getByTestId("hero").waitFor();
}

async function held(
  inspector: CDPSession,
): Promise<Readonly<Record<"Nodes" | "JSEventListeners" | "JSHeapUsedSize", number>>> {
  // What the first collection finalizes, the second one frees.
  for (let count = 0; count < 2; count++) await inspector.send("HeapProfiler.collectGarbage");
  const { metrics } = await inspector.send("Performance.getMetrics");
  const value = (name: string) => metrics.find((metric) => metric.name === name)?.value ?? Number.NaN;
  return {
    Nodes: value("Nodes"),
    JSEventListeners: value("JSEventListeners"),
    JSHeapUsedSize: value("JSHeapUsedSize"),
  };
}

function report(what: string, value: number, unit: "bytes" | "x", limit: number): boolean {
  const share = value / limit;
  const shown =
    unit === "bytes" ? `${kilobytes(value)} of at most ${kilobytes(limit)}` : `${value.toFixed(2)} of at most ${limit}`;
  say(`${what.padEnd(32)} ${shown}${share <= 1 ? "" : "  TOO MUCH"}`);
  return share <= 1;
}

function middle(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

function kilobytes(count: number): string {
  return `${(count / 1000).toFixed(1)} kB`;
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}
