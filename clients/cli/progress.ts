/** Progress lines: drawn in place in a terminal, now and then a line elsewhere. */

import type { Output } from "./io.ts";
import { bar, percent } from "./text.ts";

const BAR_WIDTH = 28;
const LABEL_WIDTH = 10;
/** Outside a terminal, one line for each step of this many percent. */
const STEP = 10;

export interface Progress {
  /** `fraction` from 0 to 1; `note` such as "48 MB/s". */
  set(label: string, fraction: number, note: string): void;
  /** Leaves the lines where they are. */
  end(): void;
}

export function newProgress(out: Output): Progress {
  return out.isTTY === true ? newDrawing(out) : newLines(out);
}

function newDrawing(out: Output): Progress {
  const lines = new Map<string, string>();
  let drawn = 0;
  return {
    set(label, fraction, note) {
      const text = `  ${label.padEnd(LABEL_WIDTH)} ${bar(fraction, BAR_WIDTH)} ${percent(fraction * 100)}  ${note}`;
      lines.set(label, text.slice(0, (out.columns ?? 80) - 1));
      // Back to the first line, then every line anew, each cleared to its end.
      out.write((drawn > 0 ? `\x1b[${drawn}A` : "") + [...lines.values()].map((line) => `\x1b[2K${line}\n`).join(""));
      drawn = lines.size;
    },
    end() {
      lines.clear();
      drawn = 0;
    },
  };
}

function newLines(out: Output): Progress {
  const shown = new Map<string, number>();
  return {
    set(label, fraction, note) {
      const step = Math.floor((fraction * 100) / STEP);
      if (shown.get(label) === step) return;
      shown.set(label, step);
      out.write(`  ${label.padEnd(LABEL_WIDTH)} ${percent(fraction * 100)}  ${note}\n`);
    },
    end() {
      shown.clear();
    },
  };
}
