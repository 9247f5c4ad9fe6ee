/** The first film in a real browser: handed in at the studio, published, found, and watched encrypted. */

import assert from "node:assert/strict";
import { eventually } from "#pkg/testkit/eventually";
import { assertNoBarriers, tabTo } from "./barriers.ts";
import { buildWebClient, theatreOf, type Visitor } from "./browser.ts";
import { film } from "./films.ts";
import { boundUploads, dropFile, signInOnPage, signUpOnPage } from "./pages.ts";
import { choicesOf, choose, pause, screening, seekTo, untilHeard, untilPlaying } from "./screen.ts";
import { inEveryTopology } from "./stories.ts";

/** Longer than a few parts of 8 MiB, so that there is a middle of the upload to reload in. */
const FILM = {
  ...{ seconds: 16, width: 1280, height: 720, frameRate: "24/1", padToBytes: 40 * 1024 * 1024 },
  markup: '<img src="http://127.0.0.1:9/named-by-a-caption.png">',
};
const SLOW = 10 * 1024 * 1024;
const FILE_NAME = "a film of 16 seconds.mkv";
const NAME = "The Quiet Harbour";
const SYNOPSIS = "A tugboat that is afraid of the sea is asked to bring a lighthouse home.";

before(async function () {
  this.timeout(60_000);
  await buildWebClient();
});

