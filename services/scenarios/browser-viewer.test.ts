/** How a viewer gets about in the web client with the keyboard or a remote alone, and what follows a film. */

import assert from "node:assert/strict";
import { fromBinary } from "@bufbuild/protobuf";
import type { Page, Request, Route } from "playwright-core";
import { eventually } from "#pkg/testkit/eventually";
import { StopPlaybackRequestSchema } from "../../clients/sdk/gen/matinee/playback/v1/playback_service_pb.ts";
import { ProfileService } from "../../clients/sdk/gen/matinee/profile/v1/profile_service_pb.ts";
import { toSeconds } from "../../clients/sdk/time.ts";
import { assertNoBarriers } from "./barriers.ts";
import { buildWebClient, theatreOf, type Visitor } from "./browser.ts";
import { type Account, signUpOnPage } from "./pages.ts";
import { signedIn } from "./people.ts";
import { pause, screening, seekTo, untilPlaying } from "./screen.ts";
import { inEveryTopology } from "./stories.ts";
import { clearFilm, type Imported, idOf, publishTitle } from "./titles.ts";

const GENRE = "harbour stories";
/** More than one page of 48 and a row of 20. */
const FILMS = 53;
const LONG_NAME = `The ${"very ".repeat(38)}End`.slice(0, 200);

before(async function () {
  this.timeout(60_000);
  await buildWebClient();
});

