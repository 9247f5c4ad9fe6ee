/** Skies, stars, moons, hills, trees, waves and snow: the landscape pieces that scenes are put together from. */

import { fractal, hash, noise, seeded } from "./random.ts";
import { addGrain, type Brush, type Layer, mix, type Stage } from "./stage.ts";

/** Colours of a gradient from the top (0) to the bottom (1). */
export type Stops = readonly (readonly [number, string])[];

/** Fills a rectangle with a vertical gradient. */
export function fillVertical(brush: Brush, x: number, y: number, width: number, height: number, stops: Stops): void {
  const gradient = brush.createLinearGradient(0, y, 0, y + height);
  for (const [at, colour] of stops) gradient.addColorStop(at, colour);
  brush.fillStyle = gradient;
  brush.fillRect(x, y, width, height);
}

/** A sky with baked grain. */
export function sky(
  stage: Stage,
  width: number,
  height: number,
  stops: Stops,
  decorate?: (brush: Brush) => void,
): Layer {
  return stage.layer(width, height, (brush) => {
    fillVertical(brush, 0, 0, width, height, stops);
    decorate?.(brush);
    addGrain(brush, 2.4, 7);
  });
}

/** Soft horizontal cloud bands of one colour. */
export function clouds(
  brush: Brush,
  width: number,
  top: number,
  height: number,
  colour: string,
  count: number,
  seed: number,
): void {
  const random = seeded(seed);
  for (let cloud = 0; cloud < count; cloud++) {
    const x = random() * width;
    const y = top + random() * height;
    const length = 180 + random() * 520;
    const thickness = 6 + random() * 20;
    for (let puff = 0; puff < 9; puff++) {
      const along = (puff / 8 - 0.5) * length;
      const size = thickness * (1.3 - Math.abs(puff / 8 - 0.5) * 2) * (0.7 + random() * 0.8) + 3;
      const glow = brush.createRadialGradient(0, 0, 0, 0, 0, 1);
      glow.addColorStop(0, colour);
      glow.addColorStop(1, transparent(colour));
      brush.save();
      brush.translate(x + along, y + (random() - 0.5) * thickness);
      brush.scale(length / 4.5, size);
      brush.fillStyle = glow;
      brush.globalAlpha = 0.34;
      brush.fillRect(-1, -1, 2, 2);
      brush.restore();
    }
  }
}

/** "rgb(1,2,3)" with no opacity. */
export function transparent(colour: string): string {
  return withAlpha(colour, 0);
}

/** The colour ("#rrggbb" or "rgb(r,g,b)") with this opacity. */
export function withAlpha(colour: string, alpha: number): string {
  const [red, green, blue] = channels(colour);
  return `rgba(${red},${green},${blue},${alpha})`;
}

function channels(colour: string): readonly [number, number, number] {
  if (colour.startsWith("#")) {
    const value = Number.parseInt(colour.slice(1), 16);
    return [value >> 16, (value >> 8) & 255, value & 255];
  }
  const [red = 0, green = 0, blue = 0] = (colour.match(/[\d.]+/g) ?? []).map(Number);
  return [red, green, blue];
}

/** A round soft light with baked grain; put it with blend "lighter" or "screen". */
export function glow(stage: Stage, radius: number, colour: string, strength = 1, falloff = 2.2): Layer {
  return stage.layer(radius * 2, radius * 2, (brush) => {
    const gradient = brush.createRadialGradient(radius, radius, 0, radius, radius, radius);
    for (let step = 0; step <= 16; step++) {
      gradient.addColorStop(step / 16, withAlpha(colour, strength * (1 - step / 16) ** falloff));
    }
    brush.fillStyle = gradient;
    brush.fillRect(0, 0, radius * 2, radius * 2);
  });
}

