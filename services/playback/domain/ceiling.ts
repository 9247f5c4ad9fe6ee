/** How good a picture a session may have: the lowest of plan, device and package. */

import { RESOLUTION_CLASSES, type ResolutionClass, resolutionClassOf } from "#pkg/media/resolution-class";

/** Nothing above this class of video. */
export type Ceiling = ResolutionClass;

/** The highest class that a screen or plan of so many lines can use, in a picture of 16:9; 0 means no limit. */
export function ceilingOf(maxHeight: number): Ceiling {
  return resolutionClassOf(maxHeight === 0 ? Number.POSITIVE_INFINITY : (maxHeight * maxHeight * 16) / 9);
}

export function isWithin(resolutionClass: ResolutionClass, ceiling: Ceiling): boolean {
  return RESOLUTION_CLASSES.indexOf(resolutionClass) <= RESOLUTION_CLASSES.indexOf(ceiling);
}

export function lowest(a: Ceiling, b: Ceiling): Ceiling {
  return isWithin(a, b) ? a : b;
}

/** Of what is offered the highest that is granted; where all are above the grant there is none. */
export function highestWithin(offered: readonly Ceiling[], granted: Ceiling): Ceiling | undefined {
  return RESOLUTION_CLASSES.findLast((ceiling) => offered.includes(ceiling) && isWithin(ceiling, granted));
}
