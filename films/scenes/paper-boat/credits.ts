/** The end: two lights on the sea, and who made them. */

import { fillSea, glitter, glow, putGlow, putStars, type Sea, sky, stars, vignette } from "../../draw/nature.ts";
import { ramp, type Stage } from "../../draw/stage.ts";
import { letter } from "../../draw/type.ts";
import type { Paint } from "../scene.ts";

export function openCredits(stage: Stage): Paint {
  const night = sky(stage, 2000, 1080, [
    [0, "#040719"],
    [0.5, "#0b1538"],
    [0.78, "#1d2c63"],
    [0.8, "#0d1638"],
    [1, "#03050f"],
  ]);
  const field = stars(stage, 2000, 800, 700, 91);
  const light = glow(stage, 190, "#ffd48a", 1);
  const corners = vignette(stage, 0.6);
  const near: Sea = { seed: 5, level: 870, swell: 8, length: 560, speed: 30 };
  return (seconds) => {
    stage.put(night, -40, 0);
    putStars(stage, field, -40 - seconds * 3, 0, seconds);
    for (const [x, phase] of [
      [250, 0],
      [1670, 1.6],
    ] as const) {
      const pulse = 0.55 + 0.45 * Math.max(0, Math.sin(seconds * 1.9 + phase));
      putGlow(stage, light, x, 838, pulse);
      glitter(stage, x, 866, 1010, 90, "#ffcf86", seconds + phase, pulse);
    }
    fillSea(
      stage,
      near,
      seconds,
      [
        [0, "rgba(28,42,96,.55)"],
        [1, "rgba(4,6,18,.9)"],
      ],
      "rgba(170,190,255,.18)",
    );
    const shown = ramp(seconds, 0.9, 2) * (1 - ramp(seconds, 6.6, 7.6));
    const { brush } = stage;
    letter(brush, {
      text: "The Paper Boat",
      x: 960,
      y: 262,
      size: 84,
      face: "serif",
      colour: "#fdf3df",
      alpha: shown,
      tracking: 0.03,
    });
    const rows = [
      ["THE KEEPER", "Anselm Roke"],
      ["THE GIRL", "Mirela Sand"],
      ["NARRATED BY", "Espe Akkers"],
      ["DRAWN AND SCORED BY", "a handful of sine waves"],
    ] as const;
    for (const [row, [role, name]] of rows.entries()) {
      const alpha = shown * ramp(seconds, 1.3 + row * 0.35, 2.2 + row * 0.35);
      letter(brush, {
        text: role,
        x: 930,
        y: 392 + row * 84,
        size: 23,
        face: "sans",
        colour: "#b9c6f2",
        alpha,
        tracking: 0.26,
        align: "right",
      });
      letter(brush, {
        text: name,
        x: 985,
        y: 394 + row * 84,
        size: 47,
        face: "serif",
        colour: "#fdf3df",
        alpha,
        tracking: 0.02,
        align: "left",
      });
    }
    letter(brush, {
      text: "MATINEE · MMXXVI",
      x: 960,
      y: 764,
      size: 22,
      face: "sans",
      colour: "#b9c6f2",
      alpha: shown * 0.8,
      tracking: 0.4,
    });
    stage.put(corners, 0, 0);
  };
}
