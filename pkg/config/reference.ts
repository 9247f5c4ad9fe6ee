/** The reference of all settings as a Markdown page. */

import { expected, variableOf } from "./load.ts";
import type { ConfigSpec, Field } from "./spec.ts";

export interface SettingGroup {
  readonly title: string;
  /** Of the variables; empty for the host's own. */
  readonly prefix: string;
  readonly spec: ConfigSpec;
}

export function printReference(groups: readonly SettingGroup[]): string {
  const parts = groups.map(({ title, prefix, spec }) => {
    const rows = Object.entries(spec).map(
      ([name, field]) =>
        `| \`${variableOf(prefix, name)}\` | ${field.secret === true ? "a secret" : cell(expected(field))} | ${printDefault(field)} | ${cell(field.doc)} |`,
    );
    return [`## ${title}`, "", "| variable | value | default | what for |", "|---|---|---|---|", ...rows, ""].join(
      "\n",
    );
  });
  return [
    "# Settings",
    "",
    "Environment variables, read once at the start. Printed by `npx node services/main.ts --print-reference`; a test keeps",
    "this page current. `--print-config` shows the values of a running configuration. A secret may also be given as a",
    "file, named by the variable with `_FILE` behind it.",
    "",
    ...parts,
  ].join("\n");
}

function printDefault(field: Field): string {
  return field.default === undefined ? "–" : `\`${cell(String(field.default))}\``;
}

function cell(text: string): string {
  return text.replaceAll("|", "\\|");
}
