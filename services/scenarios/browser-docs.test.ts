/** Somebody who writes a program reads the API's documentation in a browser and tries what is written there. */

import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { promisify } from "node:util";
import type { Page } from "playwright-core";
import { readReference } from "../../clients/web/api-reference.ts";
import { methodHref, reasonHref, typeHref } from "../../clients/web/src/docs/lookup.ts";
import type { ApiReference } from "../../clients/web/src/docs/reference.ts";
import { assertNoBarriers } from "./barriers.ts";
import { buildWebClient, theatreOf, type Visitor } from "./browser.ts";
import type { Cluster } from "./cluster.ts";
import { signInOnPage, signUpOnPage } from "./pages.ts";
import { inEveryTopology } from "./stories.ts";

const LONGEST = 5;
const NARROW = { width: 390, height: 844 };
const WIDE = { width: 1280, height: 800 };
const DOCS_CODE = /\/assets\/docs-.*\.js$/;

/** Every page with what its heading says; of the reasons, which are all alike, the longest. */
function pagesOf({ services, types, reasons }: ApiReference): readonly (readonly [string, string])[] {
  return [
    ["/docs", "The API of Matinee"],
    ["/docs/errors", "Errors"],
    ...services.map((service) => [typeHref(service.typeName), service.name] as const),
    ...services.flatMap((service) => service.methods.map((one) => [methodHref(service, one), one.name] as const)),
    ...Object.entries(types).map(([typeName, type]) => [typeHref(typeName), type.name] as const),
    ...reasons
      .map(({ reason }) => reason)
      .toSorted((a, b) => b.length - a.length)
      .slice(0, LONGEST)
      .map((reason) => [reasonHref(reason), reason] as const),
  ];
}

/** Goes from page to page as links do, without loading anew; answers what is wrong with those where something is. */
function visit(page: Page, pages: readonly (readonly [string, string])[]): Promise<readonly string[]> {
  return page.evaluate(async (all) => {
    const wrong: string[] = [];
    for (const [href, heading] of all) {
      history.pushState(null, "", href);
      await new Promise((drawn) => requestAnimationFrame(() => setTimeout(drawn)));
      const shown = document.querySelector("main h1")?.textContent;
      if (shown !== heading) wrong.push(`${href}: ${shown}`);
      const { scrollWidth, clientWidth } = document.documentElement;
      if (scrollWidth > clientWidth) wrong.push(`${href}: ${scrollWidth} wide on ${clientWidth}`);
    }
    return wrong;
  }, pages);
}

before(async function () {
  this.timeout(60_000);
  await buildWebClient();
});

