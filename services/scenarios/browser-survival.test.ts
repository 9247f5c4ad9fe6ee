/** What the web client does where the browser, the network or a deploy lets it down: it says so and goes on. */

import assert from "node:assert/strict";
import type { Page } from "playwright-core";
import { eventually } from "#pkg/testkit/eventually";
import { buildWebClient, theatreOf, type Visitor } from "./browser.ts";
import { signUpOnPage } from "./pages.ts";
import { pause, screening, untilPlaying } from "./screen.ts";
import { inEveryTopology } from "./stories.ts";
import { clearFilm, type Imported, idOf } from "./titles.ts";

/** Runs in the page before its code: a browser that blocks cookies throws at the mere mention of its storage. */
function blockStorage(): void {
  const refuse = () => {
    throw new DOMException("Access is denied for this document.", "SecurityError");
  };
  for (const name of ["localStorage", "sessionStorage"]) Object.defineProperty(globalThis, name, { get: refuse });
  navigator.locks.request = () => Promise.reject(new DOMException("Access is denied.", "SecurityError"));
}

/** Runs in the page before its code: storage that is full, as of a private window of some browsers. */
function fillStorage(): void {
  Storage.prototype.setItem = () => {
    throw new DOMException("The quota has been exceeded.", "QuotaExceededError");
  };
}

before(async function () {
  this.timeout(60_000);
  await buildWebClient();
});