inEveryTopology(
  "a viewer in the browser",
  (cluster) => {
    const theatre = theatreOf(cluster);
    let clear: Imported;
    let guest: Visitor;
    let account: Account;
    let long: string;

    const focused = (page: Page) =>
      page.evaluate(() => {
        const element = document.activeElement as HTMLElement | null;
        const shelf = element?.closest("[data-shelf]");
        return {
          tag: element?.tagName ?? "",
          text: element?.textContent.trim() ?? "",
          testId: element?.dataset.testid ?? "",
          row: shelf?.closest("[data-testid]")?.getAttribute("data-testid") ?? "",
          at: shelf ? [...shelf.querySelectorAll("a")].indexOf(element as HTMLAnchorElement) : -1,
        };
      });
    const untilFocused = (page: Page, tag: string, text: RegExp) =>
      eventually(`the focus is on ${tag} ${text}`, async () => {
        const now = await focused(page);
        return now.tag === tag && text.test(now.text);
      });

    before(async () => {
      clear = await clearFilm(cluster());
      for (let count = 1; count <= FILMS; count++) {
        await publishTitle(cluster(), clear.asset, {
          displayTitle: `Harbour story ${count}`,
          genres: [GENRE],
          availabilityWindows: [{}],
        });
      }
      long = (
        await publishTitle(cluster(), clear.asset, {
          displayTitle: LONG_NAME,
          genres: [GENRE],
          availabilityWindows: [{}],
        })
      ).name;
      guest = await theatre().enter("guest");
      account = await signUpOnPage(guest);
      await eventually("the films are in search and in rows", async () => {
        await guest.goto(`/genre/${encodeURIComponent(GENRE)}`);
        await guest.page.getByTestId("more").or(guest.page.getByText("No films of this genre")).first().waitFor();
        return (await guest.page.getByTestId("more").count()) > 0;
      });
    });

    it("finds the focus on the heading of each new page, and back at the film that was followed", async () => {
      const { page } = guest;
      await guest.goto("/");
      const card = page.getByTestId("row-new").getByTestId("title-card").nth(3);
      const name = new RegExp(((await card.textContent()) ?? "").slice(0, 14));
      await card.focus();
      await page.keyboard.press("Enter");
      await page.getByTestId("title-page").waitFor();
      await untilFocused(page, "H1", name);
      await page.goBack();
      await untilFocused(page, "A", name);
      await page.getByRole("link", { name: "My list", exact: true }).click();
      await untilFocused(page, "H1", /^My list$/);
    });

    it("finds the focus on what went wrong after a sign-in that failed", async () => {
      const visitor = await theatre().enter("stranger");
      const { page, context } = visitor;
      visitor.expectTrouble(/401 .*SignIn|status of 401/);
      await visitor.goto("/sign-in");
      await page.getByLabel("Email").fill("nobody@matinee.test");
      await page.getByLabel("Password").fill("not the password of it");
      await page.keyboard.press("Enter");
      await page.getByRole("alert").getByText(/./).waitFor();
      await eventually("the focus is on the refusal", async () => (await focused(page)).tag === "P");
      await visitor.goto("/sign-up");
      await page.getByLabel("Your name").fill("Robin");
      await page.getByLabel("Email").fill("a@b");
      await page.getByLabel("Password").fill("a password for scenarios");
      await page.keyboard.press("Enter");
      await page.getByText("This is no complete email address").waitFor();
      assert.equal(await page.evaluate(() => document.activeElement?.getAttribute("name")), "email");
      assert.deepEqual(visitor.troubles(), []);
      await context.close();
    });

    it("finds the focus on the heading of a refusal, and in the player again after another try", async () => {
      const { page } = guest;
      guest.expectTrouble(/ERR_FAILED/);
      await guest.goto(`/title/${idOf(clear.title.name)}`);
      await page.getByTestId("play").waitFor();
      await page.route("**/*StartPlayback", (route) => route.abort());
      await page.getByTestId("play").click();
      await page.getByTestId("player-error").waitFor();
      await untilFocused(page, "H2", /No connection/);
      await assertNoBarriers(page, "a refusal");
      await page.unroute("**/*StartPlayback");
      await page.getByRole("button", { name: "Try again" }).click();
      await untilPlaying(page);
      assert.equal((await focused(page)).tag, "H1");
    });

    it("goes along the shelves with the arrow keys; each is one stop of the Tab key", async () => {
      const { page } = guest;
      const person = await signedIn(cluster(), account.email, account.password);
      await person.platform.client(ProfileService).addListItem({ title: long });
      await eventually("the list is a shelf above", async () => {
        await guest.goto("/");
        await page.getByTestId("genres").waitFor();
        return (await page.getByTestId("row-my-list").count()) > 0;
      });
      const row = page.getByTestId("row-new");
      await row.getByTestId("title-card").nth(19).waitFor({ state: "attached" });
      assert.equal(await row.locator("[data-shelf] a[tabindex='0']").count(), 1);
      await row.getByTestId("title-card").first().focus();
      const press = async (...keys: string[]) => {
        for (const key of keys) await page.keyboard.press(key);
        return focused(page);
      };
      assert.equal((await press("ArrowRight", "ArrowRight")).at, 2);
      assert.equal((await press("ArrowLeft")).at, 1);
      assert.equal((await press("End")).at, 19);
      assert.equal((await press("ArrowRight")).at, 19);
      assert.equal((await press("Home")).at, 0);
      // Out of the shelf and back: the focus is where it was.
      await press("ArrowRight");
      await press("Tab");
      assert.notEqual((await focused(page)).row, "row-new");
      assert.equal((await press("Shift+Tab")).at, 1);
      // From shelf to shelf.
      assert.equal((await press("ArrowUp")).row, "row-my-list");
      assert.equal((await press("ArrowDown")).row, "row-new");
      // What has the focus can be seen, below the header.
      const box = await row.locator("a:focus").boundingBox();
      const header = await page.locator("header").boundingBox();
      assert.ok((box?.y ?? 0) >= (header?.height ?? 0), "the focus is under the header");
      // In a grid, up and down go by lines.
      await guest.goto(`/genre/${encodeURIComponent(GENRE)}`);
      const grid = page.getByTestId("genre-films");
      await grid.getByTestId("title-card").nth(20).waitFor();
      await grid.getByTestId("title-card").nth(1).focus();
      const below = await press("ArrowDown");
      const columns = await grid.evaluate((list) => getComputedStyle(list).gridTemplateColumns.split(" ").length);
      assert.equal(below.at, 1 + columns);
    });

    it("comes to the last film of a genre, page by page, from a link of the home page", async () => {
      const { page } = guest;
      await guest.goto("/");
      await page.getByTestId("genres").getByRole("link", { name: GENRE }).click();
      await page.getByRole("heading", { level: 1, name: GENRE }).waitFor();
      const cards = page.getByTestId("genre-films").getByTestId("title-card");
      await cards.nth(47).waitFor();
      await cards.nth(47).scrollIntoViewIfNeeded();
      await cards.nth(FILMS).waitFor();
      assert.equal(await cards.count(), FILMS + 1);
      assert.equal(await page.getByTestId("more").count(), 0);
      await assertNoBarriers(page, "a genre's page");
    });

    it("sees all of a row, of its list, and of what it watched", async () => {
      const { page } = guest;
      await guest.goto("/");
      await page.getByRole("link", { name: "See all: New on Matinee" }).click();
      const all = page.getByTestId("search-results").getByTestId("title-card");
      await all.nth(59).or(all.nth(FILMS)).first().waitFor();
      await page.getByRole("link", { name: "My list", exact: true }).click();
      await page.getByTestId("my-list-films").getByText(LONG_NAME).waitFor();
      await assertNoBarriers(page, "the list");
      await page.getByTestId("account-menu").click();
      await page.getByRole("link", { name: "Watched" }).click();
      await page.getByTestId("history-films").getByText(clear.title.displayTitle).waitFor();
      await assertNoBarriers(page, "the history");
    });

    it("sees Play without scrolling, and a Back of full size, however long the film's name is", async () => {
      const { page } = guest;
      for (const size of [
        { width: 1280, height: 800 },
        { width: 390, height: 844 },
        { width: 320, height: 568 },
      ]) {
        await page.setViewportSize(size);
        await guest.goto(`/title/${idOf(long)}`);
        const play = await page.getByTestId("play").boundingBox();
        assert.ok(play !== null && play.y + play.height <= size.height, `Play is at ${play?.y} of ${size.height}`);
        assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), "it scrolls sideways");
      }
      await page.getByTestId("play").click();
      await untilPlaying(page);
      const back = await page.getByTestId("player-back").boundingBox();
      assert.ok((back?.width ?? 0) >= 40, `Back is ${back?.width} wide`);
      await page.setViewportSize({ width: 1280, height: 800 });
    });

    it("asks for a play once, at the press, and gives it back where the press becomes no click", async () => {
      const { page } = guest;
      const asked: string[] = [];
      const note = (request: Request) => {
        const method = /PlaybackService\/(StartPlayback|StopPlayback)$/.exec(request.url())?.[1];
        if (method !== undefined) asked.push(method);
      };
      await guest.goto(`/title/${idOf(clear.title.name)}`);
      await page.waitForFunction(() =>
        performance.getEntriesByType("resource").some(({ name }) => name.includes("/shaka-player")),
      );
      const play = page.getByTestId("play");
      await play.hover();
      page.on("request", note);
      await page.mouse.down();
      await eventually("the play is asked for", () => asked.includes("StartPlayback"));
      await page.mouse.move(5, 5);
      await page.mouse.up();
      await eventually("it is given back", () => asked.includes("StopPlayback"));
      assert.deepEqual(asked, ["StartPlayback", "StopPlayback"]);
      asked.length = 0;
      await play.click();
      await untilPlaying(page);
      assert.deepEqual(asked, ["StartPlayback"]);
      page.off("request", note);
    });

    it("means the same by the arrow keys before and after a click on the line of time or the volume", async () => {
      const { page } = guest;
      await guest.goto(`/watch/${idOf(clear.title.name)}`);
      await untilPlaying(page);
      await pause(page);
      await seekTo(page, 15);
      const at = async () => (await screening(page)).seconds;
      const before = await at();
      await page.keyboard.press("ArrowLeft");
      await eventually("it is 10 s earlier", async () => Math.abs((await at()) - (before - 10)) < 0.5);
      await page.keyboard.press("ArrowRight");
      await eventually("it is back", async () => Math.abs((await at()) - before) < 0.5);
      const volume = () => page.evaluate(() => document.querySelector("video")?.volume ?? -1);
      await page.keyboard.press("ArrowDown");
      assert.ok(Math.abs((await volume()) - 0.9) < 0.01, "the arrow changed something else than the volume");
    });

    it("keeps its place in a film that it leaves before the first picture", async () => {
      const { page } = guest;
      await page.keyboard.press("Escape");
      await page.getByTestId("play").waitFor();
      await page.evaluate(() => sessionStorage.clear());
      let isAsked = false;
      const nothing = (route: Route) => {
        isAsked = true;
        return route.abort();
      };
      await page.route("**/m/**", nothing);
      await guest.goto(`/watch/${idOf(clear.title.name)}`);
      await eventually("the film is asked for", () => isAsked);
      const stopping = page.waitForRequest(/StopPlayback/);
      await page.keyboard.press("Escape");
      const said = (await stopping).postDataBuffer() ?? Buffer.alloc(0);
      const { position } = fromBinary(StopPlaybackRequestSchema, said);
      assert.ok(Math.abs(toSeconds(position) - 15) < 2, `it stopped at ${toSeconds(position)} s`);
      await page.unroute("**/m/**", nothing);
      await guest.goto(`/watch/${idOf(clear.title.name)}`);
      await untilPlaying(page);
    });

    it("keeps how loud it is, and silence, for the next film", async () => {
      const { page } = guest;
      await page.keyboard.press("m");
      // The browser tells of it a moment later.
      await page.getByRole("button", { name: "Sound on" }).waitFor();
      await page.reload();
      await untilPlaying(page);
      const sound = await page.evaluate(() => {
        const video = document.querySelector("video");
        return { muted: video?.muted, volume: Math.round((video?.volume ?? 0) * 10) };
      });
      assert.deepEqual(sound, { muted: true, volume: 9 });
    });

    it("tells the system what plays", async () => {
      const { page } = guest;
      const told = () =>
        page.evaluate(() => ({
          title: navigator.mediaSession.metadata?.title,
          state: navigator.mediaSession.playbackState,
        }));
      assert.deepEqual(await told(), { title: clear.title.displayTitle, state: "playing" });
      await pause(page);
      assert.equal((await told()).state, "paused");
    });

    it("has after the end the film again and others like it, instead of a black screen", async () => {
      const { page } = guest;
      await page.keyboard.press("End");
      await page.getByTestId("play-pause").click();
      await page.getByTestId("end-screen").waitFor();
      await assertNoBarriers(page, "the end of a film");
      await page.getByTestId("watch-again").click();
      await untilPlaying(page);
      assert.ok((await screening(page)).seconds < 10);
      await guest.goto(`/watch/${idOf(long)}`);
      await untilPlaying(page);
      await page.keyboard.press("End");
      await page.getByTestId("end-screen").getByTestId("title-card").first().waitFor();
      await page.getByRole("link", { name: "Back to the film" }).click();
      await page.getByTestId("title-page").waitFor();
    });

    it("holds no more pages after eight rounds of home, title and player than after two", async () => {
      const { page } = guest;
      const inspector = await page.context().newCDPSession(page);
      await inspector.send("Performance.enable");
      const held = async () => {
        await inspector.send("HeapProfiler.collectGarbage");
        const counted = await page.evaluate(() => document.querySelectorAll("*").length);
        const { metrics } = await inspector.send("Performance.getMetrics");
        return { nodes: metrics.find(({ name }) => name === "Nodes")?.value ?? 0, counted };
      };
      const goRound = async () => {
        await page.getByTestId("row-new").getByTestId("title-card").first().click();
        await page.getByTestId("play").click();
        await untilPlaying(page);
        await page.keyboard.press("Escape");
        await page.getByTestId("play").waitFor();
        await page.getByRole("link", { name: "Matinee, home" }).click();
        await page.getByTestId("genres").waitFor();
      };
      await guest.goto("/");
      for (let count = 0; count < 2; count++) await goRound();
      const before = await held();
      for (let count = 0; count < 6; count++) await goRound();
      // Timers of Shaka's hold the last videos for some seconds, and nothing but them.
      await eventually("what is gone is freed", async () => {
        const now = await held();
        return now.nodes <= before.nodes * 1.1;
      });
      await inspector.detach();
    });

    it("is asked before every device is signed out", async () => {
      const { page } = guest;
      await page.getByTestId("account-menu").click();
      await page.getByTestId("sign-out-everywhere").click();
      await page.getByRole("button", { name: "Cancel" }).click();
      await page.getByTestId("account-menu").waitFor();
      await page.getByTestId("sign-out-everywhere").click();
      await page.getByTestId("confirm-yes").click();
      await page.getByTestId("sign-in-form").waitFor();
    });

    it("had no other error on a console, and no other request that failed", () => {
      assert.deepEqual(guest.troubles(), []);
    });
  },
  { topologies: ["one-process"] },
);
