/** The harness itself: the platform starts, answers at one origin, survives its restart, and leaves nothing. */

import assert from "node:assert/strict";
import { operatorOf } from "./people.ts";
import { inEveryTopology } from "./stories.ts";

inEveryTopology("the platform", (cluster) => {
  it("answers at one origin what the contract opens to clients, and nothing else", async () => {
    const { origin } = cluster();
    const call = (method: string) =>
      fetch(`${origin}/${method}`, { method: "POST", headers: { "content-type": "application/json" }, body: "{}" });
    assert.equal((await call("matinee.catalog.v1.CatalogService/ListTitles")).status, 401);
    assert.equal((await call("matinee.catalog.v1.CatalogService/CheckAvailability")).status, 404);
    assert.equal((await call("matinee.transcode.v1.WorkerService/LeaseTask")).status, 404);
    for (const issuer of ["profile", "playback"]) {
      const answer = await fetch(`${origin}/.well-known/jwks/${issuer}.json`);
      const { keys } = (await answer.json()) as { keys: { kty: string; d?: string }[] };
      assert.ok(keys.length > 0 && keys.every(({ kty, d }) => kty === "EC" && d === undefined));
    }
  });

  it("believes no client that claims to be a module", async () => {
    const answer = await fetch(`${cluster().origin}/matinee.catalog.v1.CatalogService/ListTitles`, {
      method: "POST",
      headers: { "content-type": "application/json", "x-matinee-peer": "playback.AAAA" },
      body: "{}",
    });
    assert.equal(answer.status, 401);
  });

  it("signs its operator in", async () => {
    const operator = await operatorOf(cluster());
    assert.equal(operator.session.current?.isOperator, true);
  });

  it("is back after a kill of all of it, with what was there", async () => {
    const accounts = () => cluster().sql<{ email: string }>("select email from profile.accounts order by email");
    const before = await accounts();
    await cluster().kill();
    await cluster().restart();
    assert.deepEqual(await accounts(), before);
  });
});
