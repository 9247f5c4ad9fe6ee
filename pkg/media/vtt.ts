/** WebVTT (W3C) captions: read leniently, written strictly. */

import { errors } from "./errors.ts";

export interface Cue {
  readonly id: string | undefined;
  readonly startSeconds: number;
  readonly endSeconds: number;
  /** `line:90% align:start`, or empty. */
  readonly settings: string;
  /** One or more lines, with WebVTT's own markup. */
  readonly text: string;
}

const TIMING = /^((?:\d{2,}:)?\d{2}:\d{2}\.\d{3})[ \t]+-->[ \t]+((?:\d{2,}:)?\d{2}:\d{2}\.\d{3})(?:[ \t]+(.*))?$/;
const MAX_CUES = 100_000;

/** The cues in order of time. Notes, styles and regions are left out. Throws `MEDIA_TEXT_INVALID`. */
export function parseVtt(text: string): Cue[] {
  const lines = text
    .replace(/^\uFEFF/, "")
    .replaceAll("\0", "\uFFFD")
    .split(/\r\n|\r|\n/);
  if (!/^WEBVTT(?:[ \t].*)?$/.test(lines[0] ?? ""))
    throw errors.MEDIA_TEXT_INVALID("the file does not begin with WEBVTT.");
  const cues: Cue[] = [];
  for (const block of blocks(lines.slice(1))) {
    const at = block.findIndex((line) => line.includes("-->"));
    if (at === -1) continue;
    const match = TIMING.exec(block[at]?.trim() ?? "");
    if (match === null || at > 1)
      throw errors.MEDIA_TEXT_INVALID(`"${(block[at] ?? "").slice(0, 60)}" is not the timing of a cue.`);
    const startSeconds = parseTime(match[1] ?? "");
    const endSeconds = parseTime(match[2] ?? "");
    const body = block.slice(at + 1).join("\n");
    if (endSeconds <= startSeconds || body === "") continue;
    cues.push({
      id: at === 1 ? block[0] : undefined,
      startSeconds,
      endSeconds,
      settings: match[3]?.trim() ?? "",
      text: body,
    });
    if (cues.length > MAX_CUES) throw errors.MEDIA_TEXT_INVALID(`there are more than ${MAX_CUES} cues.`);
  }
  return cues.sort((a, b) => a.startSeconds - b.startSeconds || a.endSeconds - b.endSeconds);
}

export function formatVtt(cues: readonly Cue[]): string {
  const blocks = cues.map((cue) => {
    const id = cue.id === undefined ? "" : `${cue.id}\n`;
    const settings = cue.settings === "" ? "" : ` ${cue.settings}`;
    return `${id}${formatTime(cue.startSeconds)} --> ${formatTime(cue.endSeconds)}${settings}\n${cue.text}\n`;
  });
  return `WEBVTT\n\n${blocks.join("\n")}`;
}

/** Moves every cue by `bySeconds`; what falls before 0 or after `endSeconds` is cut off. */
export function shiftCues(cues: readonly Cue[], bySeconds: number, endSeconds: number): Cue[] {
  return cues.flatMap((cue) => {
    const from = Math.max(0, cue.startSeconds + bySeconds);
    const to = Math.min(endSeconds, cue.endSeconds + bySeconds);
    return to - from < 0.001 ? [] : [{ ...cue, startSeconds: from, endSeconds: to }];
  });
}

function* blocks(lines: readonly string[]): Generator<string[]> {
  let block: string[] = [];
  for (const line of [...lines, ""]) {
    if (line.trim() !== "") block.push(line);
    else if (block.length > 0) {
      yield block;
      block = [];
    }
  }
}

function parseTime(text: string): number {
  return text.split(":").reduce((total, part) => total * 60 + Number(part), 0);
}

function formatTime(seconds: number): string {
  const ms = Math.round(seconds * 1000);
  const pad = (value: number, width: number) => String(value).padStart(width, "0");
  const whole = Math.floor(ms / 1000);
  return `${pad(Math.floor(whole / 3600), 2)}:${pad(Math.floor(whole / 60) % 60, 2)}:${pad(whole % 60, 2)}.${pad(ms % 1000, 3)}`;
}