/** Puts a glow with its middle at this point. */
export function putGlow(stage: Stage, light: Layer, x: number, y: number, alpha = 1, scale = 1): void {
  stage.put(light, x - (light.width / 2) * scale, y - (light.height / 2) * scale, { alpha, scale, blend: "lighter" });
}

/** A full moon with faint seas. */
export function moon(stage: Stage, radius: number, colour: string, shade: string): Layer {
  const size = radius * 2 + 4;
  return stage.layer(size, size, (brush) => {
    const middle = size / 2;
    brush.beginPath();
    brush.arc(middle, middle, radius, 0, Math.PI * 2);
    brush.clip();
    const face = brush.createRadialGradient(
      middle - radius * 0.3,
      middle - radius * 0.35,
      radius * 0.1,
      middle,
      middle,
      radius,
    );
    face.addColorStop(0, colour);
    face.addColorStop(0.75, colour);
    face.addColorStop(1, shade);
    brush.fillStyle = face;
    brush.fillRect(0, 0, size, size);
    const random = seeded(23);
    for (let sea = 0; sea < 26; sea++) {
      const angle = random() * Math.PI * 2;
      const away = Math.sqrt(random()) * radius * 0.85;
      const width = radius * (0.06 + random() * 0.26);
      brush.beginPath();
      brush.ellipse(
        middle + Math.cos(angle) * away,
        middle + Math.sin(angle) * away,
        width,
        width * (0.6 + random() * 0.4),
        random() * 3,
        0,
        Math.PI * 2,
      );
      brush.fillStyle = withAlpha(shade, 0.1 + random() * 0.12);
      brush.fill();
    }
  });
}

/** Stars painted into a layer; those of `twinkling` are drawn each frame. */
export interface Stars {
  readonly fixed: Layer;
  readonly twinkling: readonly {
    readonly x: number;
    readonly y: number;
    readonly size: number;
    readonly pace: number;
  }[];
}

/** `count` stars, denser towards the top. */
export function stars(stage: Stage, width: number, height: number, count: number, seed: number): Stars {
  const random = seeded(seed);
  const fixed = stage.layer(width, height, (brush) => {
    for (let star = 0; star < count; star++) {
      const x = random() * width;
      const y = random() ** 1.4 * height;
      const size = 0.5 + random() ** 6 * 1.9;
      brush.fillStyle = withAlpha(
        random() < 0.25 ? "#ffe9c9" : "#dfeaff",
        (0.25 + random() * 0.65) * (1 - y / height) ** 0.4,
      );
      brush.beginPath();
      brush.arc(x, y, size, 0, Math.PI * 2);
      brush.fill();
    }
  });
  const twinkling = Array.from({ length: 40 }, () => ({
    x: random() * width,
    y: random() ** 1.5 * height * 0.85,
    size: 1.2 + random() * 1.3,
    pace: 1 + random() * 2.4,
  }));
  return { fixed, twinkling };
}

/** Puts stars at an offset; `seconds` drives the twinkling. */
export function putStars(stage: Stage, field: Stars, x: number, y: number, seconds: number, alpha = 1): void {
  stage.put(field.fixed, x, y, { alpha });
  const { brush } = stage;
  for (const star of field.twinkling) {
    const light = 0.5 + 0.5 * Math.sin(seconds * star.pace * 2.1 + star.x);
    brush.fillStyle = withAlpha("#f4f7ff", alpha * (0.25 + 0.75 * light));
    brush.beginPath();
    brush.arc(x + star.x, y + star.y, star.size * (0.7 + 0.5 * light), 0, Math.PI * 2);
    brush.fill();
  }
}

export interface Ridge {
  readonly seed: number;
  /** Mean height of the crest, and how far it rises and falls. */
  readonly crest: number;
  readonly relief: number;
  /** Distance between features. */
  readonly feature: number;
  readonly octaves?: number;
  /** Sharp mountains instead of rolling hills. */
  readonly sharp?: boolean;
}

