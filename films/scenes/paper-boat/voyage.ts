/** The boat goes out over a quiet sea, past a whale. */

import { paperBoat, whaleTail } from "../../draw/coast.ts";
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
import { line } from "../../draw/shape.ts";
import { ramp, type Stage } from "../../draw/stage.ts";
import type { Paint } from "../scene.ts";
import { PAPER } from "./paper.ts";

export function openVoyage(stage: Stage): Paint {
  const night = sky(
    stage,
    2100,
    720,
    [
      [0, "#050a24"],
      [0.4, "#0e2350"],
      [0.75, "#1d5278"],
      [1, "#4f94a0"],
    ],
    (brush) => clouds(brush, 2100, 430, 250, "rgb(60,120,150)", 16, 21),
  );
  const field = stars(stage, 2300, 640, 620, 51);
  const disc = moon(stage, 112, "#f4fbf4", "#bcd2cc");
  const halo = glow(stage, 560, "#79c9cc", 0.55);
  const candle = glow(stage, 250, "#ffb45c", 0.85);
  const corners = vignette(stage, 0.6);
  const tail = stage.layer(260, 200, (brush) => {
    brush.translate(130, 150);
    whaleTail(brush, "#081a30");
    brush.strokeStyle = "rgba(170,230,226,.35)";
    brush.lineWidth = 2.4;
    brush.beginPath();
    brush.moveTo(4, -106);
    brush.bezierCurveTo(40, -132, 96, -124, 112, -84);
    brush.stroke();
  });
  const seas: readonly Sea[] = [
    { seed: 2, level: 706, swell: 6, length: 420, speed: -40 },
    { seed: 8, level: 772, swell: 14, length: 560, speed: -90 },
    { seed: 5, level: 868, swell: 26, length: 760, speed: -160 },
    { seed: 3, level: 990, swell: 36, length: 980, speed: -300 },
  ];
  const colours = [
    [
      [0, "#3f8794"],
      [0.2, "#1d4d6e"],
      [1, "#07142c"],
    ],
    [
      [0, "rgba(36,92,120,.96)"],
      [0.4, "#11355a"],
      [1, "#061022"],
    ],
    [
      [0, "rgba(20,58,92,.97)"],
      [0.5, "#0a2140"],
      [1, "#040a18"],
    ],
    [
      [0, "rgba(10,30,56,.98)"],
      [0.6, "#061226"],
      [1, "#03060f"],
    ],
  ] as const;
  return (seconds) => {
    stage.put(night, -seconds * 4, 0);
    putStars(stage, field, -seconds * 6, 0, seconds);
    const moonX = 1420 - seconds * 6;
    putGlow(stage, halo, moonX, 270);
    stage.put(disc, moonX - disc.width / 2, 270 - disc.height / 2);
    shootingStar(stage, seconds - 2.2, 560, 120);
    for (const [at, sea] of seas.entries()) {
      const stops = colours[at];
      if (stops)
        fillSea(stage, sea, seconds, stops, at < 3 ? `rgba(190,240,236,${0.42 - at * 0.12})` : "rgba(150,210,220,.12)");
      if (at === 0) {
        glitter(stage, moonX, 712, 860, 420, "#dffbee", seconds, 0.9);
        const rise = ramp(seconds, 4, 6.2) * (1 - ramp(seconds, 8.6, 10.6));
        stage.within({ x: 430, y: 706, scale: 1.1, turn: -0.12 + 0.24 * ramp(seconds, 5.5, 10) }, () =>
          stage.put(tail, -130, 40 - 150 * rise),
        );
      }
      if (at === 2) glitter(stage, moonX, 880, 1020, 620, "#bff0e6", seconds + 4, 0.4);
      if (at !== 1) continue;
      const next = seas[2] ?? sea;
      const x = 720 + seconds * 26;
      const y = waterAt(next, x, seconds) + 12;
      const slope = (waterAt(next, x + 60, seconds) - waterAt(next, x - 60, seconds)) / 120;
      stage.within({ x, y, scale: 1.22, turn: slope * 0.8 + Math.sin(seconds * 1.3) * 0.03 }, () =>
        paperBoat(stage.brush, PAPER),
      );
      putGlow(stage, candle, x, y - 34, 0.7 + 0.12 * noise(3, seconds * 5));
    }
    stage.put(corners, 0, 0);
  };
}

function shootingStar(stage: Stage, seconds: number, x: number, y: number): void {
  if (seconds < 0 || seconds > 0.9) return;
  const { brush } = stage;
  const travelled = seconds * 760;
  const light = Math.sin((seconds / 0.9) * Math.PI);
  const headX = x + travelled;
  const headY = y + travelled * 0.28;
  const gradient = brush.createLinearGradient(headX, headY, headX - 240, headY - 67);
  gradient.addColorStop(0, `rgba(255,255,255,${light})`);
  gradient.addColorStop(1, "rgba(255,255,255,0)");
  brush.strokeStyle = gradient;
  brush.lineWidth = 2.6;
  line(brush, headX, headY, headX - 240, headY - 67);
}
