/** A short film: a fox finds a star that fell into the forest, and gives it back. */

import { fox } from "../draw/fox.ts";
import { fillVertical, glow, putGlow, putStars, sky, stars, vignette, withAlpha } from "../draw/nature.ts";
import { hash, noise, seeded } from "../draw/random.ts";
import { type Layer, mix, ramp, type Stage } from "../draw/stage.ts";
import { letter, titleCard } from "../draw/type.ts";
import type { Paint, Scene } from "./scene.ts";

export const fallenStarScenes: readonly Scene[] = [
  { from: 0, to: 7, crossFade: 0, open: openFall },
  { from: 7, to: 16, crossFade: 1.2, open: openFind },
  { from: 16, to: 24, crossFade: 1.2, open: openGift },
];

function openFall(stage: Stage): Paint {
  const night = sky(stage, 2000, stage.height, [
    [0, "#07102e"],
    [0.5, "#15396a"],
    [0.85, "#3b8a96"],
    [1, "#8fd0b4"],
  ]);
  const field = stars(stage, 2000, stage.height * 0.9, 640, 3);
  const hills = [0, 1, 2].map((at) =>
    canopy(stage, 40 + at, ["#2f7a86", "#1a5060", "#0a2733"][at] ?? "#0a2733", 90 + at * 50),
  );
  const head = glow(stage, 240, "#fff0bc", 1);
  const corners = vignette(stage, 0.6);
  return (seconds) => {
    stage.put(night, -30, 0);
    putStars(stage, field, -seconds * 3, 0, seconds);
    const fall = (seconds - 4.4) / 1.9;
    if (fall > 0) {
      const share = Math.min(1, fall) ** 1.5;
      const x = mix(1500, 900, share);
      const y = mix(-60, stage.height - 150, share);
      trail(stage, x, y, 600, -0.98 * (stage.height - 90), share);
      putGlow(stage, head, x, y, fall < 1 ? 1 : Math.max(0, 2.2 - fall * 1.2), fall < 1 ? 0.7 : 0.7 + (fall - 1) * 2.4);
    }
    for (const [at, hill] of hills.entries())
      stage.put(hill, -80 - seconds * (3 + at * 6), stage.height - 350 + at * 74);
    const shown = ramp(seconds, 1.1, 2.4) * (1 - ramp(seconds, 4.2, 5));
    titleCard(
      stage,
      "THE FOX & THE FALLEN STAR",
      "A MATINEE SHORT",
      stage.height * 0.42,
      96,
      shown,
      seconds / 7,
      "#f4fbe9",
    );
    stage.put(corners, 0, 0);
  };
}

function canopy(stage: Stage, seed: number, tone: string, height: number): Layer {
  return stage.layer(2300, 520, (brush) => {
    brush.translate(0, 100);
    const random = seeded(seed);
    brush.fillStyle = tone;
    for (let tree = 0; tree < 150; tree++) {
      const x = random() * 2300;
      const top = 150 - random() * height;
      const half = 16 + random() * 26;
      brush.beginPath();
      brush.moveTo(x, top);
      brush.lineTo(x - half, top + height * 1.5);
      brush.lineTo(x + half, top + height * 1.5);
      brush.fill();
    }
    brush.fillRect(0, 190, 2300, 230);
  });
}

function trail(stage: Stage, x: number, y: number, backX: number, backY: number, share: number): void {
  const { brush } = stage;
  const gradient = brush.createLinearGradient(x, y, x + backX * 0.7, y + backY * 0.7);
  gradient.addColorStop(0, `rgba(255,248,214,${share < 1 ? 0.95 : 0})`);
  gradient.addColorStop(1, "rgba(255,240,190,0)");
  brush.fillStyle = gradient;
  brush.beginPath();
  brush.moveTo(x - 5, y - 3);
  brush.lineTo(x + backX * 0.7, y + backY * 0.7);
  brush.lineTo(x + 5, y + 3);
  brush.fill();
}

