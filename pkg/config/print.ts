/** Settings for people: every value with where it came from, secrets left out. */

import { printDuration } from "./duration.ts";
import type { Setting } from "./load.ts";
import { redactUrl } from "./url.ts";

/** One line per setting: variable, value, source, and what it is for. */
export function printSettings(settings: readonly Setting[]): string {
  const rows = settings.map((setting) => [setting.variable, printValue(setting), setting.source, setting.field.doc]);
  const widths = [0, 1, 2].map((column) => Math.min(60, Math.max(0, ...rows.map((row) => row[column]?.length ?? 0))));
  return rows
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}

function printValue({ field, value }: Setting): string {
  if (value === undefined) return "-";
  if (field.secret === true) return "[redacted]";
  if (field.type === "duration" && typeof value === "number") return printDuration(value);
  return typeof value === "string" ? redactUrl(value) : String(value);
}
