/** The main film: an old keeper sends a paper boat over the sea, and somebody answers. */

import { cottage, girl, keeper, lantern, lighthouse, paperBoat, whaleTail } from "../draw/figures.ts";
import {
  clouds,
  crestAt,
  fillRidge,
  fillSea,
  fillVertical,
  flakeSprites,
  glitter,
  glow,
  moon,
  putGlow,
  putStars,
  type Ridge,
  type Sea,
  sky,
  snowfall,
  stars,
  vignette,
  waterAt,
  withAlpha,
} from "../draw/nature.ts";
import { hash, noise } from "../draw/random.ts";
import { mix, ramp, type Stage } from "../draw/stage.ts";
import { letter, titleCard } from "../draw/type.ts";
import type { Paint, Scene } from "./scene.ts";

const PAPER = { light: "#f7f0e2", middle: "#c9c6cf", dark: "#6f7391", candle: 1 } as const;

export const paperBoatScenes: readonly Scene[] = [
  { from: 0, to: 8, crossFade: 0, open: openTitle },
  { from: 8, to: 22, crossFade: 1.6, open: openLighthouse },
  { from: 22, to: 34, crossFade: 1.2, open: openLampRoom },
  { from: 34, to: 46, crossFade: 1.2, open: openVoyage },
  { from: 46, to: 55, crossFade: 0, open: openStorm },
  { from: 55, to: 67, crossFade: 1.8, open: openHarbour },
  { from: 67, to: 75, crossFade: 1.8, open: openCredits },
];

function openTitle(stage: Stage): Paint {
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

function openLighthouse(stage: Stage): Paint {
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

/** Two beams that turn around a lamp. */
function beam(stage: Stage, x: number, y: number, seconds: number, strength: number): void {
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

function openLampRoom(stage: Stage): Paint {
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

type Pen = Stage["brush"];

function arch(brush: Pen, x: number, y: number, width: number, height: number): void {
  brush.beginPath();
  brush.moveTo(x, y + height);
  brush.lineTo(x, y + 190);
  brush.bezierCurveTo(x + width * 0.08, y - 20, x + width * 0.34, y - 30, x + width / 2, y - 30);
  brush.bezierCurveTo(x + width * 0.66, y - 30, x + width * 0.92, y - 20, x + width, y + 190);
  brush.lineTo(x + width, y + height);
  brush.closePath();
}

function line(brush: Pen, fromX: number, fromY: number, toX: number, toY: number): void {
  brush.beginPath();
  brush.moveTo(fromX, fromY);
  brush.lineTo(toX, toY);
  brush.stroke();
}

function shelf(brush: Pen, x: number, y: number): void {
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

function spyglass(brush: Pen, x: number, y: number): void {
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

function oilLamp(brush: Pen, x: number, y: number): void {
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

function openVoyage(stage: Stage): Paint {
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

function openStorm(stage: Stage): Paint {
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

function openHarbour(stage: Stage): Paint {
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

function openCredits(stage: Stage): Paint {
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