/** Tall trunks in one depth of mist. */
function trunks(stage: Stage, count: number, low: number, high: number, tone: string, seed: number): Layer {
  return stage.layer(2400, stage.height + 60, (brush) => {
    const random = seeded(seed);
    for (let trunk = 0; trunk < count; trunk++) {
      const x = ((trunk + random() * 0.8) / count) * 2400;
      const width = mix(low, high, random());
      const lean = (random() - 0.5) * 50;
      brush.fillStyle = tone;
      brush.beginPath();
      brush.moveTo(x - width * 0.5 + lean, -10);
      brush.lineTo(x + width * 0.4 + lean, -10);
      brush.quadraticCurveTo(x + width * 0.5, stage.height * 0.7, x + width * 1.1, stage.height + 70);
      brush.lineTo(x - width * 1.1, stage.height + 70);
      brush.quadraticCurveTo(x - width * 0.55, stage.height * 0.7, x - width * 0.5 + lean, -10);
      brush.fill();
      brush.strokeStyle = tone;
      brush.lineCap = "round";
      for (let branch = 0; branch < 4; branch++) {
        const y = 30 + random() * stage.height * 0.5;
        const side = random() < 0.5 ? -1 : 1;
        const reach = width * (1.4 + random() * 3);
        brush.lineWidth = width * 0.13;
        brush.beginPath();
        brush.moveTo(x + lean * (1 - y / stage.height), y);
        brush.quadraticCurveTo(x + side * reach * 0.6, y - 10, x + side * reach, y - 46 - random() * 40);
        brush.stroke();
      }
    }
  });
}

interface Wood {
  readonly backdrop: Layer;
  readonly depths: readonly Layer[];
  readonly ground: Layer;
  readonly corners: Layer;
}

function openWood(stage: Stage): Wood {
  return {
    backdrop: sky(stage, 2000, stage.height, [
      [0, "#0b2b3c"],
      [0.5, "#1f6a6e"],
      [0.8, "#62a98e"],
      [1, "#9fd4a6"],
    ]),
    depths: [
      trunks(stage, 22, 16, 30, "#2f7c7c", 4),
      trunks(stage, 13, 28, 52, "#16505a", 8),
      trunks(stage, 2, 80, 110, "#07222c", 15),
    ],
    ground: stage.layer(2300, 260, (brush) => {
      fillVertical(brush, 0, 60, 2300, 200, [
        [0, "#0e3a40"],
        [1, "#041318"],
      ]);
      const random = seeded(12);
      brush.lineCap = "round";
      for (let blade = 0; blade < 900; blade++) {
        const x = random() * 2300;
        const height = 18 + random() * 40;
        brush.strokeStyle = random() < 0.5 ? "#0e3a40" : "#0a2f38";
        brush.lineWidth = 2 + random() * 2;
        brush.beginPath();
        brush.moveTo(x, 72 + random() * 12);
        brush.quadraticCurveTo(x + 3, 60 - height * 0.5, x + (random() - 0.5) * 26, 66 - height);
        brush.stroke();
      }
    }),
    corners: vignette(stage, 0.7),
  };
}

function putWood(stage: Stage, wood: Wood, pan: number, between: () => void): void {
  stage.put(wood.backdrop, -30, 0);
  stage.put(wood.depths[0] ?? wood.backdrop, -200 - pan * 0.4, -20);
  mist(stage, 0.2, pan);
  stage.put(wood.depths[1] ?? wood.backdrop, -200 - pan * 0.8, -20);
  mist(stage, 0.12, pan * 2 + 90);
  between();
  stage.put(wood.ground, -160 - pan * 1.1, stage.height - 170);
}

function mist(stage: Stage, strength: number, pan: number): void {
  const { brush, height } = stage;
  for (let bank = 0; bank < 4; bank++) {
    const x = hash(6, bank) * 1900 - pan * 0.3;
    const y = height * (0.62 + 0.1 * bank);
    brush.save();
    brush.translate(x, y);
    brush.scale(8, 1);
    const gradient = brush.createRadialGradient(0, 0, 0, 0, 0, 110);
    gradient.addColorStop(0, `rgba(190,236,206,${strength})`);
    gradient.addColorStop(1, "rgba(190,236,206,0)");
    brush.fillStyle = gradient;
    brush.fillRect(-110, -110, 220, 220);
    brush.restore();
  }
}

function putFox(stage: Stage, x: number, y: number, size: number, seconds: number): void {
  const { brush } = stage;
  stage.within({ x, y, scale: size }, () => {
    const coat = brush.createLinearGradient(-80, 0, 80, -200);
    coat.addColorStop(0, "#8a2f1c");
    coat.addColorStop(0.6, "#d8622a");
    coat.addColorStop(1, "#ff9a4a");
    fox(brush, coat, "#2b1518", "#ffe9cf", Math.sin(seconds * 1.6));
  });
}

function fireflies(stage: Stage, light: Layer, count: number, seconds: number, seed: number, alpha: number): void {
  for (let fly = 0; fly < count; fly++) {
    const x = hash(seed, fly) * stage.width + noise(fly + seed, seconds * 0.35) * 120;
    const y = stage.height * (0.3 + 0.6 * hash(seed + 1, fly)) + noise(fly + 90, seconds * 0.45) * 60;
    const pulse = 0.5 + 0.5 * Math.sin(seconds * (1.4 + hash(seed + 2, fly) * 2) + fly);
    putGlow(stage, light, x, y, alpha * pulse, 0.5 + hash(seed + 3, fly) * 0.7);
  }
}

