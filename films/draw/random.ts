/** Seeded randomness for drawings: the same seed gives the same picture in every process that draws a part of the film. */

/** A generator of numbers in [0, 1) (mulberry32). */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** A number in [0, 1) that depends on nothing but its two arguments. */
export function hash(seed: number, index: number): number {
  let mixed = Math.imul((seed | 0) ^ Math.imul(index | 0, 0x9e3779b1), 0x85ebca6b);
  mixed ^= mixed >>> 13;
  mixed = Math.imul(mixed, 0xc2b2ae35);
  return ((mixed ^ (mixed >>> 16)) >>> 0) / 4_294_967_296;
}

/** Smooth noise over a line, in [-1, 1], with features about one unit apart. */
export function noise(seed: number, x: number): number {
  const cell = Math.floor(x);
  const within = x - cell;
  const eased = within * within * (3 - 2 * within);
  const left = hash(seed, cell);
  const right = hash(seed, cell + 1);
  return (left + (right - left) * eased) * 2 - 1;
}

/** Noise of several sizes added up, in about [-1, 1]: the shape of hills. */
export function fractal(seed: number, x: number, octaves: number): number {
  let sum = 0;
  let weight = 0;
  let size = 1;
  for (let octave = 0; octave < octaves; octave++) {
    sum += noise(seed + octave * 101, x / size) * size;
    weight += size;
    size /= 2;
  }
  return sum / weight;
}
