/** The drawing surface of one film: layers painted once, and the frame that they are put on, in design units. */

import { type Canvas, createCanvas, type SKRSContext2D } from "@napi-rs/canvas";
import { seeded } from "./random.ts";

export type Brush = SKRSContext2D;

/** A picture painted once; `width` and `height` in design units. */
export interface Layer {
  readonly canvas: Canvas;
  readonly width: number;
  readonly height: number;
}

/** Where and how a layer is put; `alpha` in [0, 1], `scale` around the layer's top left corner. */
export interface Placement {
  readonly alpha?: number;
  readonly scale?: number;
  readonly blend?: "source-over" | "lighter" | "screen" | "multiply";
}

/** Drawings are written for a frame 1920 units wide, whatever the film's pixels are. */
export const DESIGN_WIDTH = 1920;

export interface Stage {
  readonly brush: Brush;
  readonly width: number;
  readonly height: number;
  /** Paints a layer; painting happens once, at the film's own pixel size. */
  layer(width: number, height: number, paint: (brush: Brush) => void): Layer;
  put(layer: Layer, x: number, y: number, placement?: Placement): void;
  /** Moves the origin of everything that `paint` draws, and gives it back. */
  within(
    move: { x?: number; y?: number; scale?: number; aroundX?: number; aroundY?: number; turn?: number },
    paint: () => void,
  ): void;
  /** The frame as RGBA bytes. */
  pixels(): Buffer;
}

/** A stage of `pixelWidth` by `pixelHeight`. */
export function openStage(pixelWidth: number, pixelHeight: number): Stage {
  const canvas = createCanvas(pixelWidth, pixelHeight);
  const brush = canvas.getContext("2d");
  const unit = pixelWidth / DESIGN_WIDTH;
  brush.scale(unit, unit);

  return {
    brush,
    width: DESIGN_WIDTH,
    height: pixelHeight / unit,
    layer(width, height, paint) {
      const sheet = createCanvas(Math.ceil(width * unit), Math.ceil(height * unit));
      const sheetBrush = sheet.getContext("2d");
      sheetBrush.scale(unit, unit);
      paint(sheetBrush);
      return { canvas: sheet, width: sheet.width / unit, height: sheet.height / unit };
    },
    put(layer, x, y, { alpha = 1, scale = 1, blend = "source-over" } = {}) {
      if (alpha <= 0.002) return;
      brush.globalAlpha = Math.min(1, alpha);
      brush.globalCompositeOperation = blend;
      brush.drawImage(layer.canvas, x, y, layer.width * scale, layer.height * scale);
      brush.globalAlpha = 1;
      brush.globalCompositeOperation = "source-over";
    },
    within({ x = 0, y = 0, scale = 1, aroundX = 0, aroundY = 0, turn = 0 }, paint) {
      brush.save();
      brush.translate(x + aroundX, y + aroundY);
      brush.rotate(turn);
      brush.scale(scale, scale);
      brush.translate(-aroundX, -aroundY);
      paint();
      brush.restore();
    },
    pixels: () => canvas.data(),
  };
}

/** Adds grain of `amount` levels to what is painted, which keeps dark gradients from showing steps. */
export function addGrain(brush: Brush, amount: number, seed: number): void {
  const { width, height } = brush.canvas;
  const image = brush.getImageData(0, 0, width, height);
  const random = seeded(seed);
  const bytes = image.data;
  for (let at = 0; at < bytes.length; at += 4) {
    if (bytes[at + 3] === 0) continue;
    const delta = (random() + random() - 1) * amount;
    for (let channel = 0; channel < 3; channel++) bytes[at + channel] = (bytes[at + channel] ?? 0) + delta;
  }
  brush.putImageData(image, 0, 0);
}

/** 0 before `from`, 1 after `to`, eased between; works downwards too. */
export function ramp(value: number, from: number, to: number): number {
  const share = Math.min(1, Math.max(0, (value - from) / (to - from)));
  return share * share * (3 - 2 * share);
}

/** Between two numbers, by `share` in [0, 1]. */
export function mix(from: number, to: number, share: number): number {
  return from + (to - from) * share;
}
