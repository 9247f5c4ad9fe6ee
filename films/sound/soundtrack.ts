/** A film's finished sound in one language: the score, ducked under the voice, as a WAV file; and its captions. */

import type { Film } from "../films.ts";
import type { Stereo } from "./music.ts";
import { SAMPLE_RATE, type SpokenLine } from "./voice.ts";

/** How far the music steps back while somebody speaks. */
const DUCKED = 0.42;
const DUCK_SECONDS = 0.45;

/** Mixes voice and score; 16-bit stereo WAV. */
export function mixSoundtrack(film: Film, score: Stereo, lines: readonly SpokenLine[]): Buffer {
  const count = score.left.length;
  const voice = new Float32Array(count);
  for (const line of lines)
    voice.set(
      line.samples.subarray(0, Math.max(0, count - Math.round(line.from * SAMPLE_RATE))),
      Math.round(line.from * SAMPLE_RATE),
    );
  const bytes = Buffer.alloc(44 + count * 4);
  writeHeader(bytes, count);
  const pcm = new Int16Array(bytes.buffer, bytes.byteOffset + 44, count * 2);
  let near = 0;
  for (let at = 0; at < count; at++) {
    const now = at / SAMPLE_RATE;
    while (near < lines.length - 1 && now > (lines[near]?.to ?? 0) + DUCK_SECONDS) near++;
    const gain = duck(lines[near], now) * Math.min(1, now / 1.5, (film.seconds - now) / 2.2);
    const spoken = voice[at] ?? 0;
    pcm[at * 2] = toPcm(spoken * 0.92 + (score.left[at] ?? 0) * gain * 1.5);
    pcm[at * 2 + 1] = toPcm(spoken * 0.92 + (score.right[at] ?? 0) * gain * 1.5);
  }
  return bytes;
}

function duck(line: SpokenLine | undefined, now: number): number {
  if (!line) return 1;
  const away = now < line.from ? line.from - now : now > line.to ? now - line.to : 0;
  const share = Math.min(1, away / DUCK_SECONDS);
  return DUCKED + (1 - DUCKED) * share * share * (3 - 2 * share);
}

/** Softly limited, so that loud chords under a loud voice cannot clip. */
function toPcm(value: number): number {
  const limited =
    Math.abs(value) < 0.7 ? value : Math.sign(value) * (0.7 + 0.26 * Math.tanh((Math.abs(value) - 0.7) / 0.26));
  return Math.round(limited * 32_767);
}

function writeHeader(bytes: Buffer, frames: number): void {
  bytes.write("RIFF", 0);
  bytes.writeUInt32LE(36 + frames * 4, 4);
  bytes.write("WAVEfmt ", 8);
  bytes.writeUInt32LE(16, 16);
  bytes.writeUInt16LE(1, 20);
  bytes.writeUInt16LE(2, 22);
  bytes.writeUInt32LE(SAMPLE_RATE, 24);
  bytes.writeUInt32LE(SAMPLE_RATE * 4, 28);
  bytes.writeUInt16LE(4, 32);
  bytes.writeUInt16LE(16, 34);
  bytes.write("data", 36);
  bytes.writeUInt32LE(frames * 4, 40);
}

/** The captions as WebVTT, each standing exactly as long as its line is spoken. */
export function captions(lines: readonly SpokenLine[]): string {
  const cues = lines.map((line, at) => `${at + 1}\n${stamp(line.from)} --> ${stamp(line.to)}\n${wrapped(line.text)}\n`);
  return `WEBVTT\n\n${cues.join("\n")}`;
}

function stamp(seconds: number): string {
  const milliseconds = Math.round(seconds * 1000);
  const part = (value: number, digits: number) => String(value).padStart(digits, "0");
  return `${part(Math.floor(milliseconds / 3_600_000), 2)}:${part(Math.floor(milliseconds / 60_000) % 60, 2)}:${part(Math.floor(milliseconds / 1000) % 60, 2)}.${part(milliseconds % 1000, 3)}`;
}

/** In two lines of about the same length where one would be longer than 42 letters. */
function wrapped(text: string): string {
  if (text.length <= 42) return text;
  const spaces = [...text.matchAll(/ /g)].map((space) => space.index);
  const middle = spaces.reduce(
    (best, at) => (Math.abs(at - text.length / 2) < Math.abs(best - text.length / 2) ? at : best),
    spaces[0] ?? 0,
  );
  return `${text.slice(0, middle)}\n${text.slice(middle + 1)}`;
}
