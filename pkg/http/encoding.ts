/** Which of the offered content codings a client takes (RFC 9110, 12.5.3). */

/** The first of `offered` that the header accepts, in our order where it weighs them alike; undefined for none. */
export function encodingFor<T extends string>(
  header: string | string[] | undefined,
  offered: readonly T[],
): T | undefined {
  if (header === undefined || offered.length === 0) return undefined;
  const weights = new Map<string, number>();
  for (const part of String(header).split(",")) {
    const [name = "", ...parameters] = part.split(";").map((piece) => piece.trim().toLowerCase());
    const q = parameters.find((parameter) => parameter.startsWith("q="))?.slice(2);
    const weight = q === undefined ? 1 : Number(q);
    weights.set(name, weight >= 0 && weight <= 1 ? weight : 0);
  }
  const weightOf = (coding: T) => weights.get(coding) ?? weights.get("*") ?? 0;
  let best: T | undefined;
  for (const coding of offered) {
    if (weightOf(coding) > (best === undefined ? 0 : weightOf(best))) best = coding;
  }
  return best;
}
