/** The studio in a browser, with more films than fit a page: found, mended, told, made titles of, and never lost by accident. */

import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { newId } from "#pkg/clock/clock";
import { eventually } from "#pkg/testkit/eventually";
import { FilmService } from "../../clients/sdk/gen/matinee/catalog/v1/film_service_pb.ts";
import { IngestionService } from "../../clients/sdk/gen/matinee/ingestion/v1/ingestion_service_pb.ts";
import { assertNoBarriers } from "./barriers.ts";
import { buildWebClient, theatreOf, type Visitor } from "./browser.ts";
import { signInOnPage, signUpOnPage } from "./pages.ts";
import { operatorOf } from "./people.ts";
import { clearShelves, fillShelves, PUBLISHED, type ShelvedFilm, TITLED } from "./shelves.ts";
import { inEveryTopology } from "./stories.ts";
import { clearFilm, type Imported, idOf } from "./titles.ts";

const COUNT = 209;
const PAGE = 50;

before(async function () {
  this.timeout(60_000);
  await buildWebClient();
});

inEveryTopology(
  "the studio with 209 films",
  (cluster) => {
    const theatre = theatreOf(cluster);
    let studio: Visitor;
    let page: Page;
    let shelves: readonly ShelvedFilm[];
    let real: Imported;

    const card = (fileName: string) => page.locator(`[data-testid=film][data-file="${fileName}"]`);
    const focused = () =>
      page.evaluate(() => {
        const { activeElement: at } = document;
        return at === null || at === document.body ? "nothing" : (at.textContent || at.tagName).trim();
      });
    const confirm = (answer: "yes" | "no") => page.getByTestId(`confirm-${answer}`).click();

    before(async () => {
      real = await clearFilm(cluster());
      shelves = await fillShelves(cluster(), COUNT);
      const films = (await operatorOf(cluster())).platform.client(FilmService);
      await eventually("the list knows all of them", async () => {
        const seen = new Set<string>();
        for (let pageToken = ""; ; ) {
          const answer = await films.listFilms({ pageSize: 200, query: "reel", pageToken });
          for (const { name, package: pack } of answer.films) if (pack !== undefined) seen.add(name);
          pageToken = answer.nextPageToken;
          if (pageToken === "") return seen.size === COUNT;
        }
      });
      studio = await theatre().enter("studio");
      page = studio.page;
      await studio.goto("/studio");
      await signInOnPage(studio, cluster().operator);
      await page.getByTestId("film").first().waitFor();
    });

    after(() => clearShelves(cluster(), shelves));

    it("shows a page of them, then more, every one once", async () => {
      assert.equal(await page.getByTestId("film").count(), PAGE);
      await assertNoBarriers(page, "the studio with many films");
      for (let shown = PAGE; shown < COUNT; shown += PAGE) {
        await page.getByTestId("more-films").click();
        await page.waitForFunction((least) => document.querySelectorAll("[data-testid=film]").length > least, shown);
      }
      const names = await page
        .getByTestId("film")
        .evaluateAll((all) => all.map((one) => one.getAttribute("data-file") ?? ""));
      const reels = names.filter((name) => name.startsWith("reel "));
      assert.equal(new Set(reels).size, COUNT);
      assert.equal(reels.length, COUNT);
    });

    it("never offers as new what has a title, however old it is", async () => {
      for (const [index, { fileName }] of shelves.slice(0, TITLED).entries()) {
        assert.equal(await card(fileName).getByTestId("add-details").count(), 0, fileName);
        const state = await card(fileName).getByTestId("title-state").textContent();
        assert.equal(state, index < PUBLISHED ? "Published" : "Draft", fileName);
      }
    });

    it("finds one by a part of its name, and shows only what is to be done", async () => {
      await page.getByTestId("search-films").fill("shelved 003");
      await eventually("one is left", async () => (await page.getByTestId("film").count()) === 1);
      await page.reload();
      await card("reel 003.mkv").waitFor();
      assert.equal(await page.getByTestId("search-films").inputValue(), "shelved 003", "the address keeps the search");
      await page.getByTestId("search-films").fill("reel");
      await page.getByTestId("show-failed").click();
      await card("reel 200.mkv").waitFor();
      await eventually("the failed ones are left", async () => (await page.getByTestId("film").count()) === 20);
      await page.getByTestId("show-published").click();
      await eventually(
        "the published ones are left",
        async () => (await page.getByTestId("film").count()) === PUBLISHED,
      );
    });

    it("deletes what failed, once it was asked, says so, and does not lose the focus", async () => {
      await studio.goto("/studio?show=failed&q=reel");
      const failed = card("reel 200.mkv");
      await failed.getByTestId("retry-package").waitFor();
      await failed.getByTestId("delete-film").click();
      await page.getByTestId("confirm").getByText("This cannot be undone").waitFor();
      await assertNoBarriers(page, "the question before deleting");
      assert.equal(await focused(), "Cancel", "Enter deletes nothing");
      await page.keyboard.press("Escape");
      assert.equal(await focused(), "Delete", "the focus is where it was");
      await failed.getByTestId("delete-film").click();
      await confirm("yes");
      await page.getByText("“reel 200.mkv” is deleted.").waitFor();
      assert.equal(await focused(), "Films");
      await eventually("it is gone", async () => (await failed.count()) === 0);
    });

    it("has one card for an upload that was left, and goes on with it in another browser, or discards it", async () => {
      const bytes = Buffer.alloc(1000, "not a film");
      const { upload } = await (await operatorOf(cluster())).platform.client(IngestionService).createUpload({
        fileName: "left behind.mkv",
        sizeBytes: BigInt(bytes.length),
        requestId: crypto.randomUUID(),
      });
      await studio.goto("/studio");
      const left = card("left behind.mkv");
      await left.getByTestId("interrupted-upload").waitFor();
      const choose = left.getByLabel("The file left behind.mkv");
      const folder = cluster().data;
      const other = join(folder, "another.mkv");
      await writeFile(other, bytes);
      await choose.setInputFiles(other);
      await left.getByRole("alert").getByText("That is “another.mkv” with 1.0 kB").waitFor();
      const same = join(folder, "left behind.mkv");
      await writeFile(same, bytes);
      await choose.setInputFiles(same);
      // It is no film, which only shows once it has arrived.
      await left.and(page.locator('[data-state="refused"]')).waitFor();
      assert.equal(await left.count(), 1);
      const refused = await left.getByTestId("film-failure").textContent();
      assert.match(refused ?? "", /\(MEDIA_[A-Z_]+\)/);
      assert.equal(await left.getAttribute("data-asset"), upload?.asset, "it is the same upload");

      await (await operatorOf(cluster())).platform.client(IngestionService).createUpload({
        fileName: "given up.mkv",
        sizeBytes: 1000n,
        requestId: crypto.randomUUID(),
      });
      const given = card("given up.mkv");
      await given.getByRole("button", { name: "Discard" }).click();
      await confirm("yes");
      await eventually("it is gone", async () => (await given.count()) === 0);
    });

    it("says in plain words which field is at fault, and goes there", async () => {
      await studio.goto("/studio");
      await page.getByRole("link", { name: "New title" }).click();
      await page.getByLabel("Name").fill("A title in the making");
      await page.getByLabel("Genres").fill("Sci_Fi!");
      await page.getByLabel("From", { exact: true }).fill("2026-05-02T00:00");
      await page.getByLabel("Until").fill("2026-05-01T00:00");
      await page.getByTestId("save-title").click();
      await page.getByText("Not saved: 2 fields need another look.").waitFor();
      await page.getByText("“Sci_Fi!” cannot be a genre.").waitFor();
      await page.getByText("The window’s end must be after its start.").waitFor();
      const text = await page.getByTestId("title-form").textContent();
      assert.doesNotMatch(text ?? "", /regex|availability_windows|title\./);
      assert.equal(await page.getByLabel("Genres").evaluate((input) => input === document.activeElement), true);
      await page.getByLabel("Genres").fill("drama");
      await page.getByLabel("Until").fill("2026-06-01T00:00");
    });

    it("asks before edits are left behind, by a link and by the way back", async () => {
      await page.getByTestId("nav-studio").click();
      await page.getByText("Leave without saving?").waitFor();
      await confirm("no");
      assert.match(page.url(), /\/studio\/title\/new$/);
      assert.equal(await page.getByLabel("Name").inputValue(), "A title in the making");
      await page.evaluate(() => history.back());
      await page.getByText("Leave without saving?").waitFor();
      await confirm("no");
      assert.match(page.url(), /\/studio\/title\/new$/);
      assert.equal(await page.getByLabel("Name").inputValue(), "A title in the making");
    });

    it("makes a title with a film that was searched for and two rights windows, and says that it is saved", async () => {
      await page.getByLabel("Synopsis").fill("Somebody makes a title.");
      await page.getByTestId("choose-film").click();
      await page.getByTestId("search-untitled").fill("reel 042");
      await page.getByTestId("untitled-film").filter({ hasText: "reel 042.mkv" }).click();
      await page.getByTestId("film-picker").getByText("reel 042.mkv").waitFor();
      await page.getByTestId("add-window").click();
      const second = page.getByTestId("window").nth(1);
      await second.getByLabel("Territories").fill("de, at");
      await second.getByLabel("premium").check();
      await assertNoBarriers(page, "the form with two windows");
      await page.getByTestId("save-title").click();
      await page.getByTestId("title-note").getByText("Saved.").waitFor();
      assert.equal(await focused(), "Saved.", "the page that it leads to says so, to a reader too");
      await page.reload();
      await page.getByTestId("film-picker").getByText("reel 042.mkv").waitFor();
      assert.equal(await second.getByLabel("Territories").inputValue(), "DE, AT");
      assert.equal(await second.getByLabel("premium").isChecked(), true);
      await page.getByLabel("Year").fill("1999");
      await page.getByTestId("save-title").click();
      await page.getByTestId("title-note").getByText("Saved.").waitFor();
      assert.equal(await focused(), "Save", "the focus stays on the button");
      await page.getByTestId("nav-studio").click();
      await page.getByTestId("films").waitFor();
    });

    it("lets people choose the picture, asks before it unpublishes and deletes, and brings a deleted title back", async () => {
      await studio.goto(`/studio/title/${idOf(real.title.name)}`);
      const pictures = page.getByTestId("poster-picker").getByRole("radio");
      await pictures.nth(1).waitFor();
      const unchosen = (await pictures.nth(0).isChecked()) ? pictures.nth(1) : pictures.nth(0);
      const path = await unchosen.locator("xpath=following-sibling::img").getAttribute("src");
      await unchosen.check({ force: true });
      await page.getByTestId("save-title").click();
      await page.getByTestId("title-note").getByText("Saved.").waitFor();
      await studio.goto(`/title/${idOf(real.title.name)}`);
      await page
        .locator(`img[src^="${path?.replace(/\.jpg$/, "")}"]`)
        .first()
        .waitFor({ state: "attached" });

      await studio.goto("/studio?q=shelved%20001");
      await card("reel 001.mkv").getByTestId("edit-details").click();
      await page.getByTestId("unpublish").click();
      await confirm("no");
      await page.getByTestId("title-state").and(page.getByText("Published")).waitFor();
      await page.getByTestId("unpublish").click();
      await confirm("yes");
      await page.getByTestId("title-state").and(page.getByText("Unpublished")).waitFor();
      assert.equal(await focused(), "Out of the catalogue.");
      await page.getByTestId("delete-title").click();
      await confirm("yes");
      const said = page.getByTestId("deleted-title");
      await said.getByText("“Shelved reel 001” is deleted.").waitFor();
      await said.getByRole("button", { name: "Bring it back" }).click();
      await said.getByText("is back, as a draft").waitFor();
    });

    it("lets the bell's count be cleared, for good, and reads out only what is new", async () => {
      const account = (await operatorOf(cluster())).session.current?.account ?? "";
      const ids = Array.from({ length: 190 }, () => newId());
      await cluster().sql(
        `with inbox as (insert into notification.inboxes (id, last_seq) values ($1, 1000)
           on conflict (id) do update set last_seq = notification.inboxes.last_seq + 1000 returning last_seq)
         insert into notification.notifications (id, inbox, seq, kind, headline, body, subject, once, created_at)
         select id, $1, last_seq - 500 + n, 'upload_ready', 'old news ' || n, '', '', id::text, now()
         from inbox, unnest($2::uuid[]) with ordinality as f (id, n)`,
        [idOf(account), ids],
      );
      await studio.goto("/studio");
      const bell = page.getByTestId("notifications");
      await page.getByRole("button", { name: "Notifications, 9+ new" }).waitFor();
      assert.equal(await page.getByTestId("bell-news").textContent(), "", "nobody hears what was there before");
      await bell.click();
      await page.getByTestId("notification").first().waitFor();
      await page.getByRole("button", { name: "Notifications", exact: true }).waitFor();
      await page.reload();
      await page.getByRole("button", { name: "Notifications", exact: true }).waitFor();
    });

    it("shows none of itself to a viewer", async () => {
      const guest = await theatre().enter("guest");
      await signUpOnPage(guest);
      for (const path of ["/studio", "/studio/title/new"]) {
        await guest.goto(path);
        await guest.page.getByText("The studio is for operators").waitFor();
        assert.equal(await guest.page.getByTestId("title-form").count(), 0);
      }
      assert.deepEqual([...studio.troubles(), ...guest.troubles()], []);
    });
  },
  // What differs between the topologies is below the pages; the other stories of the browser look at both.
  { topologies: ["one-process"] },
);
