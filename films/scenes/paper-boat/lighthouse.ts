/** The lighthouse at dusk. */

import { cottage, lighthouse } from "../../draw/coast.ts";
import {
  clouds,
  crestAt,
  fillRidge,
  fillSea,
  flakeSprites,
  glitter,
  glow,
  putGlow,
  putStars,
  type Ridge,
  type Sea,
  sky,
  snowfall,
  stars,
  vignette,
  withAlpha,
} from "../../draw/nature.ts";
import { hash } from "../../draw/random.ts";
import { mix, ramp, type Stage } from "../../draw/stage.ts";
import type { Paint } from "../scene.ts";
import { beam } from "./beam.ts";

export function openLighthouse(stage: Stage): Paint {
  const dusk = sky(
    stage,
    2240,
    860,
    [
      [0, "#0c1438"],
      [0.3, "#2a2a68"],
      [0.55, "#6b4285"],
      [0.76, "#c76a80"],
      [0.9, "#f3a173"],
      [1, "#ffd09a"],
    ],
    (brush) => {
      clouds(brush, 2240, 430, 330, "rgb(84,50,104)", 18, 3);
      clouds(brush, 2240, 600, 200, "rgb(255,188,140)", 14, 8);
    },
  );
  const field = stars(stage, 2240, 520, 260, 31);
  const islands = stage.layer(2500, 300, (brush) => {
    fillRidge(brush, { seed: 4, crest: 210, relief: 90, feature: 420, octaves: 5 }, 2500, 262, [
      [0, "#7a4a80"],
      [1, "#c0708a"],
    ]);
  });
  const nearIslands = stage.layer(2700, 300, (brush) => {
    fillRidge(brush, { seed: 19, crest: 252, relief: 76, feature: 330, octaves: 6 }, 2700, 300, [
      [0, "#43306a"],
      [1, "#6d4679"],
    ]);
  });
  const rock = stage.layer(1180, 660, (brush) => {
    const cliff: Ridge = { seed: 40, crest: 0, relief: 26, feature: 60, octaves: 4 };
    const body = brush.createLinearGradient(0, 120, 0, 640);
    body.addColorStop(0, "#191437");
    body.addColorStop(1, "#07081c");
    brush.fillStyle = body;
    brush.beginPath();
    brush.moveTo(0, 660);
    for (let x = 0; x <= 1180; x += 6) {
      const rise = ramp(x, 40, 430) * (1 - ramp(x, 900, 1180) * 0.5);
      const terrace = Math.round(rise * 7) / 7;
      brush.lineTo(x, 640 - mix(rise, terrace, 0.45) * 430 + crestAt(cliff, x));
    }
    brush.lineTo(1180, 660);
    brush.fill();
    brush.strokeStyle = "rgba(255,170,140,.2)";
    brush.lineWidth = 2;
    brush.save();
    brush.clip();
    for (let ledge = 0; ledge < 46; ledge++) {
      const x = hash(8, ledge) * 1100;
      const y = 250 + hash(9, ledge) * 380;
      brush.strokeStyle = withAlpha("#c77a8e", 0.05 + 0.1 * hash(10, ledge));
      brush.beginPath();
      brush.moveTo(x, y);
      brush.lineTo(x + 30 + hash(11, ledge) * 90, y - 8 + hash(12, ledge) * 22);
      brush.lineTo(x + 50 + hash(13, ledge) * 110, y + 18);
      brush.stroke();
    }
    brush.restore();
  });
  const tower = stage.layer(420, 640, (brush) => {
    brush.translate(160, 600);
    brush.save();
    brush.translate(146, 6);
    cottage(brush, 150, "#1d1638", "#120e28", 2);
    brush.restore();
    lighthouse(brush, "#e9cfc4", "#392a52", "#b04a5a");
  });
  const lamp = glow(stage, 250, "#ffd890", 1);
  const corners = vignette(stage, 0.55);
  const flakes = flakeSprites(stage);
  const far: Sea = { seed: 1, level: 806, swell: 4, length: 380, speed: -22 };
  const middle: Sea = { seed: 7, level: 884, swell: 12, length: 520, speed: -44 };
  const near: Sea = { seed: 3, level: 990, swell: 22, length: 760, speed: -80 };
  return (seconds, share) => {
    const pan = seconds * 9;
    stage.within({ scale: 1 + 0.06 * share, aroundX: 1240, aroundY: 620 }, () => {
      stage.put(dusk, -pan * 0.35 - 60, 0);
      putStars(stage, field, -pan * 0.35 - 40, 0, seconds, 0.35 + 0.5 * share);
      stage.put(islands, -pan * 0.8 - 80, 552);
      fillSea(
        stage,
        far,
        seconds,
        [
          [0, "#e58e86"],
          [0.12, "#a25a86"],
          [0.5, "#38295f"],
          [1, "#120f2e"],
        ],
        "rgba(255,224,190,.5)",
      );
      glitter(stage, 520 - pan * 0.3, 812, 1000, 520, "#ffc79a", seconds, 0.55);
      stage.put(nearIslands, -pan * 1.3 - 40, 556);
      const x = 1300 - pan * 2;
      const lampX = x + 4;
      const lampY = 372;
      beam(stage, lampX, lampY, seconds, 1);
      stage.put(tower, x - 160, 206);
      stage.put(rock, x - 520, 580);
      putGlow(stage, lamp, lampX, lampY - 3, 0.75 + 0.25 * lampFlash(seconds));
      fillSea(
        stage,
        middle,
        seconds,
        [
          [0, "rgba(124,70,120,.92)"],
          [0.3, "rgba(58,40,94,.95)"],
          [1, "#0d0c28"],
        ],
        "rgba(255,196,170,.28)",
      );
      fillSea(
        stage,
        near,
        seconds,
        [
          [0, "rgba(46,34,84,.97)"],
          [0.5, "#161336"],
          [1, "#080818"],
        ],
        "rgba(255,180,170,.16)",
      );
    });
    snowfall(stage, flakes, 130, -34, seconds, 6, 0.7);
    stage.put(corners, 0, 0);
  };
}

/** How directly the turning lamp looks at the viewer, in [0, 1]. */
function lampFlash(seconds: number): number {
  return Math.max(0, Math.cos(seconds * 0.95)) ** 6;
}
