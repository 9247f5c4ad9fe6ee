/** The contracts' validation rules: in words for a reader, and as a value that keeps them. */

import { type DescField, type JsonObject, type JsonValue, ScalarType } from "@bufbuild/protobuf";
import { SAMPLE_ID } from "./src/docs/example.ts";

const REVISION_PATTERN = "[0-9]{1,9}";
const UUID_PATTERN = "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}";

/** Names of protovalidate's rules as JSON has them; what is not here is shown by its name. */
const WORDS: Readonly<Record<string, (value: JsonValue) => string>> = {
  minLen: (count) => `at least ${counted(count, "character")}`,
  maxLen: (count) => `at most ${counted(count, "character")}`,
  len: (count) => `exactly ${counted(count, "character")}`,
  minBytes: (count) => `at least ${counted(count, "byte")}`,
  maxBytes: (count) => `at most ${counted(count, "byte")}`,
  minItems: (count) => `at least ${counted(count, "item")}`,
  maxItems: (count) => `at most ${counted(count, "item")}`,
  minPairs: (count) => `at least ${counted(count, "entry", "entries")}`,
  maxPairs: (count) => `at most ${counted(count, "entry", "entries")}`,
  unique: () => "no two alike",
  pattern: (pattern) => shape(String(pattern)),
  prefix: (text) => `begins with \`${String(text)}\``,
  uuid: () => "a UUID",
  email: () => "an e-mail address",
  uri: () => "a URI",
  gte: (value) => `at least ${String(value)}`,
  gt: (value) => `more than ${String(value)}`,
  lte: (value) => `at most ${String(value)}`,
  lt: (value) => `less than ${String(value)}`,
  const: (value) => `is ${JSON.stringify(value)}`,
  in: (values) => `one of ${listOf(values)}`,
  notIn: (values) => `none of ${listOf(values)}`,
  finite: () => "finite",
  definedOnly: () => "a value that the service knows",
};

/** Sentences about one field or message; nothing of what the rules say is left out. */
export function inWords(rules: JsonObject): readonly string[] {
  return Object.entries(rules).flatMap(([kind, value]): readonly string[] => {
    // Said by a mark of its own; or not a rule but when to apply the others.
    if (kind === "required" || kind === "ignore") return [];
    if (kind === "cel") return objects(value).map(({ message, expression }) => String(message ?? expression));
    if (kind === "oneof") return objects(value).map(({ fields }) => `at most one of ${listOf(fields ?? [])}`);
    if (!isObject(value)) return [`${kind} ${JSON.stringify(value)}`];
    const isBytes = kind === "bytes";
    return Object.entries(value).flatMap(([name, limit]) => {
      if (limit === undefined || limit === false) return [];
      if (isObject(limit) && ["items", "keys", "values"].includes(name)) {
        const each = { items: "each", keys: "each key", values: "each value" }[name];
        return inWords(limit).map((words) => `${each}: ${words}`);
      }
      const words = WORDS[name]?.(limit) ?? `${name} ${JSON.stringify(limit)}`;
      return [isBytes ? words.replace("character", "byte") : words];
    });
  });
}

/** A resource's name is known by its look, other patterns are for those who read patterns. */
function shape(pattern: string): string {
  const readable = pattern
    .replace(/^\^|\$$/g, "")
    .replaceAll(UUID_PATTERN, "{uuid}")
    .replaceAll(REVISION_PATTERN, "{revision}");
  const [, optional] = /^\((.*)\)\?$/.exec(readable) ?? [];
  const text = optional ?? readable;
  if (!/^\w+\/\{uuid\}(@\{revision\}|\(@\{revision\}\)\?)?$/.test(text)) return `matches \`${pattern}\``;
  return `\`${text.replace("(@{revision})?", "[@{revision}]")}\`${optional === undefined ? "" : " or empty"}`;
}

/** As JSON; undefined where it is a message. Empty where the rules let it be. */
export function sampleOf(field: DescField, rules: JsonObject): JsonValue | undefined {
  switch (field.fieldKind) {
    case "map":
      return {};
    case "list": {
      if (leastItems(rules) === 0) return [];
      const { items } = isObject(rules.repeated) ? rules.repeated : {};
      const one = single(field, isObject(items) ? items : {}, true);
      return one === undefined ? undefined : [one];
    }
    default:
      return single(field, rules, rules.required === true);
  }
}

