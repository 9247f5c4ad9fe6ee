/** What the stories are about: the paper boat, the lighthouse, the people, the fox and the train, drawn around their own origin. */

import { fillVertical, withAlpha } from "./nature.ts";
import { hash } from "./random.ts";
import type { Brush } from "./stage.ts";

type Point = readonly [number, number];

function polygon(brush: Brush, points: readonly Point[], fill: string | CanvasGradient): void {
  brush.beginPath();
  for (const [x, y] of points) brush.lineTo(x, y);
  brush.closePath();
  brush.fillStyle = fill;
  brush.fill();
}

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

/** The keeper at his table, seen from the side and looking left; the origin is the table's edge, the head about 300 above it. */
export function keeper(brush: Brush, coat: string, rim: string, nod: number): void {
  brush.fillStyle = coat;
  brush.beginPath();
  brush.moveTo(40, 240);
  brush.bezierCurveTo(20, 130, 24, 40, 62, -40);
  brush.bezierCurveTo(84, -92, 120, -118, 166, -118);
  brush.bezierCurveTo(236, -116, 276, -40, 290, 60);
  brush.lineTo(300, 240);
  brush.closePath();
  brush.fill();
  brush.beginPath();
  brush.moveTo(96, -70);
  brush.bezierCurveTo(40, -40, 0, -8, -44, -14);
  brush.bezierCurveTo(-70, -18, -84, -6, -80, 2);
  brush.lineTo(20, 10);
  brush.bezierCurveTo(80, 8, 130, 0, 160, -20);
  brush.closePath();
  brush.fill();

  brush.save();
  brush.translate(134, -120);
  brush.rotate(-0.1 - nod * 0.06);
  brush.beginPath();
  brush.moveTo(-8, 30);
  brush.bezierCurveTo(-40, 30, -74, 22, -66, -20);
  brush.bezierCurveTo(-68, -28, -72, -30, -82, -34);
  brush.bezierCurveTo(-86, -38, -76, -50, -70, -62);
  brush.bezierCurveTo(-68, -96, -40, -116, -2, -116);
  brush.bezierCurveTo(40, -116, 62, -86, 58, -46);
  brush.bezierCurveTo(56, -14, 40, 20, 44, 40);
  brush.closePath();
  brush.fill();
  brush.beginPath();
  brush.moveTo(-66, -22);
  brush.bezierCurveTo(-94, 6, -86, 52, -58, 72);
  brush.bezierCurveTo(-30, 60, 6, 34, 12, -6);
  brush.closePath();
  brush.fill();
  brush.beginPath();
  brush.moveTo(-96, -72);
  brush.bezierCurveTo(-80, -84, -70, -84, -66, -84);
  brush.bezierCurveTo(-66, -132, -34, -150, 4, -148);
  brush.bezierCurveTo(46, -146, 70, -118, 66, -80);
  brush.bezierCurveTo(30, -90, -30, -86, -66, -74);
  brush.bezierCurveTo(-80, -70, -92, -66, -96, -72);
  brush.fill();
  brush.strokeStyle = rim;
  brush.lineWidth = 3.4;
  brush.lineCap = "round";
  brush.beginPath();
  brush.moveTo(-94, -70);
  brush.bezierCurveTo(-84, -72, -76, -70, -70, -62);
  brush.bezierCurveTo(-76, -50, -86, -38, -82, -34);
  brush.bezierCurveTo(-72, -30, -68, -28, -66, -20);
  brush.bezierCurveTo(-94, 6, -86, 52, -58, 72);
  brush.stroke();
  brush.restore();

  brush.strokeStyle = rim;
  brush.lineWidth = 3;
  brush.beginPath();
  brush.moveTo(70, -56);
  brush.bezierCurveTo(36, -36, 0, -10, -44, -15);
  brush.bezierCurveTo(-66, -18, -80, -8, -80, 0);
  brush.stroke();
}

