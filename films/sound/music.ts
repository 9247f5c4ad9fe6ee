/** The score: soft chords, a few bells and what is heard of the place, synthesized for each film. */

import { seeded } from "../draw/random.ts";
import type { Film, FilmId } from "../films.ts";
import { SAMPLE_RATE } from "./voice.ts";

export interface Stereo {
  readonly left: Float32Array;
  readonly right: Float32Array;
}

interface Score {
  /** Seconds that a chord lasts. */
  readonly chordSeconds: number;
  /** Notes as half-tones from A (220 Hz). */
  readonly chords: readonly (readonly number[])[];
  /** Bells: steps of a chord that sound one after the other, `rest` being silence. */
  readonly bells: readonly number[];
  readonly bellSeconds: number;
  readonly place: (sound: Stereo) => void;
}

const rest = -1;

const scores: Readonly<Record<FilmId, Score>> = {
  "paper-boat": {
    chordSeconds: 6.25,
    chords: [
      [-12, 0, 7, 12, 15],
      [-16, -4, 3, 8, 12],
      [-9, 3, 7, 10, 15],
      [-14, -2, 5, 10, 14],
      [-12, 0, 3, 7, 14],
      [-16, -4, 3, 7, 12],
      [-7, 5, 8, 12, 17],
      [-5, 2, 7, 11, 14],
      [-12, 0, 3, 7, 10],
      [-16, -4, 3, 8, 12],
      [-9, 3, 7, 10, 15],
      [-9, 3, 7, 12, 15],
    ],
    bells: [2, rest, 4, rest, 3, rest, rest, 1, rest, 4, rest, 2, rest, rest, 3, rest],
    bellSeconds: 0.78,
    place(sound) {
      addSurf(sound, 0, 75, 0.05);
      addRain(sound, 45.8, 55.6, 0.075);
      addThunder(sound, 47.1, 0.34);
      addThunder(sound, 49.6, 0.42);
    },
  },
  "night-train": {
    chordSeconds: 5.6,
    chords: [
      [-14, -2, 5, 10, 14],
      [-10, 2, 5, 9, 14],
      [-7, 0, 5, 9, 12],
      [-12, 0, 4, 7, 12],
      [-14, -2, 2, 5, 10],
    ],
    bells: [1, 2, 3, 4, rest, 3, 2, rest],
    bellSeconds: 0.62,
    place(sound) {
      addSurf(sound, 0, 28, 0.02);
      addTrain(sound, 6, 15.2, 0.075);
      addTrain(sound, 15.2, 21.4, 0.035);
    },
  },
  "fallen-star": {
    chordSeconds: 6,
    chords: [
      [-17, -5, 2, 7, 11],
      [-12, 0, 4, 7, 11],
      [-8, 4, 7, 11, 14],
      [-17, -5, 2, 7, 14],
    ],
    bells: [4, rest, 3, rest, 2, 3, rest, 4, rest, rest, 1, rest],
    bellSeconds: 0.5,
    place(sound) {
      addSurf(sound, 0, 24, 0.018);
    },
  },
};

/** Composes a film's music and ambience. */
export function compose(film: Film): Stereo {
  const score = scores[film.id];
  const length = Math.round(film.seconds * SAMPLE_RATE);
  const sound: Stereo = { left: new Float32Array(length), right: new Float32Array(length) };
  for (let chord = 0; chord * score.chordSeconds < film.seconds; chord++) {
    const notes = score.chords[chord % score.chords.length] ?? [];
    for (const [at, note] of notes.entries())
      addPad(sound, note, chord * score.chordSeconds, score.chordSeconds, 0.036 / (1 + at * 0.28), at);
  }
  for (let bell = 2; bell * score.bellSeconds < film.seconds - 3; bell++) {
    const from = bell * score.bellSeconds;
    const step = score.bells[bell % score.bells.length] ?? rest;
    const note = score.chords[Math.floor(from / score.chordSeconds) % score.chords.length]?.[step];
    if (step !== rest && note !== undefined) addBell(sound, note + 12, from, 0.05, bell % 2 ? 0.3 : 0.7);
  }
  score.place(sound);
  return sound;
}

function pitch(halfTones: number): number {
  return 220 * 2 ** (halfTones / 12);
}

/** A slow breath of two slightly detuned tones. */
function addPad(sound: Stereo, note: number, fromSeconds: number, seconds: number, level: number, voice: number): void {
  const attack = 2.2;
  const release = 3.4;
  const from = Math.round(fromSeconds * SAMPLE_RATE);
  const count = Math.round((seconds + release) * SAMPLE_RATE);
  const turn = (2 * Math.PI * pitch(note)) / SAMPLE_RATE;
  const side = 0.5 + 0.32 * Math.sin(voice * 2.1);
  for (let at = 0; at < count && from + at < sound.left.length; at++) {
    const now = at / SAMPLE_RATE;
    const shape = Math.min(1, now / attack) * (now > seconds ? Math.max(0, 1 - (now - seconds) / release) : 1);
    const swell = 0.82 + 0.18 * Math.sin(now * 0.9 + voice);
    const tone = Math.sin(turn * at * 1.0017) + 0.22 * Math.sin(turn * at * 2.001 + 0.4);
    const other = Math.sin(turn * at * 0.9983 + 1.1) + 0.12 * Math.sin(turn * at * 3.002);
    const loud = level * shape * shape * swell;
    sound.left[from + at] = (sound.left[from + at] ?? 0) + loud * (tone * (1 - side) + other * side);
    sound.right[from + at] = (sound.right[from + at] ?? 0) + loud * (tone * side + other * (1 - side));
  }
}

