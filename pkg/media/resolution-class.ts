/** Classes of pictures by their pixels, as SPEKE v2 draws the lines between keys. */

/** Lowest first. */
export const RESOLUTION_CLASSES = ["sd", "hd", "uhd", "uhd2"] as const;

export type ResolutionClass = (typeof RESOLUTION_CLASSES)[number];

/** The most pixels of a class. */
const MAX_PIXELS: Readonly<Record<ResolutionClass, number>> = {
  sd: 589_824,
  hd: 2_073_600,
  uhd: 8_847_360,
  uhd2: Number.POSITIVE_INFINITY,
};

/** The lowest class that holds a picture of so many pixels. */
export function resolutionClassOf(pixels: number): ResolutionClass {
  return RESOLUTION_CLASSES.find((name) => pixels <= MAX_PIXELS[name]) ?? "uhd2";
}
