/** Reads settings from the environment: every mistake is found, none is fatal before all are known. */

import { readFileSync } from "node:fs";
import { parseDuration } from "./duration.ts";
import type { ConfigSpec, ConfigValues, Field } from "./spec.ts";

export type Environment = Readonly<Record<string, string | undefined>>;

/** One setting as it was resolved. */
export interface Setting {
  readonly variable: string;
  readonly field: Field;
  readonly value: unknown;
  readonly source: "default" | "environment";
}

export interface Loaded<Spec extends ConfigSpec> {
  readonly values: ConfigValues<Spec>;
  readonly settings: readonly Setting[];
  /** One sentence for each setting that cannot be used; where there are any, the values are not to be used. */
  readonly mistakes: readonly string[];
}

/** `leaseMs` of prefix `TRANSCODE` is `TRANSCODE_LEASE_MS`; without a prefix `LEASE_MS`. */
export function variableOf(prefix: string, name: string): string {
  const own = name.replace(/([a-z0-9])([A-Z])/g, "$1_$2").toUpperCase();
  return prefix === "" ? own : `${prefix}_${own}`;
}

/** The prefix of a module's settings: `TRANSCODE_WORKER` for `transcode-worker`. */
export function prefixOf(module: string): string {
  return module.replaceAll("-", "_").toUpperCase();
}

export function loadConfig<Spec extends ConfigSpec>(prefix: string, spec: Spec, env: Environment): Loaded<Spec> {
  const values: Record<string, unknown> = {};
  const settings: Setting[] = [];
  const mistakes: string[] = [];
  for (const [name, field] of Object.entries(spec)) {
    const variable = variableOf(prefix, name);
    const { text, mistake } = textOf(variable, field, env);
    if (mistake !== undefined) mistakes.push(mistake);
    if (text === undefined || text === "") {
      const value = defaultOf(field);
      values[name] = value;
      settings.push({ variable, field, value, source: "default" });
      continue;
    }
    const parsed = parseField(field, text);
    if (parsed === undefined) {
      const shown = field.secret === true ? "its value" : JSON.stringify(text);
      mistakes.push(`${variable}: ${shown} is not ${expected(field)} (${field.doc})`);
    } else {
      values[name] = parsed.value;
      settings.push({ variable, field, value: parsed.value, source: "environment" });
    }
  }
  return { values: values as ConfigValues<Spec>, settings, mistakes };
}

/**
 * A secret may lie in a file that a second variable names: unlike the environment, it is not seen by whoever may look at
 * this process or gets its environment passed on.
 */
function textOf(
  variable: string,
  field: Field,
  env: Environment,
): { readonly text: string | undefined; readonly mistake?: string } {
  const path = field.secret === true ? env[fileVariableOf(variable)] : undefined;
  if (path === undefined || path === "" || env[variable]) return { text: env[variable] };
  try {
    return { text: readFileSync(path, "utf8").trimEnd() };
  } catch {
    return { text: undefined, mistake: `${fileVariableOf(variable)}: ${JSON.stringify(path)} cannot be read` };
  }
}

/** The variable that names the file of a secret. */
export function fileVariableOf(variable: string): string {
  return `${variable}_FILE`;
}

/** Variables under a module's prefix that no setting has: most likely misspelt. */
export function unknownVariables(
  modules: readonly { readonly prefix: string; readonly spec: ConfigSpec }[],
  known: ReadonlySet<string>,
  env: Environment,
): readonly string[] {
  const declared = new Set(known);
  for (const { prefix, spec } of modules) {
    for (const [name, field] of Object.entries(spec)) {
      declared.add(variableOf(prefix, name));
      if (field.secret === true) declared.add(fileVariableOf(variableOf(prefix, name)));
    }
  }
  return Object.keys(env)
    .filter((variable) => !declared.has(variable))
    .filter((variable) => modules.some(({ prefix }) => variable.startsWith(`${prefix}_`)))
    .sort();
}

/** What a value must look like, for messages and for the reference. */
export function expected(field: Field): string {
  switch (field.type) {
    case "string":
      return "a text";
    case "integer":
      return `a whole number from ${field.min} to ${field.max}`;
    case "number":
      return `a number from ${field.min} to ${field.max}`;
    case "boolean":
      return "true or false";
    case "duration":
      return `a duration from ${field.min} to ${field.max}, such as 250ms, 10s, 5m or 24h`;
    case "choice":
      return `one of ${field.choices.join(", ")}`;
  }
}

function defaultOf(field: Field): unknown {
  return field.type === "duration" ? parseDuration(field.default) : field.default;
}

function parseField(field: Field, text: string): { readonly value: unknown } | undefined {
  switch (field.type) {
    case "string":
      return { value: text };
    case "integer":
    case "number": {
      const value = /^-?\d+(\.\d+)?$/.test(text) ? Number(text) : Number.NaN;
      const fits = value >= field.min && value <= field.max && (field.type === "number" || Number.isInteger(value));
      return fits ? { value } : undefined;
    }
    case "boolean":
      return text === "true" || text === "false" ? { value: text === "true" } : undefined;
    case "duration": {
      const value = parseDuration(text);
      const [min, max] = [parseDuration(field.min) ?? 0, parseDuration(field.max) ?? Number.POSITIVE_INFINITY];
      return value !== undefined && value >= min && value <= max ? { value } : undefined;
    }
    case "choice":
      return field.choices.includes(text) ? { value: text } : undefined;
  }
}
