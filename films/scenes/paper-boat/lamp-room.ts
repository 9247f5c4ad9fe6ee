/** The keeper folds his letter. */

import { paperBoat } from "../../draw/coast.ts";
import {
  clouds,
  fillSea,
  fillVertical,
  flakeSprites,
  glitter,
  glow,
  moon,
  putGlow,
  putStars,
  type Sea,
  sky,
  snowfall,
  stars,
  vignette,
  withAlpha,
} from "../../draw/nature.ts";
import { keeper } from "../../draw/people.ts";
import { hash, noise } from "../../draw/random.ts";
import { line } from "../../draw/shape.ts";
import { type Brush, ramp, type Stage } from "../../draw/stage.ts";
import type { Paint } from "../scene.ts";

export function openLampRoom(stage: Stage): Paint {
  const view = sky(
    stage,
    1300,
    700,
    [
      [0, "#0a1440"],
      [0.55, "#24408c"],
      [0.9, "#6a80c0"],
      [1, "#9aa6d8"],
    ],
    (brush) => clouds(brush, 1300, 420, 200, "rgb(150,164,220)", 9, 14),
  );
  const field = stars(stage, 1300, 560, 240, 77);
  const disc = moon(stage, 86, "#fdf6e6", "#cfc6b8");
  const halo = glow(stage, 420, "#93a4ee", 0.55);
  const flakes = flakeSprites(stage);
  const wall = stage.layer(2040, 1160, (brush) => {
    fillVertical(brush, 0, 0, 2040, 1160, [
      [0, "#120c1e"],
      [0.6, "#25152a"],
      [1, "#120a16"],
    ]);
    for (let plank = 0; plank < 26; plank++) {
      brush.fillStyle = `rgba(0,0,0,${0.12 + 0.1 * hash(5, plank)})`;
      brush.fillRect(plank * 84, 0, 2.5, 1160);
      brush.fillStyle = `rgba(255,190,130,${0.014 * hash(6, plank)})`;
      brush.fillRect(plank * 84 + 3, 0, 81, 1160);
    }
    brush.save();
    brush.globalCompositeOperation = "destination-out";
    brush.fillStyle = "#000";
    arch(brush, 360, 110, 900, 690);
    brush.fill();
    brush.restore();
    brush.lineWidth = 26;
    brush.strokeStyle = "#0d0814";
    arch(brush, 360, 110, 900, 690);
    brush.stroke();
    brush.lineWidth = 11;
    for (const x of [585, 810, 1035]) line(brush, x, 110 + (x === 810 ? 0 : 50), x, 800);
    for (const y of [340, 570]) line(brush, 360, y, 1260, y);
    brush.fillStyle = "#0d0814";
    brush.fillRect(318, 794, 984, 26);
    brush.fillStyle = "rgba(160,180,250,.3)";
    brush.fillRect(322, 794, 976, 3);
    shelf(brush, 1420, 330);
  });
  const table = stage.layer(2040, 420, (brush) => {
    fillVertical(brush, 120, 120, 1800, 34, [
      [0, "#8a4c2c"],
      [0.3, "#4f2a20"],
      [1, "#1c0f14"],
    ]);
    fillVertical(brush, 160, 154, 1720, 260, [
      [0, "#160c14"],
      [1, "#07050a"],
    ]);
    brush.fillStyle = "#e8d9bd";
    brush.save();
    brush.translate(520, 118);
    brush.transform(1, 0, -0.5, 1, 0, 0);
    brush.globalAlpha = 0.85;
    brush.fillRect(0, -8, 150, 8);
    brush.globalAlpha = 0.6;
    brush.fillRect(34, -13, 140, 6);
    brush.restore();
    spyglass(brush, 300, 112);
    oilLamp(brush, 770, 120);
  });
  const warm = glow(stage, 640, "#ff9d4a", 0.62, 1.9);
  const flame = glow(stage, 110, "#ffdc94", 1);
  const corners = vignette(stage, 0.72);
  const water: Sea = { seed: 12, level: 690, swell: 6, length: 300, speed: 24 };
  return (seconds, share) => {
    const flicker = 0.86 + 0.1 * noise(1, seconds * 7) + 0.04 * noise(2, seconds * 19);
    stage.within({ scale: 1.0 + 0.08 * share, aroundX: 980, aroundY: 700 }, () => {
      stage.put(view, 200 - share * 26, 70);
      putStars(stage, field, 200 - share * 26, 70, seconds);
      putGlow(stage, halo, 640 - share * 30, 300);
      stage.put(disc, 640 - share * 30 - disc.width / 2, 300 - disc.height / 2);
      fillSea(
        stage,
        water,
        seconds,
        [
          [0, "#5063a8"],
          [0.4, "#1c2a62"],
          [1, "#0a1030"],
        ],
        "rgba(230,236,255,.4)",
      );
      glitter(stage, 640 - share * 30, 696, 800, 200, "#fff0d2", seconds, 0.8);
      snowfall(stage, flakes, 90, 60, seconds, 15, 0.8);
      stage.put(wall, -60, -40);
      putGlow(stage, warm, 800, 760, flicker);
      stage.put(table, -60, 760);
      putGlow(stage, flame, 712, 806, flicker);
      stage.within({ x: 1130, y: 884 }, () => {
        keeper(stage.brush, "#140c18", withAlpha("#ffab5e", 0.55 * flicker), Math.sin(seconds * 0.9));
      });
      const lift = ramp(seconds, 6.5, 8.5) * 10;
      stage.within({ x: 958, y: 864 - lift, scale: 0.62, turn: -0.04 * ramp(seconds, 6.5, 8.5) }, () => {
        paperBoat(stage.brush, { light: "#e9b986", middle: "#fbe3bd", dark: "#7b5240", candle: 0.15 });
      });
      stage.brush.fillStyle = "#140c18";
      stage.brush.beginPath();
      stage.brush.ellipse(1044, 872 - lift, 42, 13, -0.25, 0, 7);
      stage.brush.fill();
    });
    stage.put(corners, 0, 0);
  };
}

