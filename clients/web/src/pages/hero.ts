/** Which film the home page shows large. */

import type { HomeItem } from "@matinee/sdk/gen/matinee/catalog/v1/home_pb";
import { toSeconds } from "@matinee/sdk/time";

/** What is half seen comes first, else the first film that has a picture. */
export function pickHero(items: readonly HomeItem[]): HomeItem | undefined {
  const shown = items.filter(({ title }) => title !== undefined);
  return (
    shown.find(({ resumePosition }) => toSeconds(resumePosition) > 0) ??
    shown.find(({ title }) => (title?.artworks.length ?? 0) > 0) ??
    shown[0]
  );
}
