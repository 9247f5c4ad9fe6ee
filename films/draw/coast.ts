/** The coast: the paper boat, the lighthouse, cottages, lanterns and a whale, drawn around their own origin. */

import { fillVertical, withAlpha } from "./nature.ts";
import { hash } from "./random.ts";
import { polygon } from "./shape.ts";
import type { Brush } from "./stage.ts";

export interface PaperLook {
  readonly light: string;
  readonly middle: string;
  readonly dark: string;
  /** How warmly the candle shines through the paper, in [0, 1]. */
  readonly candle: number;
}

/** A folded paper boat, about 220 wide; the origin is the middle of its waterline. */
export function paperBoat(brush: Brush, look: PaperLook): void {
  polygon(
    brush,
    [
      [-112, -50],
      [0, -24],
      [112, -50],
      [44, -6],
      [-44, -6],
    ],
    look.dark,
  );
  polygon(
    brush,
    [
      [0, -118],
      [-50, -10],
      [0, -6],
    ],
    look.middle,
  );
  polygon(
    brush,
    [
      [0, -118],
      [50, -10],
      [0, -6],
    ],
    look.light,
  );
  if (look.candle > 0) {
    const shine = brush.createRadialGradient(0, -16, 2, 0, -16, 92);
    shine.addColorStop(0, `rgba(255,214,130,${0.95 * look.candle})`);
    shine.addColorStop(0.4, `rgba(255,168,72,${0.5 * look.candle})`);
    shine.addColorStop(1, "rgba(255,140,50,0)");
    polygon(
      brush,
      [
        [0, -118],
        [-50, -8],
        [50, -8],
      ],
      shine,
    );
  }
  polygon(
    brush,
    [
      [-112, -50],
      [-40, -12],
      [0, -4],
      [-8, 26],
      [-62, 26],
    ],
    look.middle,
  );
  polygon(
    brush,
    [
      [112, -50],
      [40, -12],
      [0, -4],
      [-8, 26],
      [62, 26],
    ],
    look.light,
  );
  polygon(
    brush,
    [
      [-112, -50],
      [-74, -2],
      [-62, 26],
    ],
    withAlpha(look.dark.startsWith("#") ? look.dark : "#000000", 0.45),
  );
  brush.strokeStyle = withAlpha("#ffffff", 0.28);
  brush.lineWidth = 1.6;
  brush.beginPath();
  brush.moveTo(-112, -50);
  brush.lineTo(-40, -12);
  brush.lineTo(0, -4);
  brush.lineTo(40, -12);
  brush.lineTo(112, -50);
  brush.stroke();
}

/** A lighthouse 520 tall on the origin, lit from the right by the moon; `paint` and `shade` are the tower's colours. */
export function lighthouse(brush: Brush, paint: string, shade: string, band: string): void {
  const side = brush.createLinearGradient(-62, 0, 62, 0);
  side.addColorStop(0, shade);
  side.addColorStop(0.62, paint);
  side.addColorStop(1, shade);
  polygon(
    brush,
    [
      [-62, 6],
      [-38, -390],
      [38, -390],
      [62, 6],
    ],
    side,
  );
  for (const [low, high] of [
    [-70, -150],
    [-230, -310],
  ] as const) {
    const left = (y: number) => -62 + (24 * -y) / 390;
    const stripe = brush.createLinearGradient(-62, 0, 62, 0);
    stripe.addColorStop(0, shade);
    stripe.addColorStop(0.6, band);
    stripe.addColorStop(1, shade);
    polygon(
      brush,
      [
        [left(low), low],
        [left(high), high],
        [-left(high), high],
        [-left(low), low],
      ],
      stripe,
    );
  }
  brush.fillStyle = shade;
  brush.fillRect(-56, -402, 112, 14);
  brush.fillRect(-50, -434, 3, 34);
  for (let post = 0; post <= 8; post++) brush.fillRect(-52 + post * 12.8, -428, 2, 28);
  brush.fillRect(-54, -430, 108, 3);
  fillVertical(brush, -30, -462, 60, 62, [
    [0, "#fff1c4"],
    [0.6, "#ffd783"],
    [1, "#d98c3a"],
  ]);
  brush.fillStyle = shade;
  for (const x of [-31, -11, 9, 29]) brush.fillRect(x, -464, 3, 64);
  brush.beginPath();
  brush.moveTo(-42, -462);
  brush.quadraticCurveTo(-30, -506, 0, -510);
  brush.quadraticCurveTo(30, -506, 42, -462);
  brush.fill();
  brush.fillRect(-2, -532, 4, 26);
  for (const [y, size] of [
    [-345, 9],
    [-190, 10],
    [-108, 11],
  ] as const) {
    brush.fillStyle = "#ffc978";
    brush.beginPath();
    brush.roundRect(-4 - size / 2, y, size, size * 1.7, [size / 2, size / 2, 0, 0]);
    brush.fill();
  }
}

/** A gabled cottage with lit windows, `width` wide, standing on the origin. */
export function cottage(brush: Brush, width: number, wall: string, roof: string, seed: number): void {
  const height = width * 0.46;
  brush.fillStyle = wall;
  brush.fillRect(-width / 2, -height, width, height + 30);
  polygon(
    brush,
    [
      [-width * 0.57, -height],
      [-width * 0.4, -height * 1.72],
      [width * 0.4, -height * 1.72],
      [width * 0.57, -height],
    ],
    roof,
  );
  brush.fillStyle = roof;
  brush.fillRect(width * 0.18, -height * 2.05, width * 0.1, height * 0.5);
  for (let window = 0; window < 3; window++) {
    if (hash(seed, window) < 0.3) continue;
    const x = -width * 0.34 + window * width * 0.27;
    fillVertical(brush, x, -height * 0.74, width * 0.12, height * 0.36, [
      [0, "#ffdf9c"],
      [1, "#f2a24e"],
    ]);
    brush.fillStyle = wall;
    brush.fillRect(x + width * 0.055, -height * 0.74, width * 0.01, height * 0.36);
  }
}

/** A hanging lantern whose flame is at the origin. */
export function lantern(brush: Brush, metal: string): void {
  brush.fillStyle = metal;
  brush.fillRect(-12, 16, 24, 6);
  brush.fillRect(-10, -20, 20, 4);
  polygon(
    brush,
    [
      [-11, -19],
      [0, -30],
      [11, -19],
    ],
    metal,
  );
  brush.strokeStyle = metal;
  brush.lineWidth = 2;
  brush.beginPath();
  brush.arc(0, -36, 8, 0, 7);
  brush.stroke();
  fillVertical(brush, -8, -16, 16, 32, [
    [0, "#ffe7a8"],
    [0.6, "#ffc860"],
    [1, "#f09a38"],
  ]);
  brush.fillStyle = metal;
  brush.fillRect(-9.5, -16, 2.5, 32);
  brush.fillRect(7, -16, 2.5, 32);
}

/** The tail of a whale going under, about 200 wide; the origin is where it meets the water. */
export function whaleTail(brush: Brush, colour: string): void {
  brush.fillStyle = colour;
  brush.beginPath();
  brush.moveTo(-62, 30);
  brush.bezierCurveTo(-34, 0, -22, -40, -14, -74);
  brush.bezierCurveTo(-40, -96, -84, -104, -112, -84);
  brush.bezierCurveTo(-96, -124, -40, -132, 0, -104);
  brush.bezierCurveTo(40, -132, 96, -124, 112, -84);
  brush.bezierCurveTo(84, -104, 40, -96, 14, -74);
  brush.bezierCurveTo(22, -40, 34, 0, 62, 30);
  brush.closePath();
  brush.fill();
}
