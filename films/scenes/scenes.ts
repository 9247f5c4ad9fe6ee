/** Which scenes each film is made of. */

import type { FilmId } from "../films.ts";
import { fallenStarScenes } from "./fallen-star.ts";
import { nightTrainScenes } from "./night-train.ts";
import { paperBoatScenes } from "./paper-boat.ts";
import type { Scene } from "./scene.ts";

export const scenes: Readonly<Record<FilmId, readonly Scene[]>> = {
  "paper-boat": paperBoatScenes,
  "night-train": nightTrainScenes,
  "fallen-star": fallenStarScenes,
};