const story = (cluster: () => Cluster) => {
  const theatre = theatreOf(cluster);
  let reader: Visitor;
  let reference: ApiReference;

  /** Sends the form's request and answers what the service said. */
  const send = async (page: Page) => {
    await page.getByRole("button", { name: "Send", exact: true }).click();
    await page.getByTestId("answer-status").waitFor();
    return page.getByTestId("answer").locator("pre").first().textContent().then(String);
  };
  const method = (name: string) => `/docs/matinee/${name}`;

  before(async () => {
    reader = await theatre().enter("reader");
    reference = await readReference();
  });

  it("is read without an account, and finds a field's method by its search", async () => {
    const { page } = reader;
    await reader.goto("/docs");
    await page.getByRole("heading", { level: 1, name: "The API of Matinee" }).waitFor();
    await assertNoBarriers(page, "the documentation's first page");
    await page.getByTestId("docs-search").fill("search titles");
    await page.getByTestId("docs-hits").getByRole("link", { name: "SearchTitles method of" }).click();
    await page.getByRole("heading", { level: 1, name: "SearchTitles" }).waitFor();
    const described = reference.services.flatMap(({ methods }) => methods).find(({ name }) => name === "SearchTitles");
    assert.equal(
      await page.locator("main h1 + p").textContent(),
      described?.comment.split("\n\n")[0]?.replaceAll("`", ""),
    );
    await page.locator("main h1:focus").waitFor();
    await assertNoBarriers(page, "a method's page");
    await reader.goto("/docs/matinee/catalog/v1/Nothing");
    await page.getByText("The contracts have nothing of this name").waitFor();
  });

  it("has a page for every service, method, message and enum, which fits a narrow screen", async () => {
    const { page } = reader;
    const pages = pagesOf(reference);
    assert.ok(pages.length > 250);
    await reader.goto("/docs");
    await page.getByRole("heading", { level: 1 }).waitFor();
    // What fits here fits on every screen.
    await page.setViewportSize(NARROW);
    assert.deepEqual(await visit(page, pages), []);
    await page.getByRole("button", { name: "Contents" }).click();
    await page.getByRole("link", { name: "CatalogService" }).first().click();
    await page.getByRole("heading", { level: 1, name: "CatalogService" }).waitFor();
    assert.equal(await page.getByTestId("docs-search").isVisible(), false, "the contents give way to the page");
    await assertNoBarriers(page, "a service's page on a narrow screen");
    await page.setViewportSize(WIDE);
  });

  it("tells what is wrong with a request before it is sent, and why one was refused after", async () => {
    const { page } = reader;
    reader.expectTrouble(/401/);
    await reader.goto(method("profile/v1/ProfileService/SignIn"));
    const request = page.getByLabel("Request");
    await request.fill("{");
    assert.equal(await request.getAttribute("aria-invalid"), "true");
    await request.fill('{"email": "nobody@example.com", "password": "not the password"}');
    assert.match(await send(page), /"unauthenticated"/);
    await page.getByRole("link", { name: "SIGN_IN_FAILED" }).first().click();
    await page.getByRole("heading", { level: 1, name: "SIGN_IN_FAILED" }).waitFor();
    await page.getByText("the address or the password is wrong").waitFor();
  });

  it("comes back to the method after signing in, and calls it as whoever that is", async () => {
    const guest = await theatre().enter("guest");
    const account = await signUpOnPage(guest);
    const loaded = () => performance.getEntriesByType("resource").map(({ name }) => name);
    const scripts = (await guest.page.evaluate(loaded)).filter((name) => name.endsWith(".js"));
    assert.ok(scripts.length > 0 && !scripts.some((name) => DOCS_CODE.test(name)), "other pages load none of it");
    const visitor = await theatre().enter("program");
    const { page } = visitor;
    await visitor.goto(method("profile/v1/ProfileService/GetAccount"));
    await page.getByRole("link", { name: "sign in", exact: true }).click();
    await page.getByLabel("Email").fill(account.email);
    await page.getByLabel("Password").fill(account.password);
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.getByRole("heading", { level: 1, name: "GetAccount" }).waitFor();
    const answered = await send(page);
    assert.ok(answered.includes(account.email), answered);
  });

  it("shows a stream's messages as they come, until it is stopped", async () => {
    const operator = await theatre().enter("operator");
    const { page } = operator;
    await operator.goto("/sign-in");
    await signInOnPage(operator, cluster().operator);
    await operator.goto(method("catalog/v1/FilmService/WatchFilms"));
    await send(page);
    await page.getByRole("button", { name: "Stop" }).click();
    await page.getByRole("button", { name: "Send", exact: true }).waitFor();
    assert.equal(await page.getByRole("alert").textContent(), "");
  });

  it("gives commands that a shell runs with the same outcome, of a stream too", async () => {
    const visitor = await theatre().enter("shell");
    const { page } = visitor;
    await visitor.goto("/sign-in");
    await signInOnPage(visitor, cluster().operator);
    const session = await page.evaluate(() => localStorage.getItem("matinee.session") ?? "");
    const env = { PATH: process.env.PATH, TOKEN: String(JSON.parse(session).accessToken) };
    const commandOf = async (name: string) => {
      await visitor.goto(method(name));
      return page.getByRole("figure").filter({ hasText: "With curl" }).locator("pre").textContent().then(String);
    };
    const listing = await commandOf("catalog/v1/CatalogService/ListTitles");
    const { stdout } = await promisify(execFile)("sh", ["-c", listing], { env });
    assert.deepEqual(JSON.parse(stdout), JSON.parse(await send(page)));
    // A stream goes on: its first message is enough. A refusal would have come with the flag of an end.
    const watching = spawn("sh", ["-c", await commandOf("catalog/v1/FilmService/WatchFilms")], { env, detached: true });
    try {
      const [first] = (await once(watching.stdout, "data")) as [Buffer];
      assert.equal(first[0], 0, first.toString());
    } finally {
      process.kill(-(watching.pid ?? 0));
    }
  });
};

// What it calls is called in every topology by other stories.
inEveryTopology("the API's documentation in a browser", story, { topologies: ["one-process"] });
