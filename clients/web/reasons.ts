/** Finds every reason that an error may carry, with its code and its sentence, where the code gives it. */

import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { ReasonDoc } from "./src/docs/reference.ts";

/** A row of a table of errors, with what is said above it. */
const ROW =
  /(?:^ {2}\/\*\*((?:(?!\*\/)[\s\S])*)\*\/\n)?^ {2}([A-Z][A-Z0-9_]*): \[([\s\S]*?)\],$(?=\n(?: {2}[A-Z/]|\}))/gm;
/** Given to something else than a table's error: as a string, or as a constant of the file. */
const GIVEN = /\breason: ("[A-Z][A-Z0-9_]*"|[A-Z][A-Z0-9_]+\b)/g;
const NOT_SHIPPED = /\.test\.ts$|\/conformance\.ts$|^pkg\/(gen|testkit)\/|^services\/scenarios\/|\/fixtures\//;

/** `root` is the project's folder. */
export async function readReasons(root: string): Promise<readonly ReasonDoc[]> {
  const found = new Map<string, ReasonDoc>();
  for (const top of ["services", "pkg"]) {
    const names = await readdir(join(root, top), { recursive: true });
    for (const file of names.filter((name) => name.endsWith(".ts")).map((name) => `${top}/${name}`)) {
      if (NOT_SHIPPED.test(file)) continue;
      const text = await readFile(join(root, file), "utf8");
      for (const reason of reasonsIn(text)) {
        const doc = { ...reason, folder: file.split("/").slice(0, 2).join("/") };
        // Where a reason is passed on as well, the error itself says more.
        if ((found.get(doc.reason)?.code ?? "") === "") found.set(doc.reason, doc);
      }
    }
  }
  return [...found.values()].toSorted((a, b) => a.reason.localeCompare(b.reason));
}

export function reasonsIn(text: string): readonly Omit<ReasonDoc, "folder">[] {
  const rows = [...text.matchAll(ROW)].map(({ 1: above = "", 2: reason = "", 3: row = "", index }) => {
    const [start = "", code = ""] = /^\s*"([a-z_]+)",?\s*/.exec(row) ?? [];
    const comment = above.replace(/\s*\n\s*\*\s?/g, " ").trim();
    return { reason, code, comment, message: rowSentence(row.slice(start.length), text.slice(0, index) + row) };
  });
  const given = [...text.matchAll(GIVEN)].flatMap(({ 1: name = "", index }) => {
    const reason = spoken(`${name};`, text.slice(0, index));
    // A constant of another file: that one gives it.
    if (reason === "") return [];
    const literal = around(text, index);
    const [, code = ""] = /\bkind: "([a-z_]+)"/.exec(literal) ?? [];
    return { reason, code, comment: "", message: sentence(literal, text.slice(0, index)) };
  });
  return [...rows, ...given];
}

/** A row has its sentence, or a function that makes it. */
function rowSentence(row: string, before: string): string {
  const [arrow] = /^\([\s\S]*?\) =>\s*/.exec(row) ?? [""];
  const written = row.slice(arrow.length);
  if (/^["'`]/.test(written)) return spoken(written, before);
  const [start, field] = /\binField\(\s*"([^"]+)",\s*/.exec(written) ?? [];
  if (start === undefined) return sentence(written, before);
  const description = spoken(written.slice(written.indexOf(start) + start.length), before);
  return description === "" ? "" : `${field}: ${description}`;
}

/** The object literal around a place. */
function around(text: string, index: number): string {
  let [start, depth] = [index, 0];
  for (; start > 0; start--) {
    if (text[start] === "}") depth += 1;
    if (text[start] === "{" && depth-- === 0) break;
  }
  let end = start + 1;
  for (depth = 1; end < text.length && depth > 0; end++) {
    if (text[end] === "{") depth += 1;
    if (text[end] === "}") depth -= 1;
  }
  return text.slice(start, end);
}

function sentence(literal: string, before: string): string {
  const at = /\bmessage\s*:\s*/.exec(literal);
  const written = at === null ? "message" : literal.slice(at.index + at[0].length);
  return spoken(written, before);
}

/** What a text begins with: a string, or the name of a constant that is one. Empty where only a run could say it. */
function spoken(written: string, before: string): string {
  const [, plain] = /^(?:"((?:[^"\\]|\\.)*)"|'(?:[^'\\]|\\.)*')/.exec(written) ?? [];
  if (plain !== undefined || written.startsWith("'")) return plain ?? written.slice(1, written.indexOf("'", 1));
  if (written.startsWith("`")) return template(written, before);
  const [name] = /^\w+(?=\s*[,;})])/.exec(written) ?? (written === "message" ? [written] : []);
  if (name === undefined) return "";
  const last = [...before.matchAll(new RegExp(`\\bconst ${name} =\\s*`, "g"))].at(-1);
  return last === undefined ? "" : spoken(before.slice(last.index + last[0].length), "");
}

/** "…" stands for what differs from one error to the next. */
function template(written: string, before: string): string {
  let text = "";
  for (let index = 1; index < written.length && written[index] !== "`"; index++) {
    if (!written.startsWith("${", index)) {
      text += written[index];
      continue;
    }
    const start = index + 2;
    let depth = 1;
    for (index = start; depth > 0 && index < written.length; index++) {
      if (written[index] === "{") depth += 1;
      if (written[index] === "}") depth -= 1;
    }
    index -= 1;
    text += spoken(`${written.slice(start, index)};`, before) || "…";
  }
  return text;
}
