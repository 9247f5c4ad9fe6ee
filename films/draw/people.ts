/** The people of the main film, drawn around their own origin. */

import type { Brush } from "./stage.ts";

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