inEveryTopology(
  "a film in the browser",
  (cluster) => {
    const theatre = theatreOf(cluster);
    let path: string;
    let studio: Visitor;
    let guest: Visitor;

    /** The film's own card: other stories have brought theirs to the same platform. */
    const card = () => studio.page.getByTestId("film").filter({ hasText: FILE_NAME });

    before(async () => {
      path = await film(FILM);
    });

    it("lets the operator in, who reloads in the middle of an upload, drops the file again, and it goes on", async () => {
      studio = await theatre().enter("studio");
      const { page } = studio;
      await studio.goto("/studio");
      await page.getByTestId("sign-in-form").waitFor();
      await assertNoBarriers(page, "the sign-in page");
      await signInOnPage(studio, cluster().operator);
      await page.getByTestId("drop-zone").waitFor();

      const lift = await boundUploads(page, SLOW);
      const stored = page.waitForResponse((answer) => answer.request().method() === "PUT" && answer.ok());
      await page.getByTestId("file-input").setInputFiles(path);
      await stored;
      assert.equal(await page.getByTestId("upload").getAttribute("data-state"), "running");
      await page.reload();
      await page.getByTestId("interrupted-upload").getByText(FILE_NAME).waitFor();

      await dropFile(page, path);
      await page.getByTestId("resumed").waitFor();
      assert.match((await page.getByTestId("resumed").textContent()) ?? "", /[1-9][\d.]* MB were there already/);
      await lift();
      await card().waitFor();
      assert.equal(await page.getByTestId("interrupted-upload").count(), 0);
    });

    it("shows live how the film is inspected, transcoded and packaged", async () => {
      const { page } = studio;
      // Every percentage that the page ever shows, as it shows it.
      await page.evaluate((fileName) => {
        const shown: string[] = [];
        Object.assign(globalThis, { shownPercents: shown });
        const look = () => {
          const films = [...document.querySelectorAll("[data-testid=film]")];
          const own = films.find((film) => film.textContent?.includes(fileName));
          const text = own?.querySelector("[data-testid=job-percent]")?.textContent;
          if (text !== undefined && text !== null && shown.at(-1) !== text) shown.push(text);
        };
        look();
        new MutationObserver(look).observe(document.body, { subtree: true, childList: true, characterData: true });
      }, FILE_NAME);
      await card().and(page.locator('[data-state="ready"]')).waitFor();
      const shown = await page.evaluate(() => (globalThis as unknown as { shownPercents: string[] }).shownPercents);
      const percents = shown.map((text) => Number.parseInt(text, 10));
      assert.ok(percents.length >= 2, `only ${shown.join()} was seen`);
      assert.deepEqual(
        percents,
        percents.toSorted((a, b) => a - b),
      );
      await assertNoBarriers(page, "the studio");
    });

    it("makes a title of it with the form, and publishes", async () => {
      const { page } = studio;
      await card().getByTestId("add-details").click();
      await page.getByTestId("title-form").waitFor();
      assert.equal(await page.getByLabel("Name").inputValue(), "A film of 16 seconds");
      await page.getByLabel("Name").fill(NAME);
      await page.getByLabel("Synopsis").fill(SYNOPSIS);
      await page.getByLabel("Year").fill("2026");
      await page.getByLabel("Original language").fill("en");
      await page.getByLabel("Genres").fill("Animation, Family");
      await page.getByLabel("People").fill("cast: Ada Moll as The Tug\ndirector: Jan Roth");
      await assertNoBarriers(page, "the title form");
      await page.getByTestId("publish").click();
      await page.getByTestId("title-state").and(page.getByText("Published")).waitFor();
      assert.match(page.url(), /\/studio\/title\/[0-9a-f-]{36}$/);
    });

    it("is found by a viewer who signs up: on the home page, and by a misspelt search", async () => {
      guest = await theatre().enter("guest");
      const { page } = guest;
      await signUpOnPage(guest);
      // Rows are made from events, a moment after the title was published.
      await eventually("the home page shows the film", async () => {
        await page.reload();
        const card = page.getByTestId("title-card").filter({ hasText: NAME });
        await card.or(page.getByText("The programme is being prepared")).first().waitFor();
        return (await card.count()) > 0;
      });
      await page.getByTestId("hero").waitFor();
      await assertNoBarriers(page, "the home page");

      await page.getByTestId("search").fill("quite harb");
      const found = page.getByTestId("search-results").getByTestId("title-card").filter({ hasText: NAME });
      await found.waitFor();
      await assertNoBarriers(page, "the search page");
      await found.click();
      await page.getByTestId("title-page").getByText(SYNOPSIS).waitFor();
      await page.getByText("Ada Moll").waitFor();
      await assertNoBarriers(page, "the title page");
    });

    it("plays encrypted, with keys from the licence, started with the keyboard alone", async () => {
      const { page } = guest;
      await page.reload();
      await page.getByTestId("play").waitFor();
      await tabTo(page, "play");
      await page.keyboard.press("Enter");
      const shown = await untilPlaying(page);
      assert.ok(shown.hasMediaKeys, "the film is not under EME");
      assert.ok(shown.keyStatuses.length > 0);
      assert.deepEqual([...new Set(shown.keyStatuses)], ["usable"]);
      await untilHeard(page, 440);
      await pause(page);
      await assertNoBarriers(page, "the player");
      await tabTo(page, "play-pause");
    });

    it("renews its licence, plays on, and stops where another play on the same device took its place", async () => {
      const { page } = guest;
      const renewal = () =>
        page.waitForResponse((answer) => answer.url().includes("/license/clearkey") && answer.status() === 200);
      // More than one licence's life, so that whatever plays afterwards plays with a renewed one.
      for (let count = 0; count < 2; count++) await renewal();
      await page.getByTestId("play-pause").click();
      const shown = await untilPlaying(page);
      assert.deepEqual([...new Set(shown.keyStatuses)], ["usable"]);
      await pause(page);

      const other = await guest.open(new URL(page.url()).pathname);
      await untilPlaying(other);
      guest.expectTrouble(/400 .*PlaybackService\/Heartbeat/);
      guest.expectTrouble(/403 .*(\/license\/clearkey|\/m\/)/);
      await page.getByTestId("player-error").and(page.locator('[data-reason="PLAY_SESSION_ENDED"]')).waitFor();
      assert.equal((await screening(other)).isPaused, false);
      await other.close();
      await page.reload();
      await untilPlaying(page);
      await pause(page);
    });

    it("shows the captions of the moment, and asks for nothing that they name", async () => {
      const { page, context } = guest;
      const asked: string[] = [];
      context.on("request", (request) => request.url().includes("named-by-a-caption") && asked.push(request.url()));
      assert.equal((await screening(page)).captions, "");
      await choose(page, "captions", "English");
      for (const [seconds, text] of [
        [4.4, "Line number 3"],
        [8.4, "Line number 5"],
        [9.4, ""],
      ] as const) {
        await seekTo(page, seconds);
        await eventually(`"${text}" stands at ${seconds} s`, async () => (await screening(page)).captions === text);
      }
      assert.deepEqual(await choicesOf(page, "captions"), ["Off", "English*"]);
      assert.deepEqual(asked, []);
      // A page that took their words for its own text would ask.
      guest.expectTrouble(/named-by-a-caption/);
      const careless = await context.newPage();
      await careless.setContent(FILM.markup);
      await eventually("a careless page asks", async () => asked.length > 0);
      await careless.close();
    });

    it("switches the language that is heard", async () => {
      const { page } = guest;
      await seekTo(page, 2);
      assert.deepEqual(await choicesOf(page, "audio"), ["English*", "Deutsch"]);
      await choose(page, "audio", "Deutsch");
      await page.getByTestId("play-pause").click();
      await untilHeard(page, 660);
      assert.deepEqual(await choicesOf(page, "audio"), ["English", "Deutsch*"]);
    });

    it("switches the quality that is decoded", async () => {
      const { page } = guest;
      const offered = await choicesOf(page, "quality");
      assert.deepEqual(
        offered.slice(1).map((text) => text.replace("*", "")),
        ["720p", "480p", "360p", "240p"],
      );
      for (const lines of [240, 720]) {
        await seekTo(page, 1);
        await choose(page, "quality", `${lines}p`);
        await page.getByTestId("play-pause").and(page.getByLabel("Pause")).waitFor();
        await page.waitForFunction((height) => document.querySelector("video")?.videoHeight === height, lines);
      }
      const chosen = await choicesOf(page, "quality");
      assert.ok(chosen.includes("720p*"), chosen.join());
      assert.deepEqual([...new Set((await screening(page)).keyStatuses)], ["usable"]);
    });

    it("goes on after a reload where it was, with the captions and the language of before", async () => {
      const { page } = guest;
      await pause(page);
      await seekTo(page, 8.4);
      await page.reload();
      const shown = await untilPlaying(page);
      assert.ok(shown.seconds > 7.9, `it began at ${shown.seconds} s`);
      await untilHeard(page, 660);
      await pause(page);
      assert.deepEqual(await choicesOf(page, "captions"), ["Off", "English*"]);
    });

    it("had no error on a console, no violation of the page's policy, and no request that failed", () => {
      assert.deepEqual([...studio.troubles(), ...guest.troubles()], []);
    });
  },
  { topologies: ["one-process"] },
);
