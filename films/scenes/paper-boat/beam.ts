/** The turning light. */

import type { Stage } from "../../draw/stage.ts";

/** Two beams that turn around a lamp. */
export function beam(stage: Stage, x: number, y: number, seconds: number, strength: number): void {
  const { brush } = stage;
  brush.globalCompositeOperation = "lighter";
  for (const side of [0, Math.PI]) {
    const angle = seconds * 0.95 + side;
    const reach = Math.sin(angle) * 1700;
    const depth = Math.cos(angle);
    const light = strength * (0.16 + 0.22 * Math.max(0, depth));
    const spread = 34 + Math.abs(reach) * 0.11 + Math.max(0, depth) * 110;
    const gradient = brush.createLinearGradient(x, y, x + reach, y);
    gradient.addColorStop(0, `rgba(255,232,176,${light * 1.5})`);
    gradient.addColorStop(0.25, `rgba(255,220,160,${light * 0.75})`);
    gradient.addColorStop(1, "rgba(255,206,150,0)");
    brush.fillStyle = gradient;
    for (const width of [1, 0.55]) {
      brush.beginPath();
      brush.moveTo(x, y - 10);
      brush.lineTo(x + reach, y - spread * width - 12);
      brush.lineTo(x + reach, y + spread * width);
      brush.lineTo(x, y + 10);
      brush.fill();
    }
  }
  brush.globalCompositeOperation = "source-over";
}
