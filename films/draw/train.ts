/** The train, drawn around its own origin. */

import { fillVertical } from "./nature.ts";
import { hash } from "./random.ts";
import { polygon } from "./shape.ts";
import type { Brush } from "./stage.ts";

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
