/** The main film: an old keeper sends a paper boat over the sea, and somebody answers. */

import { openCredits } from "./paper-boat/credits.ts";
import { openHarbour } from "./paper-boat/harbour.ts";
import { openLampRoom } from "./paper-boat/lamp-room.ts";
import { openLighthouse } from "./paper-boat/lighthouse.ts";
import { openStorm } from "./paper-boat/storm.ts";
import { openTitle } from "./paper-boat/title.ts";
import { openVoyage } from "./paper-boat/voyage.ts";
import type { Scene } from "./scene.ts";

export const paperBoatScenes: readonly Scene[] = [
  { from: 0, to: 8, crossFade: 0, open: openTitle },
  { from: 8, to: 22, crossFade: 1.6, open: openLighthouse },
  { from: 22, to: 34, crossFade: 1.2, open: openLampRoom },
  { from: 34, to: 46, crossFade: 1.2, open: openVoyage },
  { from: 46, to: 55, crossFade: 0, open: openStorm },
  { from: 55, to: 67, crossFade: 1.8, open: openHarbour },
  { from: 67, to: 75, crossFade: 1.8, open: openCredits },
];
