/** What a caller sets is bounded by its contract, so that every request which reaches a handler is of a known size. */

import assert from "node:assert/strict";
import { type DescField, type DescMessage, getOption, ScalarType } from "@bufbuild/protobuf";
import { type FieldRules, field as fieldRules } from "#gen/buf/validate/validate_pb";
import { methodName } from "#pkg/rpc/access";
import { contracts } from "#pkg/testkit/contracts";

/** Counts of what is counted by name alone: too large a page is lowered. */
const LOWERED = "page_size";

/** What only the server sets in what a caller sends back; it is passed over there. */
const OUTPUT_ONLY: Readonly<Record<string, readonly string[]>> = {
  "matinee.catalog.v1.Title": ["media", "artworks", "availability", "view_count"],
};

/** Measured by players that may be broken: one value out of bounds would refuse the batch, so the service holds them in. */
const MEASURED =
  /^matinee\.telemetry\.v1\.(PlayerEvent|PlayRequested|FirstFrame|RebufferEnded|RenditionChanged|PlayerError|PlayEnded|Sample)$/;

/** Of these every value is within bounds: a time has a year of at most four digits. */
const BOUNDED_MESSAGES = new Set(["google.protobuf.Timestamp"]);

describe("what a caller sets", () => {
  it("has its bound in the contract, in every field of every method", async () => {
    const unbounded = new Map<string, string>();
    for (const method of (await contracts()).flatMap(({ services }) => services).flatMap(({ methods }) => methods)) {
      for (const field of fieldsOf(method.input)) {
        if (!isBounded(field)) unbounded.set(field.toString(), methodName(method));
      }
    }
    assert.deepEqual([...unbounded], []);
  });
});

/** Every field that a caller can set, of the message and of those in it. */
function fieldsOf(message: DescMessage, seen = new Set<DescMessage>()): DescField[] {
  if (seen.has(message) || message.typeName.startsWith("google.protobuf.")) return [];
  seen.add(message);
  return message.fields
    .filter((field) => !OUTPUT_ONLY[message.typeName]?.includes(field.name))
    .flatMap((field) => [field, ...(field.message === undefined ? [] : fieldsOf(field.message, seen))]);
}

function isBounded(field: DescField): boolean {
  const rules = getOption(field, fieldRules);
  if (field.name === LOWERED) return true;
  if (rules.cel.length > 0) return true;
  const { type } = rules;
  if (MEASURED.test(field.parent.typeName) && field.scalar !== ScalarType.STRING) return true;
  switch (field.fieldKind) {
    case "enum":
      return true;
    case "scalar":
      return isScalarBounded(field.scalar, type);
    case "message":
      if (field.message.typeName === "google.protobuf.Duration") {
        return type.case === "duration" && type.value.lessThan.case !== undefined;
      }
      return BOUNDED_MESSAGES.has(field.message.typeName) || !field.message.typeName.startsWith("google.protobuf.");
    case "list": {
      if (type.case !== "repeated" || type.value.maxItems === 0n) return false;
      return field.listKind !== "scalar" || isScalarBounded(field.scalar, type.value.items?.type);
    }
    case "map":
      return type.case === "map" && type.value.maxPairs > 0n;
  }
}

function isScalarBounded(scalar: ScalarType, rules: FieldRules["type"] | undefined): boolean {
  if (scalar === ScalarType.BOOL) return true;
  if (rules?.case === "string") {
    const { maxLen, pattern, in: allowed, wellKnown } = rules.value;
    return maxLen > 0n || /\$$/.test(pattern) || allowed.length > 0 || wellKnown.case === "uuid";
  }
  if (rules?.case === "bytes") return rules.value.maxLen > 0n || rules.value.len > 0n;
  return (
    rules !== undefined &&
    rules.value !== undefined &&
    "lessThan" in rules.value &&
    rules.value.lessThan.case !== undefined
  );
}