/** Height of a ridge's crest at x. */
export function crestAt(ridge: Ridge, x: number): number {
  const shape = fractal(ridge.seed, x / ridge.feature, ridge.octaves ?? 5);
  const height = ridge.sharp ? 1 - 2 * Math.abs(shape) ** 0.8 : shape;
  return ridge.crest - height * ridge.relief;
}

/** Fills everything under a ridge's crest. */
export function fillRidge(brush: Brush, ridge: Ridge, width: number, height: number, stops: Stops): void {
  const gradient = brush.createLinearGradient(0, ridge.crest - ridge.relief, 0, height);
  for (const [at, colour] of stops) gradient.addColorStop(at, colour);
  brush.fillStyle = gradient;
  brush.beginPath();
  brush.moveTo(0, height);
  for (let x = 0; x <= width; x += 3) brush.lineTo(x, crestAt(ridge, x));
  brush.lineTo(width, height);
  brush.closePath();
  brush.fill();
}

/** A fir tree standing on (x, y). */
export function fir(
  brush: Brush,
  x: number,
  y: number,
  height: number,
  colour: string,
  seed: number,
  snow?: string,
): void {
  const tiers = 9;
  brush.fillStyle = colour;
  brush.fillRect(x - height * 0.012, y - height * 0.2, height * 0.024, height * 0.24);
  for (let tier = 0; tier < tiers; tier++) {
    const share = tier / tiers;
    const top = y - height * (1 - share * 0.88);
    const low = top + height * 0.2;
    const half = height * (0.035 + 0.17 * share ** 0.85) * (0.86 + 0.28 * hash(seed, tier));
    brush.fillStyle = colour;
    brush.beginPath();
    brush.moveTo(x, top);
    brush.quadraticCurveTo(x - half * 0.35, top + height * 0.11, x - half, low);
    brush.quadraticCurveTo(x - half * 0.4, low - height * 0.025, x, low - height * 0.008);
    brush.quadraticCurveTo(x + half * 0.4, low - height * 0.025, x + half * 0.96, low + height * 0.006);
    brush.quadraticCurveTo(x + half * 0.35, top + height * 0.11, x, top);
    brush.fill();
    if (!snow) continue;
    brush.fillStyle = snow;
    brush.beginPath();
    brush.moveTo(x, top);
    brush.quadraticCurveTo(x - half * 0.35, top + height * 0.11, x - half, low);
    brush.quadraticCurveTo(x - half * 0.35, low - height * 0.055, x + half * 0.04, top + height * 0.075);
    brush.closePath();
    brush.fill();
  }
}

export interface Sea {
  readonly seed: number;
  readonly level: number;
  readonly swell: number;
  readonly length: number;
  /** Units a second, to the right where positive. */
  readonly speed: number;
}

/** Height of the water at x. */
export function waterAt(sea: Sea, x: number, seconds: number): number {
  const phase = (x - sea.speed * seconds) / sea.length;
  return (
    sea.level +
    sea.swell *
      (0.62 * Math.sin(phase * 6.283 + sea.seed) +
        0.3 * Math.sin(phase * 13.7 + sea.seed * 2.3 + seconds * 0.5) +
        0.14 * noise(sea.seed, phase * 7 + seconds * 0.35))
  );
}

/** Fills the water under the surface, with a thin light along the crest where `crest` is a colour. */
export function fillSea(stage: Stage, sea: Sea, seconds: number, stops: Stops, crest?: string): void {
  const { brush, width, height } = stage;
  const gradient = brush.createLinearGradient(0, sea.level - sea.swell, 0, height);
  for (const [at, colour] of stops) gradient.addColorStop(at, colour);
  brush.beginPath();
  for (let x = -60; x <= width + 60; x += 10) brush.lineTo(x, waterAt(sea, x, seconds));
  if (crest) {
    brush.strokeStyle = crest;
    brush.lineWidth = 2.2;
    brush.stroke();
  }
  brush.lineTo(width + 60, height + 80);
  brush.lineTo(-60, height + 80);
  brush.closePath();
  brush.fillStyle = gradient;
  brush.fill();
}

