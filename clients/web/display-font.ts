/** Cuts the display font down to the letters, weights and widths that the pages show: 131 kB become 50. */

import { mkdir, readFile, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import subsetFont from "subset-font";
import type { Plugin } from "vite";

const SOURCE = "@fontsource-variable/bricolage-grotesque/files/bricolage-grotesque-latin-standard-normal.woff2";
/** Named by the style sheet and by index.html. */
const TARGET = fileURLToPath(new URL(".cache/display.woff2", import.meta.url));

/** Latin-1 and what names of films need beyond it; any other letter is drawn in the text's font. */
const LETTERS = [
  ...range(0x20, 0x7e),
  ...range(0xa0, 0xff),
  ..."ĀāĂăĄąĆćČčĎďĐđĒēĖėĘęĚěĞğĪīİıŁłŃńŇňŌōŐőŒœŘřŚśŞşŠšŤťŪūŮůŰűŸŹźŻżŽžȘșȚț–—‘’‚“”„†•…‹›€−",
].join("");

/** The style sheets' `font-weight` and `font-stretch` of headings; one optical size serves them all. */
const AXES = { opsz: 40, wght: { min: 650, max: 750 }, wdth: { min: 82, max: 92 } };

export function displayFont(): Plugin {
  return {
    name: "matinee-display-font",
    async buildStart() {
      const source = await readFile(createRequire(import.meta.url).resolve(SOURCE));
      const cut = await subsetFont(source, LETTERS, { targetFormat: "woff2", variationAxes: AXES });
      await mkdir(dirname(TARGET), { recursive: true });
      await writeFile(TARGET, cut);
    },
  };
}

function range(first: number, last: number): string[] {
  return Array.from({ length: last - first + 1 }, (_, index) => String.fromCodePoint(first + index));
}
