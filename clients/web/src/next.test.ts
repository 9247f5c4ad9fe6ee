import assert from "node:assert/strict";
import { hrefAfter, signInHref } from "./next.ts";

describe("the address after signing in", () => {
  const after = (next: string) => hrefAfter(new URLSearchParams({ next }).toString());

  it("is the one that asked for it, with its query", () => {
    for (const [path, search] of [
      ["/title/0198", ""],
      ["/search", "q=night%20train&x=1"],
      ["/docs/matinee/catalog/v1/CatalogService", ""],
    ] as const) {
      const asked = signInHref(path, search);
      assert.ok(asked.startsWith("/sign-in?next="));
      assert.equal(hrefAfter(asked.slice(asked.indexOf("?"))), search === "" ? path : `${path}?${search}`);
    }
  });

  it("is home where nothing asked", () => {
    assert.equal(signInHref("/"), "/sign-in");
    assert.equal(hrefAfter(""), "/");
  });

  it("never leads out of the site, however it is written", () => {
    for (const next of [
      "https://elsewhere.example/",
      "//elsewhere.example/",
      "/\\elsewhere.example/",
      "/\t/elsewhere.example/",
      "javascript:alert(1)",
      "elsewhere",
      "//",
    ])
      assert.equal(after(next), "/", JSON.stringify(next));
  });
});