/** The broken reflection of a light on water, widening towards the viewer. */
export function glitter(
  stage: Stage,
  x: number,
  top: number,
  bottom: number,
  width: number,
  colour: string,
  seconds: number,
  alpha = 1,
): void {
  const { brush } = stage;
  brush.globalCompositeOperation = "lighter";
  const rows = 46;
  for (let row = 0; row < rows; row++) {
    const share = (row + 0.5) / rows;
    const y = mix(top, bottom, share ** 1.5);
    const spread = width * (0.16 + 0.84 * share);
    for (let dash = 0; dash < 3; dash++) {
      const shimmer = noise(row * 7 + dash, seconds * 1.5 + row * 0.3);
      const light = Math.max(0, 0.35 + 0.75 * shimmer);
      if (light <= 0.02) continue;
      const along = noise(row * 13 + dash * 31, seconds * 0.55) * spread * 0.55;
      const length = spread * (0.1 + 0.28 * light);
      brush.fillStyle = withAlpha(colour, alpha * light * (0.5 - 0.28 * share));
      brush.beginPath();
      brush.ellipse(x + along, y, length / 2, 1 + 3.4 * share, 0, 0, Math.PI * 2);
      brush.fill();
    }
  }
  brush.globalCompositeOperation = "source-over";
}

/** Snow in three depths; `wind` in units a second. */
export function snowfall(
  stage: Stage,
  flakes: readonly Layer[],
  count: number,
  wind: number,
  seconds: number,
  seed: number,
  alpha = 1,
): void {
  for (let flake = 0; flake < count; flake++) {
    const depth = hash(seed, flake * 5) ** 2;
    const fall = 46 + depth * 150;
    const x =
      hash(seed, flake * 5 + 1) * (stage.width + 200) +
      wind * (0.4 + depth) * seconds +
      noise(flake, seconds * 0.6) * 26;
    const y = hash(seed, flake * 5 + 2) * (stage.height + 80) + fall * seconds;
    const sprite = flakes[Math.min(flakes.length - 1, Math.floor(depth * flakes.length))];
    if (!sprite) continue;
    const size = 0.5 + depth * 1.1;
    stage.put(sprite, wrap(x, stage.width + 200) - 100, wrap(y, stage.height + 80) - 40, {
      alpha: alpha * (0.35 + 0.5 * depth),
      scale: size,
    });
  }
}

/** The soft dots that snow is made of. */
export function flakeSprites(stage: Stage): readonly Layer[] {
  return [5, 6, 8].map((radius) =>
    stage.layer(radius * 2, radius * 2, (brush) => {
      const gradient = brush.createRadialGradient(radius, radius, 0, radius, radius, radius);
      gradient.addColorStop(0, "rgba(255,255,255,1)");
      gradient.addColorStop(0.35, "rgba(250,252,255,.85)");
      gradient.addColorStop(1, "rgba(240,246,255,0)");
      brush.fillStyle = gradient;
      brush.fillRect(0, 0, radius * 2, radius * 2);
    }),
  );
}

/** Darkened corners. */
export function vignette(stage: Stage, strength: number): Layer {
  return stage.layer(stage.width, stage.height, (brush) => {
    const middleX = stage.width / 2;
    const middleY = stage.height / 2;
    const gradient = brush.createRadialGradient(0, 0, 0.62, 0, 0, 1.32);
    gradient.addColorStop(0, "rgba(0,0,0,0)");
    gradient.addColorStop(1, `rgba(2,3,10,${strength})`);
    brush.translate(middleX, middleY);
    brush.scale(middleX, middleY);
    brush.fillStyle = gradient;
    brush.fillRect(-1, -1, 2, 2);
  });
}

function wrap(value: number, size: number): number {
  return ((value % size) + size) % size;
}
