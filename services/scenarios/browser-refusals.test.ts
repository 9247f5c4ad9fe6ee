/** What a browser shows where a film may not be watched, and films in the clear, also with many tabs open. */

import assert from "node:assert/strict";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import type { Page } from "playwright-core";
import { eventually } from "#pkg/testkit/eventually";
import { MatineeError } from "../../clients/sdk/errors.ts";
import { CatalogService } from "../../clients/sdk/gen/matinee/catalog/v1/catalog_service_pb.ts";
import type { StartPlaybackResponse } from "../../clients/sdk/gen/matinee/playback/v1/playback_service_pb.ts";
import { TelemetryService } from "../../clients/sdk/gen/matinee/telemetry/v1/telemetry_service_pb.ts";
import { assertNoBarriers } from "./barriers.ts";
import { theatreOf, type Visitor } from "./browser.ts";
import { type Account, signInOnPage, signUpOnPage } from "./pages.ts";
import { operatorOf, signedIn } from "./people.ts";
import { endReasonOf, start, stop } from "./playing.ts";
import { screening, untilPlaying } from "./screen.ts";
import { inEveryTopology } from "./stories.ts";
import { clearFilm, type Imported, idOf, publishTitle } from "./titles.ts";

const SHORT_RIGHTS_MS = 8_000;
const TABS = 3;

