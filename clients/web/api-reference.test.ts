/** The documentation's data against the contracts themselves: nothing is left out, and examples are valid. */

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { type FileRegistry, fromJson } from "@bufbuild/protobuf";
import { createValidator } from "@bufbuild/protovalidate";
import { readContracts, readReference } from "./api-reference.ts";
import { reasonsIn } from "./reasons.ts";
import { exampleOf } from "./src/docs/example.ts";
import type { ApiReference } from "./src/docs/reference.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const isOwn = ({ typeName }: { readonly typeName: string }) => /^matinee\.(?!options\.)/.test(typeName);

describe("the documentation's data", () => {
  let reference: ApiReference;
  let contracts: FileRegistry;

  before(async () => {
    [reference, contracts] = await Promise.all([readReference(), readContracts()]);
  });

  it("has every service, method, message, field, enum and value, each with its comment", () => {
    const said = (comment: string, what: string) => assert.ok(comment.length > 3, `${what} has no comment`);
    for (const desc of [...contracts].filter(isOwn)) {
      if (desc.kind === "service") {
        const service = reference.services.find(({ typeName }) => typeName === desc.typeName);
        said(service?.comment ?? "", desc.typeName);
        for (const { name } of desc.methods)
          said(service?.methods.find((method) => method.name === name)?.comment ?? "", `${desc.typeName}.${name}`);
      } else if (desc.kind === "message" || desc.kind === "enum") {
        const type = reference.types[desc.typeName];
        said(type?.comment ?? "", desc.typeName);
        const members: readonly { readonly name: string; readonly comment: string }[] =
          type?.kind === "message" ? type.fields : (type?.values ?? []);
        const expected =
          desc.kind === "message" ? desc.fields.map(({ jsonName }) => jsonName) : desc.values.map(({ name }) => name);
        assert.deepEqual(
          members.map(({ name }) => name),
          expected,
        );
        for (const { name, comment } of members) said(comment, `${desc.typeName}.${name}`);
      }
    }
  });

  it("leads to no type that it does not have", () => {
    const named = Object.values(reference.types).flatMap((type) => (type.kind === "message" ? type.fields : []));
    for (const { type } of named) if (/^[a-z]+\./.test(type)) assert.ok(reference.types[type], type);
  });

  it("says of each method who may call it, and how", () => {
    for (const { name, methods } of reference.services)
      for (const method of methods) assert.ok(method.principals.length > 0, `${name}.${method.name}`);
    const search = reference.services.flatMap(({ methods }) => methods).find(({ name }) => name === "SearchTitles");
    assert.deepEqual(search?.rateLimit, { perSecond: 20, burst: 40 });
    assert.equal(search?.idempotency, "NO_SIDE_EFFECTS");
    assert.equal(search?.isEdge, true);
  });

  it("says rules in words", () => {
    const ruled = reference.types["matinee.catalog.v1.BatchGetTitlesRequest"];
    assert.ok(ruled?.kind === "message");
    const [names] = ruled.fields;
    assert.deepEqual(names?.rules.toSorted(), [
      "at least 1 item",
      "at most 100 items",
      "each: `titles/{uuid}`",
      "no two alike",
    ]);
    assert.equal(names?.isRequired, true);
  });

  it("gives for each method of the edge an example that its rules admit", () => {
    const validator = createValidator({ registry: contracts });
    const faults = reference.services.flatMap(({ methods }) =>
      methods
        .filter(({ isEdge }) => isEdge)
        .flatMap(({ name, input }) => {
          const schema = contracts.getMessage(input);
          assert.ok(schema, input);
          const example = exampleOf(reference, input, () => crypto.randomUUID());
          const { violations = [] } = validator.validate(schema, fromJson(schema, example as never));
          // Rules of a whole message stand above its fields: which of them to give is for the reader to choose.
          const ofFields = violations.filter(({ field }) => field.length > 0);
          return ofFields.map(({ field, message }) => `${name}: ${field.map(String).join(".")} ${message}`);
        }),
    );
    assert.deepEqual(faults, []);
  });

  it("has every reason that the code gives", () => {
    const given = ["services", "pkg"].flatMap((top) =>
      readdirSync(`${ROOT}${top}`, { recursive: true, encoding: "utf8" })
        .filter((name) => /(^|\/)errors\.ts$/.test(name))
        .flatMap((name) => [
          ...readFileSync(`${ROOT}${top}/${name}`, "utf8").matchAll(
            /\b[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+(?=": |": \[|: \[|",$)/gm,
          ),
        ])
        .map(([reason]) => reason)
        // Of the system's.
        .filter((reason) => reason !== "EAI_AGAIN"),
    );
    assert.ok(given.length > 100);
    const documented = new Set(reference.reasons.map(({ reason }) => reason));
    for (const reason of documented) assert.match(reason, /^[A-Z][A-Z0-9_]+$/);
    const missing = given.filter((reason) => !documented.has(reason));
    assert.deepEqual(missing, []);
    const withCode = reference.reasons.filter(({ code }) => code !== "");
    assert.ok(withCode.length > given.length * 0.9, "most reasons have a code");
  });
});

describe("a reason in the code", () => {
  it("is found in a table, with its code, its sentence and what is said above it", () => {
    const text = `
export const errors = defineErrors({
  FILM_GONE: ["not_found", "there is no such film"],
  /** While it is
   * being made. */
  FILM_LATE: [
    "aborted",
    (ids: readonly string[]) => {
      const list = ids.map((id) => \`"\${id}": [\`).join(", ");
      return { message: \`not yet: \${list}, \${ids.length} of them\`, metadata: { list } };
    },
  ],
  FILM_OLD: ["invalid_argument", () => inField("film.year", "must be later")],
  FILM_ODD: ["internal", (what: string) => \`odd: \${what}.\`],
  FILM_SAID: ["internal", ({ message }: { readonly message: string }) => ({ message })],
});
`;
    const row = (reason: string, code: string, message: string, comment = "") => ({ reason, code, comment, message });
    assert.deepEqual(reasonsIn(text), [
      row("FILM_GONE", "not_found", "there is no such film"),
      row("FILM_LATE", "aborted", "not yet: …, … of them", "While it is being made."),
      row("FILM_OLD", "invalid_argument", "film.year: must be later"),
      row("FILM_ODD", "internal", "odd: …."),
      row("FILM_SAID", "internal", ""),
    ]);
  });

  it("is found where it is given to something else", () => {
    const text = `
      const description = "must be later";
      return new AppError({ kind: "aborted", reason: "FILM_LATE", message: \`time: \${description}\` });
      const FILM_NAMED = "FILM_NAMED";
      return [{ reason: FILM_NAMED, kind: "internal" }, { reason: IMPORTED }];`;
    assert.deepEqual(reasonsIn(text), [
      { reason: "FILM_LATE", code: "aborted", comment: "", message: "time: must be later" },
      { reason: "FILM_NAMED", code: "internal", comment: "", message: "" },
    ]);
  });
});
