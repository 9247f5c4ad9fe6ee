/** A thread that paints every n-th frame of a film into memory that it shares with the process that encodes it. */

import { parentPort, workerData } from "node:worker_threads";
import { loadTypefaces } from "./draw/type.ts";
import { type FilmId, films, frameCount } from "./films.ts";
import { openPainter } from "./scenes/scene.ts";
import { scenes } from "./scenes/scenes.ts";

export interface RenderWork {
  readonly film: FilmId;
  /** This thread paints the frames first, first + step, first + 2 step, … */
  readonly first: number;
  readonly step: number;
  readonly slots: readonly SharedArrayBuffer[];
}

/** Said to the parent: this frame lies in this slot. The parent answers with the slot's number when it is free again. */
export interface PaintedFrame {
  readonly frame: number;
  readonly slot: number;
}

const work = workerData as RenderWork;
const film = films[work.film];
const total = frameCount(film);
const [numerator, denominator] = film.frameRate;
loadTypefaces();
const painter = openPainter(film.width, film.height, scenes[film.id]);
const free = work.slots.map((_, slot) => slot);
let frame = work.first;
let painting = false;

parentPort?.on("message", (slot: number) => {
  free.push(slot);
  paintNext();
});
paintNext();

function paintNext(): void {
  if (painting) return;
  if (frame >= total) {
    parentPort?.close();
    return;
  }
  const slot = free.shift();
  const memory = slot === undefined ? undefined : work.slots[slot];
  if (slot === undefined || !memory) return;
  painting = true;
  painter.paint((frame * denominator) / numerator);
  new Uint8Array(memory).set(painter.stage.pixels());
  parentPort?.postMessage({ frame, slot } satisfies PaintedFrame);
  frame += work.step;
  setImmediate(() => {
    painting = false;
    paintNext();
  });
}
