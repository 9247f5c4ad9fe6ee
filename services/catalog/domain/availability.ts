/** The one rule that says whether a title may be watched. */

import type { AvailabilityWindow, TitleState } from "./title.ts";

/** Who asks; for the studio, which looks without a profile, tier and age are undefined and not asked for. */
export interface ViewerContext {
  readonly territory: string;
  readonly tier: string | undefined;
  readonly maximumAge: number | undefined;
}

export type AvailabilityReason =
  | "TITLE_NOT_PUBLISHED"
  | "TITLE_NOT_PLAYABLE"
  | "TITLE_MATURITY"
  | "TITLE_TERRITORY"
  | "TITLE_TIER"
  | "TITLE_NOT_STARTED"
  | "TITLE_ENDED";

export type Availability =
  /** `endsAt` is absent where no window ends. */
  | { readonly isAvailable: true; readonly endsAt: Date | undefined }
  /** `startsAt` is when it becomes available, where that is known. */
  | { readonly isAvailable: false; readonly reason: AvailabilityReason; readonly startsAt: Date | undefined };

/** Decides; the reason is the first that holds, in the order of the type. */
export function decideAvailability(
  title: {
    readonly state: TitleState;
    readonly windows: readonly AvailabilityWindow[];
    readonly minimumAge: number;
    readonly isPlayable: boolean;
  },
  viewer: ViewerContext,
  now: Date,
): Availability {
  if (title.state !== "published") return refuse("TITLE_NOT_PUBLISHED");
  if (viewer.maximumAge !== undefined && title.minimumAge > viewer.maximumAge) return refuse("TITLE_MATURITY");
  // Nothing is sold, rented or given away yet: a window that says so opens nothing.
  const here = title.windows.filter(
    ({ territories, businessModel }) =>
      businessModel === "subscription" && (territories.length === 0 || territories.includes(viewer.territory)),
  );
  if (here.length === 0) return refuse("TITLE_TERRITORY");
  const { tier } = viewer;
  const included = here.filter(({ tiers }) => tier === undefined || tiers.length === 0 || tiers.includes(tier));
  if (included.length === 0) return refuse("TITLE_TIER");
  const open = included.filter((window) => isOpen(window, now));
  if (open.length === 0) {
    const next = included.flatMap(({ startsAt }) => (startsAt !== undefined && startsAt > now ? [startsAt] : []));
    if (next.length === 0) return refuse("TITLE_ENDED");
    return { isAvailable: false, reason: "TITLE_NOT_STARTED", startsAt: new Date(Math.min(...next.map(Number))) };
  }
  if (!title.isPlayable) return refuse("TITLE_NOT_PLAYABLE");
  return { isAvailable: true, endsAt: lastEnd(open) };
}

function refuse(reason: AvailabilityReason): Availability {
  return { isAvailable: false, reason, startsAt: undefined };
}

function isOpen(window: AvailabilityWindow, now: Date): boolean {
  return (
    (window.startsAt === undefined || window.startsAt <= now) && (window.endsAt === undefined || now < window.endsAt)
  );
}

/** Of several open windows the one that lasts longest counts. */
function lastEnd(open: readonly AvailabilityWindow[]): Date | undefined {
  const ends = open.map(({ endsAt }) => endsAt?.getTime());
  return ends.includes(undefined) ? undefined : new Date(Math.max(...ends.map(Number)));
}

/** The reason as a sentence for the viewer. */
export function explainUnavailable(availability: Availability & { readonly isAvailable: false }): string {
  switch (availability.reason) {
    case "TITLE_NOT_PUBLISHED":
      return "This title is not in the catalogue.";
    case "TITLE_NOT_PLAYABLE":
      return "This title is still being prepared; try again in a few minutes.";
    case "TITLE_MATURITY":
      return "This title is not for this profile's age.";
    case "TITLE_TERRITORY":
      return "This title cannot be watched where you are.";
    case "TITLE_TIER":
      return "This title is not part of your plan.";
    case "TITLE_NOT_STARTED":
      return `This title can be watched from ${availability.startsAt?.toISOString().slice(0, 10) ?? "a later day"}.`;
    case "TITLE_ENDED":
      return "The right to show this title has ended.";
  }
}
