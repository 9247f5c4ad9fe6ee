/** Names of uploaded files, made safe to show and to put in a header; never used as a path. */

/** What is shown where nothing of a name is left. */
const UNNAMED = "unnamed";
const MAX_LENGTH = 255;

/** C0 and C1 controls, line and paragraph separators, byte order mark, and halves of characters. */
const CONTROLS = /[\p{Cc}\u2028\u2029\ufeff\ufffe\uffff]|\p{Cs}/gu;
/** Marks that turn the direction of text, by which "gpj.exe" reads as "exe.jpg" (Unicode TR 36). Joiners stay: emoji need them. */
const BIDI = /[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu;

/**
 * The last segment of the name in NFC, without controls and direction marks, without spaces and dots at its ends, at
 * most 255 characters with its extension kept. "unnamed" where nothing is left.
 */
export function toFileName(raw: string): string {
  const clean = raw.normalize("NFC").replace(CONTROLS, "").replace(BIDI, "");
  const last = clean.split(/[/\\]/).findLast((segment) => /[^\s.]/u.test(segment)) ?? "";
  const trimmed = last
    .trim()
    .replace(/^\.+|[.\s]+$/gu, "")
    .trim();
  return trimmed === "" ? UNNAMED : shorten(trimmed);
}

function shorten(name: string): string {
  const characters = [...name];
  if (characters.length <= MAX_LENGTH) return name;
  const extension = [...(/\.[^.\s]{1,16}$/u.exec(name)?.[0] ?? "")];
  return [...characters.slice(0, MAX_LENGTH - extension.length), ...extension].join("");
}
