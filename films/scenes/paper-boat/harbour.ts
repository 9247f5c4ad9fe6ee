/** The other shore in the morning. */

import { cottage, lantern, paperBoat } from "../../draw/coast.ts";
import {
  clouds,
  fillRidge,
  fillSea,
  glitter,
  glow,
  putGlow,
  type Sea,
  sky,
  vignette,
  waterAt,
} from "../../draw/nature.ts";
import { girl } from "../../draw/people.ts";
import { hash, noise } from "../../draw/random.ts";
import { line } from "../../draw/shape.ts";
import { ramp, type Stage } from "../../draw/stage.ts";
import type { Paint } from "../scene.ts";

export function openHarbour(stage: Stage): Paint {
  const dawn = sky(
    stage,
    2100,
    760,
    [
      [0, "#2c3f74"],
      [0.35, "#7a6ea4"],
      [0.62, "#e09aa2"],
      [0.84, "#ffc99a"],
      [1, "#ffe8bf"],
    ],
    (brush) => {
      clouds(brush, 2100, 220, 300, "rgb(120,96,150)", 15, 71);
      clouds(brush, 2100, 330, 300, "rgb(255,206,176)", 20, 72);
    },
  );
  const sun = glow(stage, 520, "#ffd28c", 0.9, 2.6);
  const town = stage.layer(2200, 420, (brush) => {
    fillRidge(brush, { seed: 14, crest: 250, relief: 110, feature: 620, octaves: 4 }, 2200, 420, [
      [0, "#8a6a96"],
      [1, "#b98398"],
    ]);
    for (let row = 0; row < 3; row++) {
      for (let house = 0; house < 11; house++) {
        const x = 60 + house * 132 + hash(row + 20, house) * 60 - 20;
        brush.save();
        brush.translate(x, 286 + row * 52 + hash(row + 30, house) * 12);
        const tints = [
          ["#6f5580", "#584468"],
          ["#5a456f", "#463459"],
          ["#473659", "#352846"],
        ] as const;
        const [wall, roof] = tints[row] ?? tints[0];
        cottage(brush, 84 + hash(row + 40, house) * 36 + row * 8, wall, roof, row * 50 + house);
        brush.restore();
      }
    }
    brush.fillStyle = "#473659";
    brush.fillRect(930, 120, 40, 220);
    brush.beginPath();
    brush.moveTo(922, 124);
    brush.lineTo(950, 40);
    brush.lineTo(978, 124);
    brush.fill();
  });
  const pier = stage.layer(1000, 460, (brush) => {
    brush.fillStyle = "#231a35";
    brush.fillRect(0, 40, 840, 24);
    for (let plank = 0; plank < 21; plank++) {
      brush.fillStyle = "rgba(255,190,150,.14)";
      brush.fillRect(plank * 40, 40, 36, 3);
    }
    brush.fillStyle = "#1c152c";
    for (const x of [40, 230, 420, 610, 790]) {
      brush.fillRect(x, 24, 20, 436);
      brush.fillRect(x - 4, 18, 28, 10);
    }
    brush.lineWidth = 9;
    brush.strokeStyle = "#1c152c";
    for (const x of [50, 240, 430]) {
      line(brush, x, 70, x + 190, 240);
      line(brush, x + 190, 70, x, 240);
    }
  });
  const light = glow(stage, 330, "#ffb95e", 0.95);
  const candle = glow(stage, 120, "#ffb45c", 0.6);
  const corners = vignette(stage, 0.5);
  const far: Sea = { seed: 2, level: 716, swell: 4, length: 400, speed: 24 };
  const middle: Sea = { seed: 5, level: 800, swell: 11, length: 560, speed: 46 };
  const near: Sea = { seed: 8, level: 968, swell: 18, length: 820, speed: 80 };
  return (seconds, share) => {
    stage.within({ scale: 1.07 - 0.06 * share, aroundX: 700, aroundY: 640 }, () => {
      stage.put(dawn, -70 - seconds * 4, -20);
      putGlow(stage, sun, 1180, 700 - seconds * 7, 0.95);
      stage.brush.fillStyle = "#fff3d6";
      stage.brush.beginPath();
      stage.brush.arc(1180, 730 - seconds * 7, 62, 0, 7);
      stage.brush.fill();
      stage.put(town, -140 - seconds * 3, 380);
      gulls(stage, seconds);
      fillSea(
        stage,
        far,
        seconds,
        [
          [0, "#f3b9a2"],
          [0.25, "#b98aa6"],
          [1, "#3c3566"],
        ],
        "rgba(255,244,220,.6)",
      );
      glitter(stage, 1180, 722, 900, 520, "#ffe6b4", seconds, 0.9);
      const x = 1530 - ramp(seconds, 0, 9) * 480;
      const y = waterAt(middle, x, seconds) + 10;
      stage.within({ x, y, scale: 0.78, turn: Math.sin(seconds * 1.2) * 0.05 }, () =>
        paperBoat(stage.brush, { light: "#fff2dc", middle: "#e3bcb4", dark: "#846a8c", candle: 0.5 }),
      );
      putGlow(stage, candle, x, y - 24, 0.7);
      fillSea(
        stage,
        middle,
        seconds,
        [
          [0, "rgba(196,140,160,.9)"],
          [0.4, "rgba(112,88,140,.95)"],
          [1, "#2a2450"],
        ],
        "rgba(255,230,210,.4)",
      );
      stage.put(pier, -40, 700);
      stage.within({ x: 690, y: 742, scale: 1.08 }, () =>
        girl(stage.brush, "#2a1d3c", "#c8404e", "rgba(255,214,170,.75)", seconds),
      );
      const kindled = ramp(seconds, 6.2, 7.4);
      stage.within({ x: 764, y: 642, turn: Math.sin(seconds * 1.7) * 0.06, aroundY: -36 }, () => {
        stage.brush.globalAlpha = 0.35 + 0.65 * kindled;
        lantern(stage.brush, "#2a1d3c");
        stage.brush.globalAlpha = 1;
      });
      putGlow(stage, light, 764, 642, kindled * (0.85 + 0.1 * noise(2, seconds * 6)));
      fillSea(
        stage,
        near,
        seconds,
        [
          [0, "rgba(92,72,122,.94)"],
          [0.5, "#2c2550"],
          [1, "#131030"],
        ],
        "rgba(255,216,196,.22)",
      );
    });
    stage.put(corners, 0, 0);
  };
}

function gulls(stage: Stage, seconds: number): void {
  const { brush } = stage;
  brush.strokeStyle = "rgba(58,44,84,.8)";
  brush.lineWidth = 3;
  brush.lineCap = "round";
  for (let gull = 0; gull < 6; gull++) {
    const x = 420 + gull * 92 + seconds * (22 + gull * 3) + noise(gull, seconds * 0.3) * 30;
    const y = 250 + hash(4, gull) * 150 + noise(gull + 9, seconds * 0.4) * 20;
    const flap = 9 + Math.sin(seconds * 6 + gull * 1.7) * 8;
    const span = 17 + hash(5, gull) * 13;
    brush.beginPath();
    brush.moveTo(x - span, y - flap);
    brush.quadraticCurveTo(x - span * 0.4, y - flap * 0.7, x, y);
    brush.quadraticCurveTo(x + span * 0.4, y - flap * 0.7, x + span, y - flap);
    brush.stroke();
  }
}
