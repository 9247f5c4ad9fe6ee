/** How good a picture a session may have: the lowest of plan, device and package. */

/** Classes of video, lowest first; the pixel limits are SPEKE v2's. */
export const CEILINGS = ["sd", "hd", "uhd"] as const;

export type Ceiling = (typeof CEILINGS)[number];

/** The highest class that a screen or plan of so many lines can use; 0 means no limit. */
export function ceilingOf(maxHeight: number): Ceiling {
  if (maxHeight === 0 || maxHeight > 1080) return "uhd";
  return maxHeight > 576 ? "hd" : "sd";
}

export function lowest(a: Ceiling, b: Ceiling): Ceiling {
  return CEILINGS.indexOf(a) <= CEILINGS.indexOf(b) ? a : b;
}

/** Of what is offered the highest that is granted; where all are above the grant there is none. */
export function highestWithin(offered: readonly Ceiling[], granted: Ceiling): Ceiling | undefined {
  return offered
    .filter((ceiling) => CEILINGS.indexOf(ceiling) <= CEILINGS.indexOf(granted))
    .sort((a, b) => CEILINGS.indexOf(b) - CEILINGS.indexOf(a))[0];
}
