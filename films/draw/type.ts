/** Lettering: title cards and credits, set in two open typefaces that come as npm packages. */

import { createRequire } from "node:module";
import { GlobalFonts } from "@napi-rs/canvas";
import { withAlpha } from "./nature.ts";
import type { Brush, Stage } from "./stage.ts";

const SERIF = "Film Serif";
const SANS = "Film Sans";

/** Makes the typefaces known to the canvas; call once in each process. */
export function loadTypefaces(): void {
  const { resolve } = createRequire(import.meta.url);
  GlobalFonts.registerFromPath(
    resolve("@fontsource/cormorant-garamond/files/cormorant-garamond-latin-500-normal.woff"),
    SERIF,
  );
  GlobalFonts.registerFromPath(resolve("@fontsource/josefin-sans/files/josefin-sans-latin-400-normal.woff"), SANS);
}

export interface Lettering {
  readonly text: string;
  readonly x: number;
  readonly y: number;
  readonly size: number;
  readonly face: "serif" | "sans";
  readonly colour: string;
  readonly alpha: number;
  /** Space between letters, in ems. */
  readonly tracking?: number;
  readonly align?: "center" | "left" | "right";
}

/** Sets one line, letter by letter, so that tracking can be animated. */
export function letter(brush: Brush, line: Lettering): void {
  if (line.alpha <= 0.002) return;
  const tracking = (line.tracking ?? 0) * line.size;
  brush.font = `${line.size}px "${line.face === "serif" ? SERIF : SANS}"`;
  brush.textBaseline = "alphabetic";
  brush.textAlign = "left";
  const letters = [...line.text];
  const widths = letters.map((_, at) => brush.measureText(letters.slice(0, at + 1).join("")).width);
  const width = (widths.at(-1) ?? 0) + tracking * Math.max(0, letters.length - 1);
  const align = line.align ?? "center";
  const start = line.x - (align === "center" ? width / 2 : align === "right" ? width : 0);
  brush.fillStyle = withAlpha(line.colour, Math.min(1, line.alpha));
  for (const [at, glyph] of letters.entries()) {
    brush.fillText(glyph, start + (at === 0 ? 0 : (widths[at - 1] ?? 0)) + tracking * at, line.y);
  }
}

/** A title card: the name, a fine rule, and a line under it; `shown` in [0, 1], `drift` slowly spreads the letters. */
export function titleCard(
  stage: Stage,
  name: string,
  under: string,
  y: number,
  size: number,
  shown: number,
  drift: number,
  colour = "#fdf3df",
): void {
  const { brush, width } = stage;
  const middle = width / 2;
  letter(brush, { text: name, x: middle, y, size, face: "serif", colour, alpha: shown, tracking: 0.1 + 0.035 * drift });
  brush.fillStyle = withAlpha(colour, shown * 0.7);
  const rule = size * 2.1 * (0.4 + 0.6 * shown);
  brush.fillRect(middle - rule / 2, y + size * 0.42, rule, 1.6);
  letter(brush, {
    text: under,
    x: middle,
    y: y + size * 0.82,
    size: size * 0.235,
    face: "sans",
    colour,
    alpha: shown * 0.85,
    tracking: 0.34,
  });
}
