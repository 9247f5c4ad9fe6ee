/** A short film: the last train crosses the mountains at night, and a village waits with its lights on. */

import { aurora } from "../draw/aurora.ts";
import { cottage } from "../draw/coast.ts";
import {
  clouds,
  fillRidge,
  fillVertical,
  fir,
  flakeSprites,
  glow,
  moon,
  putGlow,
  putStars,
  sky,
  snowfall,
  stars,
  vignette,
  withAlpha,
} from "../draw/nature.ts";
import { hash, noise } from "../draw/random.ts";
import { type Layer, mix, ramp, type Stage } from "../draw/stage.ts";
import { carriage, engine } from "../draw/train.ts";
import { letter, titleCard } from "../draw/type.ts";
import type { Paint, Scene } from "./scene.ts";

export const nightTrainScenes: readonly Scene[] = [
  { from: 0, to: 6, crossFade: 0, open: openPass },
  { from: 6, to: 15, crossFade: 1, open: openRide },
  { from: 15, to: 21.5, crossFade: 0, open: openViaduct },
  { from: 21.5, to: 28, crossFade: 1.2, open: openArrival },
];

const SNOW_BLUE = "#c9d8f6";

function openPass(stage: Stage): Paint {
  const night = sky(stage, 2000, 1080, [
    [0, "#060b26"],
    [0.5, "#152c66"],
    [0.8, "#4566a8"],
    [1, "#9db4de"],
  ]);
  const field = stars(stage, 2000, 700, 560, 7);
  const ranges = mountains(stage);
  const corners = vignette(stage, 0.6);
  const flakes = flakeSprites(stage);
  return (seconds) => {
    stage.put(night, -40, 0);
    putStars(stage, field, -seconds * 3, 0, seconds);
    aurora(stage, seconds, 0.8);
    for (const [at, range] of ranges.entries()) stage.put(range, -120 - seconds * (4 + at * 9), 380 + at * 120);
    snowfall(stage, flakes, 120, -40, seconds, 4, 0.8);
    const shown = ramp(seconds, 1.2, 2.6) * (1 - ramp(seconds, 5.2, 6));
    titleCard(stage, "NIGHT TRAIN", "TO ALDERMOOR", 300, 150, shown, seconds / 6, "#f2f6ff");
    stage.put(corners, 0, 0);
  };
}

function mountains(stage: Stage): readonly Layer[] {
  const tones = [
    ["#8fa8d8", "#5f7fbe"],
    ["#5674b2", "#33508e"],
    ["#2b4076", "#182a58"],
  ] as const;
  return tones.map(([top, low], at) =>
    stage.layer(2400, 800, (brush) => {
      fillRidge(
        brush,
        { seed: 60 + at * 9, crest: 260, relief: 190 - at * 30, feature: 420 - at * 60, octaves: 6, sharp: true },
        2400,
        800,
        [
          [0, top],
          [0.5, low],
          [1, low],
        ],
      );
      if (at < 2) return;
      for (let tree = 0; tree < 520; tree++) {
        const x = hash(5, tree) * 2400;
        fir(
          brush,
          x,
          400 + (tree / 520) * 330,
          90 + hash(7, tree) * 70 + (tree / 520) * 50,
          hash(8, tree) < 0.5 ? "#14234c" : "#101c40",
          tree,
          "rgba(190,208,244,.5)",
        );
      }
    }),
  );
}

/** A strip of trees that repeats every `width`. */
function forest(
  stage: Stage,
  width: number,
  trees: number,
  low: number,
  high: number,
  tones: readonly string[],
  ground: string,
  seed: number,
): Layer {
  return stage.layer(width + 1920, 820, (brush) => {
    brush.translate(0, 200);
    for (const shift of [0, width]) {
      for (let tree = 0; tree < trees; tree++) {
        const x = shift + hash(seed, tree) * width;
        const tone = tones[tree % tones.length] ?? "#101c40";
        fir(
          brush,
          x,
          520 + hash(seed + 2, tree) * 16,
          low + hash(seed + 1, tree) * (high - low),
          tone,
          seed + tree,
          "rgba(205,220,250,.55)",
        );
      }
    }
    fillVertical(brush, 0, 512, width + 1920, 110, [
      [0, ground],
      [1, withAlpha(ground, 0.9)],
    ]);
  });
}

function putStrip(stage: Stage, strip: Layer, width: number, travelled: number, y: number): void {
  stage.put(strip, -(((travelled % width) + width) % width), y - 200);
}

