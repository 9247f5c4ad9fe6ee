/** The storm. */

import { lighthouse, paperBoat } from "../../draw/coast.ts";
import { clouds, fillRidge, fillSea, glow, putGlow, type Sea, sky, vignette, waterAt } from "../../draw/nature.ts";
import { hash, noise } from "../../draw/random.ts";
import { ramp, type Stage } from "../../draw/stage.ts";
import type { Paint } from "../scene.ts";
import { beam } from "./beam.ts";

export function openStorm(stage: Stage): Paint {
  const gloom = sky(
    stage,
    2100,
    800,
    [
      [0, "#06080f"],
      [0.5, "#141d2c"],
      [1, "#3c4a56"],
    ],
    (brush) => {
      clouds(brush, 2100, 0, 520, "rgb(52,64,82)", 60, 61);
      clouds(brush, 2100, 0, 420, "rgb(6,8,14)", 60, 62);
    },
  );
  const lit = sky(
    stage,
    2100,
    800,
    [
      [0, "#5b6688"],
      [0.5, "#98a6c4"],
      [1, "#c9d4e2"],
    ],
    (brush) => {
      clouds(brush, 2100, 0, 520, "rgb(220,228,250)", 60, 61);
      clouds(brush, 2100, 0, 420, "rgb(60,70,96)", 60, 62);
    },
  );
  const candle = glow(stage, 170, "#ffb45c", 0.9);
  const far = glow(stage, 150, "#ffdf9c", 1);
  const corners = vignette(stage, 0.75);
  const rock = stage.layer(300, 300, (brush) => {
    fillRidge(brush, { seed: 5, crest: 84, relief: 16, feature: 70, octaves: 4 }, 300, 300, [
      [0, "#10161f"],
      [1, "#0b1018"],
    ]);
    brush.translate(150, 74);
    brush.scale(0.13, 0.13);
    lighthouse(brush, "#a9b2bf", "#2a3040", "#6a4a54");
  });
  const seas: readonly Sea[] = [
    { seed: 4, level: 742, swell: 26, length: 520, speed: -210 },
    { seed: 9, level: 812, swell: 62, length: 820, speed: -330 },
    { seed: 6, level: 960, swell: 84, length: 1080, speed: -520 },
  ];
  const colours = [
    [
      [0, "#3a4a58"],
      [0.3, "#1c2835"],
      [1, "#0a1018"],
    ],
    [
      [0, "rgba(34,48,60,.98)"],
      [0.4, "#121d28"],
      [1, "#070b12"],
    ],
    [
      [0, "rgba(16,25,34,.98)"],
      [0.5, "#0a1119"],
      [1, "#040609"],
    ],
  ] as const;
  return (seconds) => {
    const shake = noise(4, seconds * 3) * 9;
    const strike = Math.max(flash(seconds, 1.1), flash(seconds, 3.6), flash(seconds, 4.0) * 0.7);
    stage.within(
      {
        x: shake,
        y: noise(5, seconds * 2.4) * 8,
        turn: noise(6, seconds) * 0.012,
        aroundX: 960,
        aroundY: 540,
        scale: 1.04,
      },
      () => {
        stage.put(gloom, -seconds * 10, -20);
        stage.put(lit, -seconds * 10, -20, { alpha: strike * 0.75 });
        if (strike > 0.55) bolt(stage, 1180 + (seconds > 3 ? 330 : 0), strike, seconds > 3 ? 9 : 4);
        stage.put(rock, 110, 640);
        beam(stage, 260, 655, seconds * 1.25 + 1.1, 0.8 + 0.6 * ramp(seconds, 4.5, 6.5));
        putGlow(stage, far, 260, 655, 0.6 + 0.4 * ramp(seconds, 4.5, 6.5));
        for (const [at, sea] of seas.entries()) {
          const stops = colours[at];
          if (stops) fillSea(stage, sea, seconds, stops, `rgba(200,216,230,${0.3 - at * 0.08 + strike * 0.3})`);
          if (at !== 0) continue;
          const ride = seas[1] ?? sea;
          const x = 1060 + seconds * 12;
          const y = waterAt(ride, x, seconds) + 8;
          const slope = (waterAt(ride, x + 70, seconds) - waterAt(ride, x - 70, seconds)) / 140;
          stage.within({ x, y, scale: 0.82, turn: slope * 0.95 }, () =>
            paperBoat(stage.brush, { light: "#d4d4d6", middle: "#9a9fae", dark: "#3c4358", candle: 0.8 }),
          );
          putGlow(stage, candle, x, y - 24, 0.7 + 0.25 * noise(3, seconds * 9));
        }
      },
    );
    rain(stage, seconds);
    stage.put(corners, 0, 0);
  };
}

function flash(seconds: number, at: number): number {
  const since = seconds - at;
  if (since < 0 || since > 0.7) return 0;
  return Math.exp(-since * 6) * (0.75 + 0.25 * Math.cos(since * 60));
}

function bolt(stage: Stage, x: number, strength: number, seed: number): void {
  const { brush } = stage;
  for (const [width, alpha] of [
    [9, 0.25],
    [3, 0.95],
  ] as const) {
    brush.strokeStyle = `rgba(235,242,255,${alpha * strength})`;
    brush.lineWidth = width;
    brush.lineJoin = "round";
    brush.beginPath();
    brush.moveTo(x, -10);
    for (let step = 1; step <= 14; step++) brush.lineTo(x + (hash(seed, step) - 0.5) * 90 - step * 7, step * 50);
    brush.stroke();
    brush.lineWidth = width * 0.6;
    brush.beginPath();
    brush.moveTo(x + (hash(seed, 6) - 0.5) * 90 - 42, 300);
    for (let step = 1; step <= 6; step++)
      brush.lineTo(x - 42 + step * 34 + (hash(seed + 1, step) - 0.5) * 40, 300 + step * 42);
    brush.stroke();
  }
}

function rain(stage: Stage, seconds: number): void {
  const { brush } = stage;
  brush.lineWidth = 1.6;
  for (const [depth, count] of [
    [0.5, 150],
    [1, 90],
  ] as const) {
    brush.strokeStyle = `rgba(190,208,226,${0.14 + 0.12 * depth})`;
    brush.beginPath();
    for (let drop = 0; drop < count; drop++) {
      const speed = (1500 + 600 * hash(3, drop)) * (0.6 + 0.4 * depth);
      const y = ((hash(1, drop) * 1300 + speed * seconds) % 1300) - 120;
      const x =
        ((hash(2, drop) * 2300 - speed * 0.34 * seconds) % 2300) +
        (hash(2, drop) * 2300 - speed * 0.34 * seconds < 0 ? 2300 : 0) -
        100;
      brush.moveTo(x, y);
      brush.lineTo(x - 20 * depth, y + 62 * depth);
    }
    brush.stroke();
  }
}
