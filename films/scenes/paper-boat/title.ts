/** The title: a boat with a candle under the moon. */

import { paperBoat } from "../../draw/coast.ts";
import {
  clouds,
  fillSea,
  glitter,
  glow,
  moon,
  putGlow,
  putStars,
  type Sea,
  sky,
  stars,
  vignette,
  waterAt,
} from "../../draw/nature.ts";
import { noise } from "../../draw/random.ts";
import { ramp, type Stage } from "../../draw/stage.ts";
import { titleCard } from "../../draw/type.ts";
import type { Paint } from "../scene.ts";
import { PAPER } from "./paper.ts";

export function openTitle(stage: Stage): Paint {
  const night = sky(
    stage,
    1920,
    760,
    [
      [0, "#070b22"],
      [0.45, "#14235a"],
      [0.8, "#3a4f9a"],
      [1, "#7d86c4"],
    ],
    (brush) => {
      clouds(brush, 1920, 560, 170, "rgb(150,160,220)", 12, 5);
    },
  );
  const field = stars(stage, 2000, 640, 520, 11);
  const disc = moon(stage, 150, "#fff6e0", "#d9cbb4");
  const halo = glow(stage, 620, "#8f9ee8", 0.6);
  const candle = glow(stage, 130, "#ffb45c", 0.85);
  const corners = vignette(stage, 0.62);
  const far: Sea = { seed: 2, level: 752, swell: 5, length: 420, speed: 30 };
  const near: Sea = { seed: 5, level: 880, swell: 15, length: 620, speed: 55 };
  return (seconds) => {
    stage.put(night, 0, 0);
    putStars(stage, field, -seconds * 3, 0, seconds);
    const moonX = 960;
    const moonY = 640 - seconds * 5;
    putGlow(stage, halo, moonX, moonY);
    stage.put(disc, moonX - disc.width / 2, moonY - disc.height / 2);
    fillSea(
      stage,
      far,
      seconds,
      [
        [0, "#5867ae"],
        [0.3, "#26336f"],
        [1, "#080d26"],
      ],
      "rgba(226,226,255,.4)",
    );
    glitter(stage, moonX, 760, 1060, 460, "#ffe9c0", seconds, 0.95);
    const boatX = 560 + seconds * 18;
    const boatY = waterAt(near, boatX, seconds) + 6;
    stage.within({ x: boatX, y: boatY, scale: 0.52, turn: Math.sin(seconds * 1.1) * 0.05 }, () =>
      paperBoat(stage.brush, PAPER),
    );
    putGlow(stage, candle, boatX, boatY - 18, 0.75 + 0.1 * noise(3, seconds * 5));
    fillSea(
      stage,
      near,
      seconds,
      [
        [0, "rgba(40,54,118,.92)"],
        [0.35, "rgba(17,25,66,.96)"],
        [1, "#050818"],
      ],
      "rgba(200,210,255,.22)",
    );
    glitter(stage, boatX, 888, 990, 110, "#ffb866", seconds + 9, 0.8);
    const shown = ramp(seconds, 1.4, 3.2) * (1 - ramp(seconds, 6.9, 8.1));
    titleCard(stage, "THE PAPER BOAT", "A MATINEE ORIGINAL FILM", 318, 142, shown, seconds / 8);
    stage.put(corners, 0, 0);
  };
}