function openRide(stage: Stage): Paint {
  const night = sky(
    stage,
    2000,
    800,
    [
      [0, "#070d2c"],
      [0.6, "#20407e"],
      [1, "#7f9fd2"],
    ],
    (brush) => clouds(brush, 2000, 300, 300, "rgb(120,150,210)", 14, 9),
  );
  const field = stars(stage, 2100, 560, 360, 17);
  const disc = moon(stage, 96, "#fffaf0", "#d5d3d8");
  const halo = glow(stage, 460, "#a9bcf2", 0.6);
  const peaks = stage.layer(2700, 620, (brush) => {
    fillRidge(brush, { seed: 33, crest: 260, relief: 200, feature: 460, octaves: 6, sharp: true }, 2700, 620, [
      [0, "#8ea8d6"],
      [0.6, "#4a69a8"],
      [1, "#3a5896"],
    ]);
  });
  const far = forest(stage, 1600, 90, 70, 150, ["#2c4580", "#27407a"], "#5d7bb6", 100);
  const middle = forest(stage, 1900, 60, 160, 300, ["#172a5c", "#132452"], "#93abd8", 200);
  const near = forest(stage, 3400, 6, 380, 560, ["#070c22", "#0a1130"], "#0a1130", 300);
  const cars = stage.layer(580, 150, (brush) => {
    brush.translate(2, 142);
    carriage(brush, "#5e1b2a", "#d9a441", 4);
  });
  const others = stage.layer(580, 150, (brush) => {
    brush.translate(2, 142);
    carriage(brush, "#5e1b2a", "#d9a441", 9);
  });
  const loco = stage.layer(520, 190, (brush) => {
    brush.translate(8, 182);
    engine(brush, "#14182e", "#d9a441");
  });
  const headlight = glow(stage, 240, "#ffe2a0", 0.95);
  const spill = glow(stage, 420, "#ffb65a", 0.34);
  const steam = stage.layer(160, 160, (brush) => {
    const gradient = brush.createRadialGradient(80, 80, 0, 80, 80, 80);
    gradient.addColorStop(0, "rgba(226,234,252,.5)");
    gradient.addColorStop(0.5, "rgba(206,218,246,.24)");
    gradient.addColorStop(1, "rgba(200,214,246,0)");
    brush.fillStyle = gradient;
    brush.fillRect(0, 0, 160, 160);
  });
  const flakes = flakeSprites(stage);
  const corners = vignette(stage, 0.6);
  return (seconds) => {
    const travelled = seconds * 620;
    stage.put(night, -20, 0);
    putStars(stage, field, -seconds * 4, 0, seconds);
    putGlow(stage, halo, 1390 - seconds * 6, 210);
    stage.put(disc, 1390 - seconds * 6 - disc.width / 2, 210 - disc.height / 2);
    stage.put(peaks, -60 - travelled * 0.05, 240);
    putStrip(stage, far, 1600, travelled * 0.22, 160);
    putStrip(stage, middle, 1900, travelled * 0.55, 260);
    fillVertical(stage.brush, 0, 772, 1920, 320, [
      [0, "#a9bfe6"],
      [0.4, SNOW_BLUE],
      [1, "#7d97ca"],
    ]);
    const track = 846 + Math.sin(seconds * 11) * 1.2;
    stage.brush.fillStyle = "#26315a";
    stage.brush.fillRect(0, 844, 1920, 6);
    for (let sleeper = 0; sleeper < 34; sleeper++) {
      stage.brush.fillRect(
        ((sleeper * 60 - travelled) % 2040) + ((sleeper * 60 - travelled) % 2040 < -60 ? 2040 : 0),
        852,
        34,
        8,
      );
    }
    const front = mix(920, 1120, ramp(seconds, 0, 8));
    const mouthX = front + 404;
    for (let puff = 22; puff >= 0; puff--) {
      const age = puff * 0.13 + ((seconds * 3.1) % 1) * 0.13;
      const x = mouthX - age * 470;
      const y = track - 186 - age * 62 - Math.sin(puff * 2.3 + Math.floor(seconds * 3.1)) * 9;
      const size = 0.3 + age * 0.62;
      stage.put(steam, x - 80 * size, y - 80 * size, { scale: size, alpha: Math.max(0, 0.95 - age / 3.1) });
    }
    for (let car = 3; car >= 0; car--) {
      const x = front - 570 - car * 572;
      if (x < -600) continue;
      stage.put(car % 2 ? others : cars, x - 2, track - 142 + Math.sin(seconds * 13 + car) * 1.1);
      putGlow(stage, spill, x + 280, track + 30, 0.8);
    }
    stage.put(loco, front - 8, track - 182);
    putGlow(stage, headlight, front + 440, track - 98, 0.95);
    headBeam(stage, front + 444, track - 98);
    const pole = 1900;
    const poleX = 2100 - ((travelled * 1.25) % pole);
    stage.brush.fillStyle = "#0a1130";
    for (const x of [poleX, poleX - pole]) {
      stage.brush.fillRect(x, 300, 12, 800);
      stage.brush.fillRect(x - 54, 334, 120, 9);
    }
    putStrip(stage, near, 3400, travelled * 1.9, 560);
    snowfall(stage, flakes, 190, -760, seconds, 21, 0.85);
    stage.put(corners, 0, 0);
  };
}