inEveryTopology(
  "a film in the clear in the browser",
  (cluster) => {
    const theatre = theatreOf(cluster);
    let clear: Imported;
    let guest: Visitor;
    let account: Account;

    const refusal = (page: Page) => page.getByTestId("player-error");
    const watch = (title: { readonly name: string }) => `/watch/${idOf(title.name)}`;

    before(async () => {
      clear = await clearFilm(cluster());
      guest = await theatre().enter("guest");
      account = await signUpOnPage(guest);
    });

    for (const format of ["dash", "hls"]) {
      it(`plays over ${format.toUpperCase()}, without keys`, async () => {
        const manifest = guest.page.waitForResponse((answer) =>
          new URL(answer.url()).pathname.endsWith(format === "hls" ? ".m3u8" : ".mpd"),
        );
        await guest.goto(`${watch(clear.title)}?format=${format}`);
        assert.equal((await manifest).status(), 200);
        const shown = await untilPlaying(guest.page);
        assert.deepEqual(shown.keyStatuses, []);
      });
    }

    it("plays beside many open tabs, which share one stream of news", async () => {
      const studio = await theatre().enter("studio");
      await studio.goto("/sign-in");
      await signInOnPage(studio, cluster().operator);
      const tabs = [studio.page];
      for (let count = 1; count < TABS; count++) tabs.push(await studio.open("/studio"));
      await studio.goto("/studio");
      for (const tab of tabs) await tab.getByTestId("film").first().waitFor();
      const player = await studio.open(watch(clear.title));
      await untilPlaying(player);
      // Films and notifications: one tab holds each stream, whichever it is, and the others wait to inherit it.
      const locks = await player.evaluate(async () => {
        const { held = [], pending = [] } = await navigator.locks.query();
        const streams = (all: readonly LockInfo[]) =>
          all
            .map(({ name }) => /^matinee-(films|notifications)-/.exec(name ?? "")?.[1])
            .filter((name) => name !== undefined);
        return { held: streams(held).sort(), pending: streams(pending).sort() };
      });
      assert.deepEqual(locks.held, ["films", "notifications"]);
      assert.equal(locks.pending.filter((name) => name === "notifications").length, TABS);
      await player.close();
      assert.deepEqual(studio.troubles(), []);
    });

    it("is refused on the page where it was unpublished while the page was open", async () => {
      const { page } = guest;
      const title = await publishTitle(cluster(), clear.asset, {
        displayTitle: "Gone Tomorrow",
        availabilityWindows: [{}],
      });
      await guest.goto(`/title/${idOf(title.name)}`);
      await page.getByTestId("play").waitFor();
      const catalog = (await operatorOf(cluster())).platform.client(CatalogService);
      await catalog.unpublishTitle({ name: title.name });
      guest.expectTrouble(/40[04] .*(PlaybackService\/StartPlayback|CatalogService\/GetTitle)/);
      await page.getByTestId("play").click();
      await refusal(page).getByText("This film is not here").waitFor();
      assert.equal(await refusal(page).getAttribute("data-reason"), "TITLE_NOT_PUBLISHED");
      await assertNoBarriers(page, "a refusal");
      await page.getByRole("link", { name: "Back to the film" }).click();
      await page.getByText("This film is not here").waitFor();
    });

    it("is refused while the plan's streams play on other devices, and plays once one of them is stopped from there", async () => {
      const { page } = guest;
      await guest.goto("/");
      await page.getByTestId("title-card").first().waitFor();
      const person = await signedIn(cluster(), account.email, account.password);
      const plays: StartPlaybackResponse[] = [];
      guest.expectTrouble(/429 .*PlaybackService\/StartPlayback/);
      const limit = await eventually("the plan's streams are taken", async () => {
        try {
          plays.push(await start(person, clear.title.name));
          return undefined;
        } catch (error) {
          return error instanceof MatineeError ? error : undefined;
        }
      });
      assert.equal(limit.reason, "STREAM_LIMIT_REACHED");
      await guest.goto(watch(clear.title));
      await refusal(page).getByText("Playing elsewhere").waitFor();
      assert.equal(await refusal(page).getAttribute("data-reason"), "STREAM_LIMIT_REACHED");
      const playing = page.getByTestId("playing-elsewhere");
      await playing.first().getByText("A scenario").waitFor();
      assert.equal(await playing.count(), plays.length);
      await assertNoBarriers(page, "a refusal with what plays elsewhere");
      await page.setViewportSize({ width: 390, height: 800 });
      await playing
        .first()
        .getByRole("button", { name: /^Stop .+ on A scenario$/ })
        .click();
      await untilPlaying(page);
      const reasons = await Promise.all(plays.map((play) => endReasonOf(person, play)));
      assert.deepEqual(reasons, ["ended_elsewhere", ...plays.slice(1).map(() => "")]);
      for (const play of plays) await stop(person, play);
    });

    it("counts a start that failed and one that was refused apart, though neither came to a play", async () => {
      const title = await publishTitle(cluster(), clear.asset, {
        displayTitle: "Never Begun",
        availabilityWindows: [{ territories: ["AQ"] }],
      });
      const quality = (await operatorOf(cluster())).platform.client(TelemetryService);
      const counted = (failures: bigint, refusals: bigint) =>
        eventually(`${failures} failures and ${refusals} refusals`, async () => {
          const { summary } = await quality.getQualitySummary({ title: title.name });
          return summary?.startupFailureCount === failures && summary.businessExceptionCount === refusals
            ? summary
            : undefined;
        });
      const { page } = guest;
      const starts = "**/matinee.playback.v1.PlaybackService/StartPlayback";
      await page.route(starts, (route) => route.abort());
      guest.expectTrouble(/PlaybackService\/StartPlayback/);
      await guest.goto(watch(title));
      await refusal(page).waitFor();
      assert.equal(await refusal(page).getAttribute("data-reason"), "UNREACHABLE");
      const failed = await counted(1n, 0n);
      assert.equal(failed.viewCount, 1n);
      assert.equal(failed.startupFailureRatio, 1);
      assert.ok(failed.medianStartupFailureTime !== undefined);
      await page.unroute(starts);
      await guest.goto("/");
      await guest.goto(watch(title));
      await refusal(page).and(page.locator('[data-reason="TITLE_TERRITORY"]')).waitFor();
      await counted(1n, 1n);
    });

    it("stops on the screen when its rights end, and says so", async () => {
      const { page } = guest;
      const endsAt = new Date(Date.now() + SHORT_RIGHTS_MS);
      const title = await publishTitle(cluster(), clear.asset, {
        displayTitle: "Last Night Only",
        availabilityWindows: [{ endTime: timestampFromDate(endsAt) }],
      });
      guest.expectTrouble(/40[01] .*PlaybackService\/(Heartbeat|StartPlayback)/);
      await guest.goto(watch(title));
      await untilPlaying(page);
      await page.waitForFunction((endMs) => Date.now() > endMs, endsAt.getTime());
      // A pause is told at once; else the next heartbeat would bring the answer.
      await page.keyboard.press("k");
      await refusal(page).getByText("This film has left").waitFor();
      assert.equal(await refusal(page).getAttribute("data-reason"), "TITLE_ENDED");
      assert.ok((await screening(page)).isPaused);
      await guest.goto(`/title/${idOf(title.name)}`);
      await page.getByTestId("availability").and(page.locator('[data-reason="TITLE_ENDED"]')).waitFor();
      assert.equal(await page.getByTestId("play").count(), 0);
    });

    it("had no other error on a console, no violation of the page's policy, and no other request that failed", () => {
      assert.deepEqual(guest.troubles(), []);
    });
  },
  { topologies: ["one-process"] },
);
