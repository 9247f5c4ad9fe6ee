/** The paper that the keeper's boats are folded from. */

export const PAPER = { light: "#f7f0e2", middle: "#c9c6cf", dark: "#6f7391", candle: 1 } as const;
