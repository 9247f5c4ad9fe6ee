/** The narrator: lines spoken by espeak-ng, softened by FFmpeg, with the exact time that each takes. */

import type { Film, FilmLanguage } from "../films.ts";
import { run } from "./process.ts";

/** Samples a second of everything that is mixed. */
export const SAMPLE_RATE = 48_000;

/** A spoken line: where its voice begins and ends in the film, in seconds, and its mono samples. */
export interface SpokenLine {
  readonly from: number;
  readonly to: number;
  readonly text: string;
  readonly samples: Float32Array;
}

/** Pause that is kept between two lines, in seconds. */
const PAUSE_SECONDS = 0.35;

/** Speaks a film's lines in one language, each at its time or after the line before. */
export async function speak(film: Film, language: FilmLanguage, signal?: AbortSignal): Promise<readonly SpokenLine[]> {
  const texts = film.lines.map((line) => line.text[language.tag] ?? "");
  const voices = await Promise.all(texts.map((text) => utter(text, language, signal)));
  const spoken: SpokenLine[] = [];
  for (const [at, line] of film.lines.entries()) {
    const samples = voices[at];
    if (!samples) continue;
    const from = Math.max(line.at, (spoken.at(-1)?.to ?? 0) + PAUSE_SECONDS);
    spoken.push({ from, to: from + samples.length / SAMPLE_RATE, text: texts[at] ?? "", samples });
  }
  const end = spoken.at(-1)?.to ?? 0;
  if (end > film.seconds - 0.5)
    throw new Error(`the ${language.name} narration of ${film.id} ends at ${end.toFixed(1)} s, after the film`);
  return spoken;
}

async function utter(text: string, language: FilmLanguage, signal?: AbortSignal): Promise<Float32Array> {
  const wave = await run("espeak-ng", ["-v", language.voice, "-s", "142", "-p", "34", "-g", "4", "--stdout", text], {
    signal,
  });
  const softened =
    "highpass=f=85,equalizer=f=190:t=q:w=1.1:g=3,equalizer=f=3400:t=q:w=1.2:g=-4,lowpass=f=7200,acompressor=threshold=-22dB:ratio=3:attack=8:release=160:makeup=2";
  const raw = await run(
    "ffmpeg",
    [
      "-v",
      "error",
      "-f",
      "wav",
      "-i",
      "pipe:0",
      "-af",
      softened,
      "-ar",
      `${SAMPLE_RATE}`,
      "-ac",
      "1",
      "-f",
      "f32le",
      "pipe:1",
    ],
    { input: wave, signal },
  );
  const samples = new Float32Array(raw.buffer.slice(raw.byteOffset, raw.byteOffset + (raw.byteLength & ~3)));
  return levelled(trimmed(samples));
}

/** Without the silence at both ends, so that a caption can stand exactly as long as its voice. */
function trimmed(samples: Float32Array): Float32Array {
  const loud = 0.006;
  let from = 0;
  let to = samples.length;
  while (from < to && Math.abs(samples[from] ?? 0) < loud) from++;
  while (to > from && Math.abs(samples[to - 1] ?? 0) < loud) to--;
  return samples.slice(from, to);
}

/** With a peak of -4 dBFS and soft ends. */
function levelled(samples: Float32Array): Float32Array {
  let peak = 0.001;
  for (const sample of samples) peak = Math.max(peak, Math.abs(sample));
  const gain = 0.63 / peak;
  const soft = SAMPLE_RATE * 0.012;
  return samples.map((sample, at) => sample * gain * Math.min(1, at / soft, (samples.length - at) / soft));
}