function headBeam(stage: Stage, x: number, y: number): void {
  const { brush } = stage;
  const gradient = brush.createLinearGradient(x, y, x + 760, y);
  gradient.addColorStop(0, "rgba(255,230,170,.5)");
  gradient.addColorStop(1, "rgba(255,230,170,0)");
  brush.globalCompositeOperation = "lighter";
  brush.fillStyle = gradient;
  brush.beginPath();
  brush.moveTo(x, y - 6);
  brush.lineTo(x + 760, y - 70);
  brush.lineTo(x + 760, y + 130);
  brush.lineTo(x, y + 8);
  brush.fill();
  brush.globalCompositeOperation = "source-over";
}

function openViaduct(stage: Stage): Paint {
  const night = sky(stage, 2000, 1080, [
    [0, "#050a24"],
    [0.55, "#183468"],
    [1, "#6f93c6"],
  ]);
  const field = stars(stage, 2100, 800, 640, 27);
  const disc = moon(stage, 250, "#fffbf0", "#d9d4d0");
  const halo = glow(stage, 900, "#a4bcf6", 0.55);
  const range = stage.layer(2300, 620, (brush) => {
    fillRidge(brush, { seed: 81, crest: 230, relief: 190, feature: 420, octaves: 6, sharp: true }, 2300, 620, [
      [0, "#5e7fbc"],
      [0.7, "#2c4a86"],
      [1, "#223d74"],
    ]);
  });
  const valley = stage.layer(2400, 500, (brush) => {
    fillRidge(brush, { seed: 90, crest: 250, relief: 120, feature: 700, octaves: 4 }, 2400, 500, [
      [0, "#24407a"],
      [1, "#0c1838"],
    ]);
    for (let tree = 0; tree < 160; tree++) {
      fir(
        brush,
        hash(31, tree) * 2400,
        270 + hash(32, tree) * 230,
        60 + hash(33, tree) * 80,
        hash(34, tree) < 0.5 ? "#0e1c42" : "#0b1736",
        tree,
        "rgba(180,200,240,.35)",
      );
    }
  });
  const viaduct = stage.layer(2300, 640, (brush) => {
    const stone = brush.createLinearGradient(0, 0, 0, 640);
    stone.addColorStop(0, "#1a2950");
    stone.addColorStop(1, "#070d22");
    brush.fillStyle = stone;
    brush.fillRect(0, 0, 2300, 640);
    brush.fillStyle = "rgba(190,210,250,.6)";
    brush.fillRect(0, 0, 2300, 7);
    brush.globalCompositeOperation = "destination-out";
    brush.fillStyle = "#000";
    for (let opening = 0; opening < 13; opening++) {
      const x = 18 + opening * 178;
      brush.beginPath();
      brush.moveTo(x, 660);
      brush.lineTo(x, 130);
      brush.arc(x + 70, 130, 70, Math.PI, 0);
      brush.lineTo(x + 140, 660);
      brush.fill();
    }
    brush.globalCompositeOperation = "source-over";
  });
  const cars = stage.layer(580, 150, (brush) => {
    brush.translate(2, 142);
    carriage(brush, "#0b1028", "#3a3f5e", 4);
  });
  const loco = stage.layer(520, 190, (brush) => {
    brush.translate(8, 182);
    engine(brush, "#0b1028", "#3a3f5e");
  });
  const headlight = glow(stage, 150, "#ffe2a0", 1);
  const corners = vignette(stage, 0.6);
  const flakes = flakeSprites(stage);
  return (seconds, share) => {
    stage.within({ scale: 1.1 - 0.09 * share, aroundX: 960, aroundY: 520 }, () => {
      stage.put(night, -40, 0);
      putStars(stage, field, -60, 0, seconds);
      aurora(stage, seconds + 20, 0.5);
      putGlow(stage, halo, 1080, 380);
      stage.put(disc, 1080 - disc.width / 2, 380 - disc.height / 2);
      stage.put(range, -170 - seconds * 3, 430);
      stage.put(valley, -200 - seconds * 6, 690);
      const front = -60 + seconds * 270;
      for (let car = 0; car < 5; car++) stage.put(cars, front - 286 - car * 285, 563 - 71, { scale: 0.5 });
      stage.put(loco, front, 563 - 91, { scale: 0.5 });
      putGlow(stage, headlight, front + 222, 563 - 49, 0.9);
      for (let puff = 0; puff < 16; puff++) {
        const age = puff * 0.16 + ((seconds * 3) % 1) * 0.16;
        stage.brush.fillStyle = `rgba(222,232,255,${Math.max(0, 0.34 - age * 0.13)})`;
        stage.brush.beginPath();
        stage.brush.arc(front + 204 - age * 230, 470 - age * 26 - (puff % 3) * 5, 9 + age * 22, 0, 7);
        stage.brush.fill();
      }
      stage.put(viaduct, -190, 562);
      stage.put(valley, -60 - seconds * 14, 890);
    });
    snowfall(stage, flakes, 120, -60, seconds, 8, 0.7);
    stage.put(corners, 0, 0);
  };
}