/** How many a list must have. */
export function leastItems({ repeated, required }: JsonObject): number {
  const { minItems = 0 } = isObject(repeated) ? repeated : {};
  return Math.max(Number(minItems), required === true ? 1 : 0);
}

function single(field: DescField, rules: JsonObject, isNeeded: boolean): JsonValue | undefined {
  if (field.enum !== undefined) {
    const { notIn = [] } = isObject(rules.enum) ? rules.enum : {};
    const refused = (Array.isArray(notIn) ? notIn : []).map(Number);
    const isZeroGood = !isNeeded && !refused.includes(0);
    return field.enum.values.find(({ number }) => isZeroGood || (number !== 0 && !refused.includes(number)))?.name;
  }
  switch (field.message?.typeName) {
    case undefined:
      return scalar(field.scalar ?? ScalarType.STRING, rules, isNeeded);
    case "google.protobuf.Timestamp":
      return isNeeded ? "2026-01-31T20:15:00Z" : undefined;
    case "google.protobuf.Duration":
      return isNeeded ? "60s" : undefined;
    case "google.protobuf.FieldMask":
      return "";
    default:
      return undefined;
  }
}

function scalar(type: ScalarType, rules: JsonObject, isNeeded: boolean): JsonValue {
  switch (type) {
    case ScalarType.STRING:
      return text(isObject(rules.string) ? rules.string : {}, isNeeded);
    case ScalarType.BYTES: {
      const { len, minLen } = isObject(rules.bytes) ? rules.bytes : {};
      const count = Number(len ?? minLen ?? (isNeeded ? 1 : 0));
      return Buffer.alloc(count).toString("base64");
    }
    case ScalarType.BOOL:
      return isNeeded;
    default: {
      const limits = Object.values(rules).find(isObject) ?? {};
      const { gte, gt } = limits;
      const least = gt === undefined ? Number(gte ?? 0) : Number(gt) + 1;
      const value = Math.max(least, isNeeded ? 1 : 0);
      return isWide(type) ? String(value) : value;
    }
  }
}

function text(rules: JsonObject, isNeeded: boolean): string {
  const { uuid, email, pattern, minLen = 0, in: choices } = rules;
  if (uuid === true) return SAMPLE_ID;
  if (email === true) return "you@example.com";
  if (Array.isArray(choices)) return String(choices[0] ?? "");
  if (typeof pattern === "string" && (isNeeded || !new RegExp(pattern).test(""))) return ofPattern(pattern);
  const count = Math.max(Number(minLen), isNeeded ? 1 : 0);
  return "text".repeat(Math.ceil(count / 4)).slice(0, Math.max(count, count === 0 ? 0 : 4));
}

/** Names of resources, and short words: the shapes that the contracts have. */
function ofPattern(pattern: string): string {
  const named = pattern
    .replaceAll(UUID_PATTERN, SAMPLE_ID)
    .replaceAll(REVISION_PATTERN, "1")
    .replace(/^\^|\$$/g, "");
  const candidates = [named, named.replace(/\([^()]*\)\??/g, ""), "en", "US", "0".repeat(64), "text"];
  return candidates.find((candidate) => new RegExp(pattern).test(candidate)) ?? "";
}

function isWide(type: ScalarType): boolean {
  return [ScalarType.INT64, ScalarType.UINT64, ScalarType.SINT64, ScalarType.FIXED64, ScalarType.SFIXED64].includes(
    type,
  );
}

function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function objects(value: JsonValue | undefined): readonly JsonObject[] {
  return Array.isArray(value) ? value.filter(isObject) : [];
}

function listOf(values: JsonValue): string {
  return (Array.isArray(values) ? values : [values]).map(String).join(", ");
}

function counted(count: JsonValue, noun: string, plural = `${noun}s`): string {
  return `${String(count)} ${Number(count) === 1 ? noun : plural}`;
}
