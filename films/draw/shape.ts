/** Straight lines and shapes. */

import type { Brush } from "./stage.ts";

type Point = readonly [number, number];

/** Fills a closed shape with straight edges. */
export function polygon(brush: Brush, points: readonly Point[], fill: string | CanvasGradient): void {
  brush.beginPath();
  for (const [x, y] of points) brush.lineTo(x, y);
  brush.closePath();
  brush.fillStyle = fill;
  brush.fill();
}

/** Strokes one straight line in the brush's own style. */
export function line(brush: Brush, fromX: number, fromY: number, toX: number, toY: number): void {
  brush.beginPath();
  brush.moveTo(fromX, fromY);
  brush.lineTo(toX, toY);
  brush.stroke();
}