/** A girl in a coat and a scarf that the wind moves, 210 tall, looking right; her raised hand is near (66, -128). */
export function girl(brush: Brush, coat: string, scarf: string, rim: string, seconds: number): void {
  brush.fillStyle = coat;
  brush.fillRect(-15, -40, 11, 42);
  brush.fillRect(6, -40, 11, 42);
  brush.beginPath();
  brush.ellipse(-7, 0, 13, 5, 0, 0, 7);
  brush.ellipse(16, 0, 13, 5, 0, 0, 7);
  brush.fill();
  brush.beginPath();
  brush.moveTo(-14, -148);
  brush.bezierCurveTo(-26, -120, -40, -70, -44, -34);
  brush.quadraticCurveTo(0, -22, 44, -34);
  brush.bezierCurveTo(36, -80, 28, -124, 16, -148);
  brush.closePath();
  brush.fill();
  brush.strokeStyle = coat;
  brush.lineWidth = 15;
  brush.lineCap = "round";
  brush.lineJoin = "round";
  brush.beginPath();
  brush.moveTo(12, -134);
  brush.quadraticCurveTo(38, -112, 64, -126);
  brush.stroke();
  brush.beginPath();
  brush.arc(2, -176, 25, 0, 7);
  brush.fill();
  brush.beginPath();
  brush.moveTo(-24, -172);
  brush.bezierCurveTo(-26, -216, 30, -216, 29, -180);
  brush.lineTo(31, -172);
  brush.lineTo(-26, -166);
  brush.fill();
  brush.beginPath();
  brush.arc(-2, -210, 9, 0, 7);
  brush.fill();
  brush.fillStyle = scarf;
  brush.beginPath();
  const wave = Math.sin(seconds * 3.1) * 7;
  brush.moveTo(20, -158);
  brush.bezierCurveTo(0, -146, -14, -148, -20, -156);
  brush.bezierCurveTo(-52, -150 + wave, -74, -168 - wave, -112, -150 + wave * 1.7);
  brush.lineTo(-106, -132 + wave * 1.7);
  brush.bezierCurveTo(-74, -146 - wave, -52, -132 + wave, -18, -138);
  brush.bezierCurveTo(0, -130, 14, -136, 22, -144);
  brush.closePath();
  brush.fill();
  brush.strokeStyle = rim;
  brush.lineWidth = 2.4;
  brush.beginPath();
  brush.moveTo(18, -142);
  brush.bezierCurveTo(28, -118, 36, -80, 43, -36);
  brush.moveTo(28, -188);
  brush.quadraticCurveTo(31, -172, 20, -158);
  brush.stroke();
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

/** A fox that sits and looks up to the right, 230 tall, the origin between its paws. */
export function fox(brush: Brush, coat: CanvasGradient | string, dark: string, light: string, sway: number): void {
  brush.fillStyle = coat;
  brush.save();
  brush.translate(-46, -14);
  brush.rotate(sway * 0.05);
  brush.beginPath();
  brush.moveTo(20, 6);
  brush.bezierCurveTo(-50, 22, -132, 10, -150, -44);
  brush.bezierCurveTo(-158, -78, -132, -104, -116, -118);
  brush.bezierCurveTo(-122, -84, -96, -62, -62, -56);
  brush.bezierCurveTo(-30, -50, 0, -44, 24, -30);
  brush.closePath();
  brush.fill();
  brush.fillStyle = light;
  brush.beginPath();
  brush.moveTo(-116, -118);
  brush.bezierCurveTo(-132, -104, -158, -78, -150, -44);
  brush.bezierCurveTo(-134, -52, -126, -66, -118, -78);
  brush.bezierCurveTo(-120, -92, -120, -104, -116, -118);
  brush.fill();
  brush.restore();

  brush.fillStyle = coat;
  brush.beginPath();
  brush.moveTo(-74, 0);
  brush.bezierCurveTo(-96, -50, -70, -96, -30, -122);
  brush.bezierCurveTo(-8, -136, 2, -148, 6, -164);
  brush.lineTo(58, -150);
  brush.bezierCurveTo(56, -116, 52, -96, 46, -70);
  brush.bezierCurveTo(42, -40, 44, -20, 46, 0);
  brush.closePath();
  brush.fill();
  brush.fillStyle = light;
  brush.beginPath();
  brush.moveTo(58, -150);
  brush.bezierCurveTo(58, -116, 54, -96, 47, -76);
  brush.bezierCurveTo(26, -92, 24, -120, 30, -150);
  brush.closePath();
  brush.fill();
  brush.fillStyle = dark;
  brush.beginPath();
  brush.moveTo(24, 0);
  brush.bezierCurveTo(26, -26, 28, -44, 24, -58);
  brush.lineTo(46, -58);
  brush.bezierCurveTo(44, -36, 46, -16, 54, -4);
  brush.quadraticCurveTo(58, 2, 50, 2);
  brush.lineTo(24, 2);
  brush.fill();

  brush.save();
  brush.translate(34, -172);
  brush.rotate(-0.28 + sway * 0.03);
  brush.fillStyle = coat;
  brush.beginPath();
  brush.moveTo(-40, 12);
  brush.bezierCurveTo(-48, -14, -38, -36, -18, -44);
  brush.lineTo(-30, -96);
  brush.lineTo(8, -52);
  brush.bezierCurveTo(34, -48, 44, -30, 54, -20);
  brush.lineTo(92, -2);
  brush.quadraticCurveTo(96, 6, 86, 9);
  brush.bezierCurveTo(60, 16, 40, 30, 12, 32);
  brush.closePath();
  brush.fill();
  polygon(
    brush,
    [
      [-2, -52],
      [14, -98],
      [30, -44],
    ],
    coat,
  );
  polygon(
    brush,
    [
      [-26, -88],
      [-10, -58],
      [-20, -50],
    ],
    dark,
  );
  polygon(
    brush,
    [
      [13, -90],
      [24, -48],
      [8, -54],
    ],
    dark,
  );
  brush.fillStyle = light;
  brush.beginPath();
  brush.moveTo(86, 9);
  brush.bezierCurveTo(60, 16, 40, 30, 6, 33);
  brush.bezierCurveTo(16, 14, 44, 2, 88, 2);
  brush.fill();
  brush.fillStyle = dark;
  brush.beginPath();
  brush.ellipse(90, 1, 6.5, 5.5, 0.2, 0, 7);
  brush.ellipse(38, -18, 4.6, 5.6, 0.4, 0, 7);
  brush.fill();
  brush.fillStyle = "#fff6dd";
  brush.beginPath();
  brush.arc(40, -20, 1.7, 0, 7);
  brush.fill();
  brush.restore();
}

/** One railway carriage 560 long, 120 high, wheels on the origin's height; its windows are lit and some have travellers. */
export function carriage(brush: Brush, body: string, trim: string, seed: number): void {
  brush.fillStyle = body;
  brush.beginPath();
  brush.roundRect(6, -132, 548, 104, [26, 26, 6, 6]);
  brush.fill();
  brush.fillRect(0, -42, 560, 18);
  brush.fillStyle = trim;
  brush.fillRect(6, -58, 548, 3);
  brush.fillRect(6, -114, 548, 2);
  for (let window = 0; window < 8; window++) {
    const x = 28 + window * 64;
    fillVertical(brush, x, -104, 48, 38, [
      [0, "#ffe9b0"],
      [1, "#f6b25c"],
    ]);
    if (hash(seed, window) < 0.52) {
      const lean = hash(seed, window + 40) * 14;
      brush.fillStyle = "rgba(58,26,26,.82)";
      brush.beginPath();
      brush.arc(x + 16 + lean, -86, 7, 0, 7);
      brush.fill();
      brush.beginPath();
      brush.ellipse(x + 16 + lean, -66, 13, 14, 0, Math.PI, 0);
      brush.fill();
    }
    brush.fillStyle = body;
    brush.fillRect(x + 23, -104, 2, 38);
  }
  wheels(brush, [60, 112, 448, 500], 19, trim);
}

/** A steam engine 470 long that faces right, wheels on the origin's height; the chimney's mouth is at (404, -172). */
export function engine(brush: Brush, body: string, trim: string): void {
  brush.fillStyle = body;
  brush.beginPath();
  brush.roundRect(8, -168, 138, 130, [10, 4, 0, 0]);
  brush.fill();
  brush.fillRect(-6, -176, 164, 12);
  brush.beginPath();
  brush.roundRect(130, -126, 306, 82, [4, 36, 30, 4]);
  brush.fill();
  brush.fillRect(0, -56, 448, 22);
  polygon(
    brush,
    [
      [388, -124],
      [392, -170],
      [384, -176],
      [424, -176],
      [416, -170],
      [420, -124],
    ],
    body,
  );
  brush.beginPath();
  brush.ellipse(300, -124, 24, 22, 0, Math.PI, 0);
  brush.ellipse(220, -124, 18, 18, 0, Math.PI, 0);
  brush.fill();
  polygon(
    brush,
    [
      [440, -52],
      [486, -4],
      [430, -4],
    ],
    body,
  );
  brush.fillStyle = trim;
  for (const x of [186, 262, 346]) brush.fillRect(x, -126, 4, 82);
  fillVertical(brush, 28, -152, 52, 42, [
    [0, "#ffe2a0"],
    [1, "#f0923c"],
  ]);
  brush.fillStyle = body;
  brush.beginPath();
  brush.arc(54, -128, 9, 0, 7);
  brush.ellipse(54, -104, 17, 18, 0, Math.PI, 0);
  brush.fill();
  brush.fillStyle = "#fff3cf";
  brush.beginPath();
  brush.arc(438, -98, 11, 0, 7);
  brush.fill();
  wheels(brush, [60, 118], 21, trim);
  wheels(brush, [186, 254, 322], 32, trim);
  wheels(brush, [394], 19, trim);
}

function wheels(brush: Brush, at: readonly number[], radius: number, trim: string): void {
  for (const x of at) {
    brush.fillStyle = "#080a14";
    brush.beginPath();
    brush.arc(x, -radius, radius, 0, 7);
    brush.fill();
    brush.strokeStyle = trim;
    brush.lineWidth = 2.5;
    brush.beginPath();
    brush.arc(x, -radius, radius - 4, 0, 7);
    brush.stroke();
  }
}
