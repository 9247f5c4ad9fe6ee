/** Chance that a seed repeats. */

export interface Chance {
  /** A whole number from 0 to one less. */
  below(limit: number): number;
  pick<T>(list: readonly T[]): T;
  shuffled<T>(list: readonly T[]): T[];
}

/** Numbers from a seed (mulberry32, by Tommy Ettinger, public domain): neighbouring seeds have nothing in common. */
export function newChance(seed: number): Chance {
  let state = seed | 0;
  const below = (limit: number) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * limit);
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
