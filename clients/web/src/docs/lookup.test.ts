/** Ways through the documentation, on contracts of two methods. */

import assert from "node:assert/strict";
import {
  isForClients,
  methodHref,
  placeAt,
  reasonsOf,
  reasonsOfEveryMethod,
  search,
  typeHref,
  usesOf,
} from "./lookup.ts";
import type { ApiReference, FieldDoc, MessageDoc, MethodDoc } from "./reference.ts";

const method = (name: string, part: Partial<MethodDoc> = {}): MethodDoc => ({
  name,
  comment: "",
  input: `matinee.shop.v1.${name}Request`,
  output: "matinee.shop.v1.Film",
  kind: "unary",
  isEdge: true,
  principals: ["PROFILE"],
  permissions: [],
  callers: [],
  idempotency: "NO_SIDE_EFFECTS",
  ...part,
});
const field = (name: string, type: string): FieldDoc => ({
  name,
  protoName: name,
  comment: "",
  type,
  isRepeated: false,
  isRequired: false,
  isOutput: false,
  rules: [],
});
const message = (name: string, comment: string, fields: readonly FieldDoc[] = []): MessageDoc => ({
  kind: "message",
  name,
  comment,
  fields,
  rules: [],
  requiredOneofs: [],
});

const reference: ApiReference = {
  services: [
    {
      name: "ShopService",
      typeName: "matinee.shop.v1.ShopService",
      module: "shop",
      comment: "Sells.",
      methods: [method("GetFilm"), method("RepriceFilm", { isEdge: false })],
    },
    {
      name: "TillService",
      typeName: "matinee.till.v1.TillService",
      module: "till",
      comment: "",
      methods: [method("Count", { isEdge: false })],
    },
  ],
  types: {
    "matinee.shop.v1.Film": message("Film", "What is sold.", [
      field("price", "integer"),
      field("state", "matinee.shop.v1.Film.State"),
    ]),
    "matinee.shop.v1.Film.State": {
      kind: "enum",
      name: "Film.State",
      comment: "",
      values: [{ name: "NEW", comment: "" }],
    },
    "matinee.shop.v1.GetFilmRequest": message("GetFilmRequest", "Asks for a film."),
  },
  reasons: [
    { reason: "FILM_SOLD", folder: "services/shop", code: "not_found", comment: "", message: "it is sold" },
    { reason: "SIGN_IN_REQUIRED", folder: "pkg/rpc", code: "unauthenticated", comment: "", message: "sign in first" },
    { reason: "DISK_BROKEN", folder: "pkg/files", code: "internal", comment: "", message: "the disk broke" },
  ],
};
const [shop, till] = reference.services;
assert.ok(shop && till);

describe("the addresses of the documentation", () => {
  it("lead to everything and back", () => {
    assert.deepEqual(placeAt(reference, "/docs"), { kind: "overview" });
    assert.deepEqual(placeAt(reference, "/docs/errors"), { kind: "errors" });
    assert.equal(placeAt(reference, "/docs/errors/FILM_SOLD")?.kind, "reason");
    for (const service of reference.services) {
      assert.deepEqual(placeAt(reference, typeHref(service.typeName)), { kind: "service", service });
      for (const one of service.methods)
        assert.deepEqual(placeAt(reference, methodHref(service, one)), { kind: "method", service, method: one });
    }
    for (const [typeName, type] of Object.entries(reference.types))
      assert.deepEqual(placeAt(reference, typeHref(typeName)), { kind: "type", typeName, type });
  });

  it("have no dot, by which files are told from pages", () => {
    assert.equal(typeHref("matinee.shop.v1.Film.State"), "/docs/matinee/shop/v1/Film/State");
  });

  it("lead nowhere where there is nothing", () => {
    for (const path of [
      "/docs/errors/NOPE",
      "/docs/matinee/shop/v1/ShopService/Nope",
      "/docs/matinee/shop",
      "/docs/constructor",
    ])
      assert.equal(placeAt(reference, path), undefined, path);
  });
});

describe("the documentation", () => {
  it("tells what clients may call from what they may not", () => {
    assert.deepEqual([shop, till].map(isForClients), [true, false]);
  });

  it("knows what uses a type", () => {
    const { methods, messages } = usesOf(reference, "matinee.shop.v1.Film");
    assert.deepEqual(
      methods.map((use) => use.method.name),
      ["GetFilm", "RepriceFilm", "Count"],
    );
    assert.deepEqual(messages, []);
    assert.deepEqual(usesOf(reference, "matinee.shop.v1.Film.State").messages, ["matinee.shop.v1.Film"]);
  });

  it("tells a module's reasons from those of every method", () => {
    assert.deepEqual(
      reasonsOf(reference, shop).map(({ reason }) => reason),
      ["FILM_SOLD"],
    );
    assert.deepEqual(
      reasonsOfEveryMethod(reference).map(({ reason }) => reason),
      ["SIGN_IN_REQUIRED"],
    );
  });
});

describe("the search of the documentation", () => {
  const names = (text: string) => search(reference, text).map(({ name }) => name);

  it("puts what is called so before what is spoken of", () => {
    assert.equal(names("film")[0], "Film");
    assert.ok(names("film").includes("GetFilmRequest"));
    assert.deepEqual(names("sold"), ["FILM_SOLD", "Film"]);
  });

  it("wants every word, in any case", () => {
    assert.deepEqual(names("GET film"), ["GetFilm", "GetFilmRequest"]);
    assert.deepEqual(names("get price"), []);
    assert.deepEqual(names("  "), []);
  });

  it("finds fields, values and reasons, each at its page", () => {
    assert.deepEqual(search(reference, "price")[0], {
      href: "/docs/matinee/shop/v1/Film",
      name: "price",
      what: "field of Film",
    });
    assert.deepEqual(search(reference, "new"), [
      { href: "/docs/matinee/shop/v1/Film/State", name: "NEW", what: "value of Film.State" },
    ]);
    assert.equal(search(reference, "disk_broken")[0]?.href, "/docs/errors/DISK_BROKEN");
  });
});
