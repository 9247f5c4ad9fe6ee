/** Asks for a play: at the click that leads to the player's page, while that page is made, or on the page itself. */

import type { Platform } from "@matinee/sdk/platform";
import { askForPlay, giveBackPlay } from "@matinee/sdk/playback";
import { thisDevice } from "./device.ts";

type Asked = ReturnType<typeof askForPlay>;

/** A page that has not come by then does not come; nobody else shall miss the stream that it would hold. */
const UNWANTED_MS = 5_000;

let early: { readonly platform: Platform; readonly title: string; readonly asked: Asked } | undefined;

/** `title` is `titles/{uuid}`; for DASH, as the player's page plays where its address says nothing. */
export function askEarly(platform: Platform, title: string): void {
  if (early?.title === title) return;
  giveBackEarly();
  const mine = { platform, title, asked: ask(platform, title, "dash") };
  // Told on the player's page.
  mine.asked.catch(() => undefined);
  early = mine;
  setTimeout(() => {
    if (early === mine) giveBackEarly();
  }, UNWANTED_MS);
}

/** What was asked for at the click, else what is asked for now. Rejects as `askForPlay`. */
export function askToPlay(platform: Platform, title: string, format: "dash" | "hls"): Asked {
  const mine = early;
  if (format === "dash" && mine?.platform === platform && mine.title === title) {
    early = undefined;
    return mine.asked;
  }
  return ask(platform, title, format);
}

async function ask(platform: Platform, title: string, format: "dash" | "hls"): Asked {
  return askForPlay(platform, title, await thisDevice(platform, format));
}

function giveBackEarly(): void {
  const mine = early;
  early = undefined;
  // Its lease runs out where this does not arrive.
  mine?.asked.then((answer) => giveBackPlay(mine.platform, answer)).catch(() => undefined);
}
