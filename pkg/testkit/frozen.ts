/** What `buf breaking` does not see: options of frozen contracts that callers rely on as much as on fields. */

import { type DescMessage, type DescMethod, type FileRegistry, getOption, toJson } from "@bufbuild/protobuf";
import { MethodOptions_IdempotencyLevel as Level } from "@bufbuild/protobuf/wkt";
import {
  FieldRulesSchema,
  field as fieldRules,
  MessageRulesSchema,
  message as messageRules,
  oneof as oneofRules,
} from "#gen/buf/validate/validate_pb";
import { access, Exposure } from "#gen/matinee/options/v1/access_pb";

/** Rules as JSON, by the names that they have in contracts. */
type Rules = Readonly<Record<string, unknown>>;
const NAMES = { useProtoFieldName: true };

/** From what may not be repeated to what changes nothing. */
const LEVELS = [Level.IDEMPOTENCY_UNKNOWN, Level.IDEMPOTENT, Level.NO_SIDE_EFFECTS];

/** Upper bounds may only rise, lower ones only fall; of other rules the ones that are there may only go. */
const UPPER = new Set(["max_len", "max_bytes", "max_items", "max_pairs", "lt", "lte"]);
const LOWER = new Set(["min_len", "min_bytes", "min_items", "min_pairs", "gt", "gte"]);

/**
 * Each way in which the contracts now refuse what the frozen ones promised: a request that was valid, a caller who was
 * admitted, a repeat that was safe. A rule that changed in a way that cannot be judged, such as another pattern, counts.
 */
export function brokenPromises(frozen: FileRegistry, now: FileRegistry): string[] {
  const broken: string[] = [];
  for (const desc of frozen) {
    if (desc.kind === "service") {
      for (const method of desc.methods) {
        const today = now.getService(desc.typeName)?.methods.find(({ name }) => name === method.name);
        // That it is there at all is buf's to say.
        if (today !== undefined) broken.push(...methodPromises(method, today));
      }
    }
    if (desc.kind === "message") {
      const today = now.getMessage(desc.typeName);
      if (today !== undefined) broken.push(...messagePromises(desc, today));
    }
  }
  return broken;
}

/** Reasons of errors that a source text gives. */
export function reasonsIn(source: string): string[] {
  // A row of a table of errors, or a reason that is given to something else than an error.
  const reason = /^ {2}([A-Z][A-Z0-9_]*): \[|\breason: "([A-Z][A-Z0-9_]*)"/gm;
  return [...source.matchAll(reason)].map(([, row, other]) => row ?? other ?? "");
}

function methodPromises(frozen: DescMethod, now: DescMethod): string[] {
  const name = `${frozen.parent.typeName}/${frozen.name}`;
  const [before, after] = [getOption(frozen, access), getOption(now, access)];
  const broken: string[] = [];
  if (LEVELS.indexOf(now.idempotency) < LEVELS.indexOf(frozen.idempotency)) {
    broken.push(`${name}: may no longer be repeated as before`);
  }
  if (before.exposure === Exposure.EDGE && after.exposure !== Exposure.EDGE) broken.push(`${name}: left the edge`);
  for (const [what, lost] of [
    ["principal", before.principals.filter((one) => !after.principals.includes(one))],
    ["caller", before.callers.filter((one) => !after.callers.includes(one))],
  ] as const) {
    for (const one of lost) broken.push(`${name}: ${what} ${one} is no longer admitted`);
  }
  for (const one of after.permissions.filter((permission) => !before.permissions.includes(permission))) {
    broken.push(`${name}: permission ${one} is needed now`);
  }
  return broken;
}

function messagePromises(frozen: DescMessage, now: DescMessage): string[] {
  const rulesOf = (desc: DescMessage) => toJson(MessageRulesSchema, getOption(desc, messageRules), NAMES) as Rules;
  const broken = rulePromises(frozen.typeName, rulesOf(frozen), rulesOf(now));
  for (const oneof of now.oneofs) {
    const before = frozen.oneofs.find(({ name }) => name === oneof.name);
    const wasRequired = before !== undefined && getOption(before, oneofRules).required;
    if (getOption(oneof, oneofRules).required && !wasRequired)
      broken.push(`${frozen.typeName}.${oneof.name}: required is stricter`);
  }
  for (const field of now.fields) {
    const before = frozen.fields.find(({ number }) => number === field.number);
    const rules = toJson(FieldRulesSchema, getOption(field, fieldRules), NAMES) as Rules;
    // Who does not know a new field leaves it empty, and may go on doing so.
    if (before === undefined && rules.required !== true) continue;
    const frozenRules = before === undefined ? {} : toJson(FieldRulesSchema, getOption(before, fieldRules), NAMES);
    broken.push(...rulePromises(`${frozen.typeName}.${field.name}`, frozenRules as Rules, rules));
  }
  return broken;
}

/** Rules that are gone are looser. */
function rulePromises(name: string, frozen: Rules, now: Rules): string[] {
  return Object.entries(now).flatMap(([rule, after]) => {
    const before = frozen[rule];
    if (isRules(after)) return rulePromises(name, isRules(before) ? before : {}, after);
    return isAsLoose(rule, before, after) ? [] : [`${name}: ${rule} is stricter`];
  });
}

function isRules(value: unknown): value is Rules {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isAsLoose(rule: string, before: unknown, after: unknown): boolean {
  if (rule === "example" || after === false) return true;
  if (before === undefined) return false;
  if (UPPER.has(rule)) return sizeOf(after) >= sizeOf(before);
  if (LOWER.has(rule)) return sizeOf(after) <= sizeOf(before);
  const [was, is] = [listOf(before), listOf(after)];
  if (rule === "in") return was.every((one) => is.includes(one));
  return is.every((one) => was.includes(one));
}

/** A number, a duration such as "12.5s", or a time. */
function sizeOf(value: unknown): number {
  const text = String(value);
  return /^-?[\d.]+s?$/.test(text) ? Number.parseFloat(text) : Date.parse(text);
}

/** Of rules in CEL what they demand counts, not what they are called or say. */
function listOf(value: unknown): string[] {
  const list: unknown[] = Array.isArray(value) ? value : [value];
  return list.map((one) => JSON.stringify(isRules(one) ? one.expression : one));
}
