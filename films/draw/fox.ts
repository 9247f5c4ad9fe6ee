/** The fox, drawn around its own origin. */

import { polygon } from "./shape.ts";
import type { Brush } from "./stage.ts";

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