inEveryTopology(
  "a browser that lets the client down",
  (cluster) => {
    const theatre = theatreOf(cluster, { autoplay: "refused" });
    let clear: Imported;
    let guest: Visitor;

    const watch = () => `/watch/${idOf(clear.title.name)}`;
    const signIn = async (visitor: Visitor) => {
      await signUpOnPage(visitor);
      await visitor.page.getByTestId("title-card").first().waitFor();
    };
    /** Whether the controls have gone, as they do over a film that plays and a hand that rests. */
    const untilIdle = (page: Page) => page.getByTestId("player").and(page.locator('[data-idle="true"]')).waitFor();

    /** Looks as nobody does who moves the mouse: Playwright's own looking counts as a click. */
    const untilShownUntouched = async (page: Page, selector: string) => {
      const session = await page.context().newCDPSession(page);
      const expression = `document.querySelector(${JSON.stringify(selector)}) !== null`;
      await eventually(`${selector} is there`, async () => {
        const { result } = await session.send("Runtime.evaluate", { expression, userGesture: false });
        return result.value === true;
      });
      await session.detach();
    };

    before(async () => {
      clear = await clearFilm(cluster());
      guest = await theatre().enter("guest");
      await signUpOnPage(guest);
    });

    describe("that asks for a click before it plays", () => {
      it("shows one large button, which goes as soon as the film plays, however it was started", async () => {
        for (const begin of [
          (page: Page) => page.getByTestId("big-play").click(),
          (page: Page) => page.keyboard.press("k"),
          (page: Page) => page.getByTestId("play-pause").click(),
        ]) {
          // A new tab: what was clicked on an earlier page of ours counts for the next one.
          const page = await guest.open(watch());
          await untilShownUntouched(page, "[data-testid=big-play]");
          assert.ok((await screening(page)).isPaused);
          await begin(page);
          await untilPlaying(page);
          assert.equal(await page.getByTestId("big-play").count(), 0, "the button stays over the film");
          await page.mouse.move(0, 0);
          await untilIdle(page);
          await page.close();
        }
      });
    });

    describe("whose page is older than the deploy", () => {
      const playerCode = /\/assets\/watch-[^/]*\.js$/;

      it("is loaded anew once where a part of it is gone, and then shows what was asked for", async () => {
        const { page } = guest;
        guest.expectTrouble(/404 .*\/assets\/watch-/);
        let loads = 0;
        page.on("load", () => {
          loads += 1;
        });
        await page.route(playerCode, async (route) => {
          if (loads < 2) await route.fulfill({ status: 404, contentType: "text/plain", body: "not found\n" });
          else await route.continue();
        });
        await guest.goto(`/title/${idOf(clear.title.name)}`);
        await page.getByTestId("play").click();
        await untilPlaying(page);
        assert.equal(loads, 2, "the page was not loaded once and once more");
        await page.unroute(playerCode);
      });

      it("says so where loading it anew does not help, instead of loading it for ever", async () => {
        const { page } = guest;
        let loads = 0;
        page.on("load", () => {
          loads += 1;
        });
        await page.route(playerCode, async (route) => {
          await route.fulfill({ status: 404, contentType: "text/plain", body: "not found\n" });
        });
        await guest.goto(watch());
        await page.getByText("A part of this page did not load").waitFor();
        assert.equal(loads, 2, "the page was not loaded once and once more");
        await page.unroute(playerCode);
        await page.getByRole("button", { name: "Try again" }).click();
        await page.getByTestId("player").waitFor();
      });
    });

    describe("whose storage", () => {
      for (const [what, script] of [
        ["is blocked", blockStorage],
        ["is full", fillStorage],
      ] as const) {
        it(`${what}: signing in, browsing and watching work as long as the page is open`, async () => {
          const visitor = await theatre().enter(what);
          const { page, context } = visitor;
          await context.addInitScript(script);
          await signIn(visitor);
          await page.getByTestId("title-card").first().click();
          await page.getByTestId("play").click();
          await untilPlaying(page);
          await page.keyboard.press("m");
          await pause(page);
          await page.keyboard.press("Escape");
          await page.getByTestId("play").waitFor();
          assert.deepEqual(visitor.troubles(), []);
          await context.close();
        });
      }

      it("holds what is none of ours: the page takes it for nothing", async () => {
        const visitor = await theatre().enter("odd");
        const { page, context } = visitor;
        await signIn(visitor);
        for (const value of ["", "null", "{}", '"x"', "loud", "-3", "1e9"]) {
          await page.evaluate((text) => {
            const session = localStorage.getItem("matinee.session") ?? "";
            for (const key of ["volume", "muted", "captions", "audio", "device"]) {
              localStorage.setItem(`matinee.${key}`, text);
            }
            sessionStorage.setItem("matinee.position", text);
            localStorage.setItem("matinee.session", session);
          }, value);
          await visitor.goto(watch());
          await page.getByTestId("player").and(page.locator('[data-state="paused"], [data-state="playing"]')).waitFor();
        }
        for (const value of ["", "null", "5", "{}", "[]", "{", '{"accessToken":1}']) {
          await page.evaluate((text) => localStorage.setItem("matinee.session", text), value);
          await visitor.goto("/");
          await page.getByTestId("sign-in-form").waitFor();
        }
        assert.deepEqual(visitor.troubles(), []);
        await context.close();
      });
    });

    it("shows a sentence and a way on where a page breaks while it is drawn", async () => {
      const { page } = guest;
      guest.expectTrouble(/broken on purpose/);
      await guest.goto("/");
      await page.getByTestId("title-card").first().waitFor();
      // A function that the title's page needs for the length of a film.
      await page.evaluate(() => {
        Math.round = () => {
          throw new Error("broken on purpose");
        };
      });
      await page.getByTestId("title-card").first().click();
      await page.getByTestId("broken-page").waitFor();
      await page.getByTestId("account-menu").waitFor();
      await page.getByRole("button", { name: "Load it again" }).click();
      await page.getByTestId("title-page").waitFor();
    });

    describe("whose network is lost", () => {
      it("says so on every page, and goes on by itself when it is back", async () => {
        const visitor = await theatre().enter("offline");
        const { page, context } = visitor;
        visitor.expectTrouble(/ERR_INTERNET_DISCONNECTED/);
        await signIn(visitor);
        const lost = page.getByText("No connection").first();

        // Before a title's page.
        await context.setOffline(true);
        await page.getByTestId("title-card").first().click();
        await lost.waitFor();
        await context.setOffline(false);
        await page.getByTestId("play").waitFor();

        // Before the player's own code.
        await context.setOffline(true);
        await page.getByTestId("play").click();
        await lost.waitFor();
        await context.setOffline(false);
        await untilPlaying(page);
        await page.keyboard.press("Escape");

        // Before the play begins, with the code there.
        await page.getByTestId("play").waitFor();
        await context.setOffline(true);
        await page.getByTestId("play").click();
        await lost.waitFor();
        await context.setOffline(false);
        await untilPlaying(page);
        await page.keyboard.press("Escape");
        await page.getByTestId("play").waitFor();

        // On the search page.
        await context.setOffline(true);
        await page.getByTestId("search").fill("ferry");
        await lost.waitFor();
        await context.setOffline(false);
        await page.getByTestId("search-results").getByTestId("title-card").first().waitFor();

        // At the door.
        await page.getByTestId("account-menu").click();
        await page.getByTestId("sign-out").click();
        await page.getByTestId("sign-in-form").waitFor();
        await context.setOffline(true);
        await page.getByLabel("Email").fill("somebody@matinee.test");
        await page.getByLabel("Password").fill("a password for scenarios");
        await page.getByRole("button", { name: "Sign in" }).click();
        await page.getByText("cannot be reached").waitFor();
        assert.deepEqual(visitor.troubles(), []);
        await context.close();
      });
    });

    it("had no other error on a console, and no other request that failed", () => {
      assert.deepEqual(guest.troubles(), []);
    });
  },
  { topologies: ["one-process"] },
);