/** The star on the ground or in the air: a four-pointed light. */
function putStar(stage: Stage, halo: Layer, x: number, y: number, size: number, seconds: number): void {
  const { brush } = stage;
  const pulse = 1 + 0.08 * Math.sin(seconds * 3.3);
  putGlow(stage, halo, x, y, 0.95, size * pulse);
  stage.within({ x, y, turn: seconds * 0.25, scale: size * pulse }, () => {
    brush.fillStyle = "#fffbe4";
    brush.beginPath();
    for (let point = 0; point < 10; point++) {
      const away = point % 2 ? 11 : 27;
      const angle = (point / 10) * Math.PI * 2;
      brush.lineTo(Math.cos(angle) * away, Math.sin(angle) * away);
    }
    brush.fill();
  });
}

function openFind(stage: Stage): Paint {
  const wood = openWood(stage);
  const halo = glow(stage, 460, "#ffe9a0", 0.95);
  const fly = glow(stage, 26, "#f4ffa8", 0.95);
  return (seconds, share) => {
    stage.within({ scale: 1.02 + 0.07 * share, aroundX: 1000, aroundY: stage.height * 0.7 }, () => {
      const pan = 30 + seconds * 12;
      putWood(stage, wood, pan, () => {
        putStar(stage, halo, 1290 - pan * 0.5, stage.height - 196 + Math.sin(seconds * 1.2) * 5, 0.85, seconds);
        putFox(stage, 860 - pan * 0.4, stage.height - 92, 1.5, seconds);
      });
      fireflies(stage, fly, 26, seconds, 5, 0.8);
      stage.put(wood.depths[2] ?? wood.ground, 40 - pan * 1.5, -20);
    });
    stage.put(wood.corners, 0, 0);
  };
}

function openGift(stage: Stage): Paint {
  const night = sky(stage, 2000, stage.height, [
    [0, "#081231"],
    [0.5, "#17406e"],
    [0.9, "#3f8f98"],
    [1, "#7fc4ae"],
  ]);
  const field = stars(stage, 2000, stage.height * 0.9, 640, 13);
  const far = canopy(stage, 71, "#1a5060", 120);
  const hill = stage.layer(2000, 420, (brush) => {
    brush.fillStyle = "#061c26";
    brush.beginPath();
    brush.moveTo(0, 420);
    brush.bezierCurveTo(300, 300, 420, 130, 760, 120);
    brush.bezierCurveTo(1180, 120, 1400, 330, 2000, 350);
    brush.lineTo(2000, 420);
    brush.fill();
  });
  const halo = glow(stage, 420, "#ffe9a0", 0.95);
  const fly = glow(stage, 26, "#f4ffa8", 0.95);
  const corners = vignette(stage, 0.65);
  return (seconds) => {
    stage.put(night, -30, 0);
    putStars(stage, field, -20 - seconds * 2, 0, seconds);
    stage.put(far, -120, stage.height - 320);
    stage.put(hill, -40, stage.height - 330);
    const rise = ramp(seconds, 0.6, 4.6);
    putStar(
      stage,
      halo,
      mix(830, 1280, rise),
      mix(stage.height - 330, 130, rise ** 0.9),
      mix(0.85, 0.5, rise),
      seconds,
    );
    putFox(stage, 700, stage.height - 206, 1.02, seconds);
    fireflies(stage, fly, 16, seconds, 9, 0.6);
    const shown = ramp(seconds, 4, 5) * (1 - ramp(seconds, 6.8, 7.6));
    const { brush } = stage;
    const edge = 1820;
    letter(brush, {
      text: "The Fox & the Fallen Star",
      x: edge,
      y: stage.height * 0.52,
      size: 66,
      face: "serif",
      colour: "#f4fbe9",
      alpha: shown,
      tracking: 0.02,
      align: "right",
    });
    letter(brush, {
      text: "VULPA · AS HERSELF",
      x: edge,
      y: stage.height * 0.6,
      size: 25,
      face: "sans",
      colour: "#cfeee0",
      alpha: shown,
      tracking: 0.28,
      align: "right",
    });
    brush.fillStyle = withAlpha("#f4fbe9", shown * 0.6);
    brush.fillRect(edge - 240, stage.height * 0.545, 240, 1.5);
    stage.put(corners, 0, 0);
  };
}
