/** Northern lights. */

import { noise } from "./random.ts";
import type { Stage } from "./stage.ts";

/** Three moving curtains over the upper sky; `strength` in [0, 1]. */
export function aurora(stage: Stage, seconds: number, strength: number): void {
  const { brush } = stage;
  brush.globalCompositeOperation = "lighter";
  for (let curtain = 0; curtain < 3; curtain++) {
    for (let x = -40; x < 1960; x += 24) {
      const wave = noise(curtain * 31, x / 330 + seconds * 0.14);
      const light = Math.max(0, noise(curtain * 17 + 3, x / 190 - seconds * 0.22) * 0.6 + 0.35) * strength;
      const top = 110 + curtain * 60 + wave * 110;
      const height = 240 + 90 * noise(curtain + 70, x / 120 + seconds * 0.3);
      const gradient = brush.createLinearGradient(0, top, 0, top + height);
      gradient.addColorStop(0, "rgba(120,90,220,0)");
      gradient.addColorStop(0.45, `rgba(96,110,230,${0.1 * light})`);
      gradient.addColorStop(0.8, `rgba(84,235,190,${0.22 * light})`);
      gradient.addColorStop(1, "rgba(90,255,190,0)");
      brush.fillStyle = gradient;
      brush.fillRect(x, top, 24.5, height);
    }
  }
  brush.globalCompositeOperation = "source-over";
}
