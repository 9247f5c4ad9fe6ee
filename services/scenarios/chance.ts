/** Chance that a seed repeats. */

export interface Chance {
  /** A whole number from 0 to one less. */
  below(limit: number): number;
  pick<T>(list: readonly T[]): T;
  shuffled<T>(list: readonly T[]): T[];
}

/** Small numbers from a seed (a linear congruential generator; Numerical Recipes, section 7.1). */
export function newChance(seed: number): Chance {
  // Neighbouring seeds begin far from each other.
  let state = Math.imul(seed ^ 0x9e3779b9, 0x85ebca6b) >>> 0;
  const below = (limit: number) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * limit);
  };
  const chance: Chance = {
    below,
    pick(list) {
      const found = list[below(list.length)];
      if (found === undefined) throw new Error("there is nothing to pick from");
      return found;
    },
    shuffled: (list) =>
      list
        .map((item) => ({ item, at: below(2 ** 31) }))
        .sort((a, b) => a.at - b.at)
        .map(({ item }) => item),
  };
  return chance;
}