function openArrival(stage: Stage): Paint {
  const night = sky(
    stage,
    2000,
    900,
    [
      [0, "#060a24"],
      [0.55, "#1f2d66"],
      [0.85, "#6d6296"],
      [1, "#c48a8c"],
    ],
    (brush) => clouds(brush, 2000, 500, 240, "rgb(150,110,150)", 12, 4),
  );
  const field = stars(stage, 2000, 620, 420, 37);
  const village = stage.layer(2200, 640, (brush) => {
    fillRidge(brush, { seed: 120, crest: 210, relief: 160, feature: 520, octaves: 5 }, 2200, 640, [
      [0, "#4a4a86"],
      [0.6, "#2c3068"],
      [1, "#20244f"],
    ]);
    for (let tree = 0; tree < 60; tree++)
      fir(
        brush,
        hash(41, tree) * 2200,
        330 + hash(42, tree) * 90,
        70 + hash(43, tree) * 90,
        "#161a42",
        tree,
        "rgba(210,210,250,.4)",
      );
    for (let house = 0; house < 13; house++) {
      brush.save();
      brush.translate(90 + house * 165 + hash(44, house) * 70, 400 + hash(45, house) * 70);
      cottage(brush, 110 + hash(46, house) * 70, "#1c1b40", SNOW_BLUE, house + 3);
      brush.restore();
    }
    fillVertical(brush, 0, 480, 2200, 160, [
      [0, "#a5b2dc"],
      [1, "#6f7cb4"],
    ]);
  });
  const platform = stage.layer(2000, 360, (brush) => {
    fillVertical(brush, 0, 180, 2000, 180, [
      [0, "#dfe8fb"],
      [0.12, "#b4c2e8"],
      [0.14, "#1d2146"],
      [1, "#0a0c20"],
    ]);
    brush.fillStyle = "#12142e";
    for (const x of [250, 1650]) {
      brush.fillRect(x, -0, 10, 184);
      brush.fillRect(x - 28, 0, 66, 8);
    }
    for (const x of [720, 1190]) brush.fillRect(x, 20, 10, 164);
    brush.fillStyle = "#10244c";
    brush.fillRect(690, 10, 540, 96);
    brush.strokeStyle = "#e9eefc";
    brush.lineWidth = 3;
    brush.strokeRect(698, 18, 524, 80);
    brush.fillStyle = "#f4f7ff";
    brush.beginPath();
    brush.roundRect(680, -2, 560, 16, 8);
    brush.fill();
    letter(brush, {
      text: "ALDERMOOR",
      x: 960,
      y: 76,
      size: 50,
      face: "sans",
      colour: "#f4f7ff",
      alpha: 1,
      tracking: 0.22,
    });
  });
  const lamp = glow(stage, 300, "#ffc878", 0.85);
  const cosy = glow(stage, 800, "#ff9f5a", 0.22);
  const flakes = flakeSprites(stage);
  const corners = vignette(stage, 0.65);
  return (seconds, share) => {
    stage.within({ scale: 1 + 0.05 * share, aroundX: 960, aroundY: 760 }, () => {
      stage.put(night, -40, 0);
      putStars(stage, field, -20, 0, seconds, 0.9);
      stage.put(village, -140 - seconds * 5, 330);
      putGlow(stage, cosy, 960, 800, 0.9);
      stage.put(platform, -40, 750);
      for (const x of [215, 1615]) putGlow(stage, lamp, x, 762, 0.9 + 0.06 * noise(x, seconds * 4));
    });
    snowfall(stage, flakes, 200, -30, seconds, 14, 0.9);
    const shown = ramp(seconds, 1.2, 2.3) * (1 - ramp(seconds, 5.4, 6.2));
    const { brush } = stage;
    letter(brush, {
      text: "Night Train to Aldermoor",
      x: 960,
      y: 210,
      size: 82,
      face: "serif",
      colour: "#f7f4ff",
      alpha: shown,
      tracking: 0.03,
    });
    letter(brush, {
      text: "ODETTE VARN · TOMAS HEL · THE 23:40",
      x: 960,
      y: 290,
      size: 26,
      face: "sans",
      colour: "#d3dbfa",
      alpha: shown * ramp(seconds, 1.8, 2.8),
      tracking: 0.3,
    });
    stage.put(corners, 0, 0);
  };
}