/** A struck bell with three echoes that wander from side to side. */
function addBell(sound: Stereo, note: number, fromSeconds: number, level: number, side: number): void {
  const turn = (2 * Math.PI * pitch(note)) / SAMPLE_RATE;
  const count = SAMPLE_RATE * 2;
  for (let echo = 0; echo < 4; echo++) {
    const from = Math.round((fromSeconds + echo * 0.42) * SAMPLE_RATE);
    const loud = level * 0.45 ** echo;
    const right = echo % 2 ? 1 - side : side;
    for (let at = 0; at < count && from + at < sound.left.length; at++) {
      const now = at / SAMPLE_RATE;
      const value =
        loud *
        Math.min(1, now / 0.004) *
        (Math.exp(-now * 3) * Math.sin(turn * at) + 0.3 * Math.exp(-now * 6) * Math.sin(turn * at * 2.76));
      sound.left[from + at] = (sound.left[from + at] ?? 0) + value * (1 - right);
      sound.right[from + at] = (sound.right[from + at] ?? 0) + value * right;
    }
  }
}

/** Noise that comes and goes like waves on a shore. */
function addSurf(sound: Stereo, fromSeconds: number, toSeconds: number, level: number): void {
  const random = seeded(99);
  let low = 0;
  let lower = 0;
  for (let at = Math.round(fromSeconds * SAMPLE_RATE); at < toSeconds * SAMPLE_RATE && at < sound.left.length; at++) {
    const now = at / SAMPLE_RATE;
    low += (random() * 2 - 1 - low) * 0.05;
    lower += (low - lower) * 0.02;
    const wave = 0.35 + 0.65 * Math.max(0, Math.sin(now * 0.78)) ** 2;
    const edge = Math.min(1, (now - fromSeconds) / 2, (toSeconds - now) / 2);
    const value = (low * 0.9 + lower * 2) * level * wave * edge * 4;
    sound.left[at] = (sound.left[at] ?? 0) + value * (0.7 + 0.3 * Math.sin(now * 0.31));
    sound.right[at] = (sound.right[at] ?? 0) + value * (0.7 - 0.3 * Math.sin(now * 0.31));
  }
}

function addRain(sound: Stereo, fromSeconds: number, toSeconds: number, level: number): void {
  const random = seeded(44);
  let low = 0;
  for (let at = Math.round(fromSeconds * SAMPLE_RATE); at < toSeconds * SAMPLE_RATE && at < sound.left.length; at++) {
    const now = at / SAMPLE_RATE;
    const white = random() * 2 - 1;
    low += (white - low) * 0.35;
    const edge = Math.min(1, (now - fromSeconds) / 0.8, (toSeconds - now) / 1.6);
    const gust = 0.75 + 0.25 * Math.sin(now * 2.3);
    sound.left[at] = (sound.left[at] ?? 0) + low * level * edge * gust;
    sound.right[at] = (sound.right[at] ?? 0) + (white * 0.4 + low * 0.6) * level * edge * gust;
  }
}

function addThunder(sound: Stereo, fromSeconds: number, level: number): void {
  const random = seeded(Math.round(fromSeconds * 10));
  let low = 0;
  let lower = 0;
  const from = Math.round(fromSeconds * SAMPLE_RATE);
  for (let at = 0; at < SAMPLE_RATE * 3.4; at++) {
    const now = at / SAMPLE_RATE;
    low += (random() * 2 - 1 - low) * 0.03;
    lower += (low - lower) * 0.03;
    const value = lower * level * 9 * Math.min(1, now / 0.05) * Math.exp(-now * 1.4) * (0.7 + 0.3 * Math.sin(now * 17));
    if (from + at >= sound.left.length) return;
    sound.left[from + at] = (sound.left[from + at] ?? 0) + value;
    sound.right[from + at] = (sound.right[from + at] ?? 0) + value * 0.8;
  }
}

/** The four beats of wheels over rail joints, and the engine's breath. */
function addTrain(sound: Stereo, fromSeconds: number, toSeconds: number, level: number): void {
  const random = seeded(17);
  let low = 0;
  for (let at = Math.round(fromSeconds * SAMPLE_RATE); at < toSeconds * SAMPLE_RATE && at < sound.left.length; at++) {
    const now = at / SAMPLE_RATE;
    const beat = (now * 3.1) % 1;
    const joint = (now * 1.55) % 1;
    low += (random() * 2 - 1 - low) * 0.16;
    const puff = Math.exp(-beat * 7) * 0.8 + 0.12;
    const clack = Math.exp(-((joint * 40) % 6) * 2) * (joint < 0.3 ? 0.7 : 0);
    const edge = Math.min(1, (now - fromSeconds) / 1.2, (toSeconds - now) / 0.8);
    const value = low * level * edge * (puff + clack) * 2;
    const side = 0.5 + 0.3 * Math.sin(now * 0.5);
    sound.left[at] = (sound.left[at] ?? 0) + value * (1 - side);
    sound.right[at] = (sound.right[at] ?? 0) + value * side;
  }
}
