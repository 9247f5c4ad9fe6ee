/** Plans: what each tier may watch, and on how many screens. */

export interface Plan {
  readonly tier: string;
  /** Highest picture in lines. */
  readonly maxHeight: number;
  /** Streams that may play at once. */
  readonly maxStreams: number;
}

const PLANS: ReadonlyMap<string, Plan> = new Map(
  [
    { tier: "basic", maxHeight: 576, maxStreams: 1 },
    { tier: "standard", maxHeight: 1080, maxStreams: 2 },
    { tier: "premium", maxHeight: 2160, maxStreams: 4 },
  ].map((plan) => [plan.tier, plan]),
);

/** Names of the tiers, smallest first. */
export const TIERS = ["basic", "standard", "premium"] as const;

/** The plan of a tier; an account whose tier is gone watches on the smallest. */
export function planOf(tier: string): Plan {
  return PLANS.get(tier) ?? { tier: "basic", maxHeight: 576, maxStreams: 1 };
}