function arch(brush: Brush, x: number, y: number, width: number, height: number): void {
  brush.beginPath();
  brush.moveTo(x, y + height);
  brush.lineTo(x, y + 190);
  brush.bezierCurveTo(x + width * 0.08, y - 20, x + width * 0.34, y - 30, x + width / 2, y - 30);
  brush.bezierCurveTo(x + width * 0.66, y - 30, x + width * 0.92, y - 20, x + width, y + 190);
  brush.lineTo(x + width, y + height);
  brush.closePath();
}

function shelf(brush: Brush, x: number, y: number): void {
  brush.fillStyle = "#0a0610";
  for (const row of [0, 190]) {
    brush.fillRect(x - 20, y + row, 420, 12);
    let at = x;
    for (let book = 0; at < x + 330; book++) {
      const width = 16 + hash(row + 3, book) * 22;
      const height = 78 + hash(row + 4, book) * 64;
      const tints = ["#3a1c2a", "#2a1a38", "#4a2a26", "#1f2340", "#3b2a20"];
      brush.fillStyle = tints[Math.floor(hash(row + 5, book) * tints.length)] ?? "#2a1a38";
      brush.fillRect(at, y + row - height, width, height);
      brush.fillStyle = "rgba(255,190,120,.16)";
      brush.fillRect(at + 2, y + row - height + 14, width - 4, 3);
      at += width + 2 + (hash(row + 6, book) < 0.12 ? 26 : 0);
    }
    brush.fillStyle = "#0a0610";
  }
}

function spyglass(brush: Brush, x: number, y: number): void {
  brush.save();
  brush.translate(x, y);
  brush.rotate(-0.1);
  for (const [from, length, half] of [
    [0, 96, 13],
    [92, 70, 10],
    [158, 56, 7],
  ] as const) {
    fillVertical(brush, from, -half, length, half * 2, [
      [0, "#d79a55"],
      [0.35, "#8a5430"],
      [1, "#2a1518"],
    ]);
  }
  brush.restore();
}

function oilLamp(brush: Brush, x: number, y: number): void {
  brush.fillStyle = "#2a1716";
  brush.beginPath();
  brush.ellipse(x, y - 6, 40, 9, 0, 0, 7);
  brush.fill();
  fillVertical(brush, x - 24, y - 46, 48, 42, [
    [0, "#b4743c"],
    [1, "#4a2820"],
  ]);
  const glass = brush.createLinearGradient(x - 26, 0, x + 26, 0);
  glass.addColorStop(0, "rgba(255,220,150,.35)");
  glass.addColorStop(0.5, "rgba(255,240,200,.12)");
  glass.addColorStop(1, "rgba(255,220,150,.35)");
  brush.fillStyle = glass;
  brush.beginPath();
  brush.moveTo(x - 14, y - 46);
  brush.bezierCurveTo(x - 38, y - 84, x - 22, y - 104, x - 12, y - 138);
  brush.lineTo(x + 12, y - 138);
  brush.bezierCurveTo(x + 22, y - 104, x + 38, y - 84, x + 14, y - 46);
  brush.fill();
  brush.fillStyle = "#fff4cf";
  brush.beginPath();
  brush.moveTo(x, y - 104);
  brush.bezierCurveTo(x + 16, y - 74, x + 12, y - 58, x, y - 54);
  brush.bezierCurveTo(x - 12, y - 58, x - 16, y - 74, x, y - 104);
  brush.fill();
}
