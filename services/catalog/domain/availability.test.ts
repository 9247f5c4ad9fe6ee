import assert from "node:assert/strict";
import { decideAvailability, type ViewerContext } from "./availability.ts";
import type { AvailabilityWindow } from "./title.ts";

const now = new Date("2026-06-01T00:00:00Z");
const viewer: ViewerContext = { territory: "DE", tier: "standard", maximumAge: 16 };
const always: AvailabilityWindow = {
  territories: [],
  startsAt: undefined,
  endsAt: undefined,
  tiers: [],
  businessModel: "subscription",
};
const published = { state: "published", windows: [always], minimumAge: 12, isPlayable: true } as const;

const reasonOf = (title: Parameters<typeof decideAvailability>[0], who = viewer) => {
  const decided = decideAvailability(title, who, now);
  return decided.isAvailable ? undefined : decided.reason;
};

describe("availability of a title", () => {
  it("is given by one window that is open everywhere and always", () => {
    assert.deepEqual(decideAvailability(published, viewer, now), { isAvailable: true, endsAt: undefined });
  });

  it("is refused with the first reason that holds", () => {
    assert.equal(reasonOf({ ...published, state: "draft" }), "TITLE_NOT_PUBLISHED");
    assert.equal(reasonOf({ ...published, state: "unpublished" }), "TITLE_NOT_PUBLISHED");
    assert.equal(reasonOf({ ...published, minimumAge: 18 }), "TITLE_MATURITY");
    assert.equal(reasonOf({ ...published, windows: [] }), "TITLE_TERRITORY");
    assert.equal(reasonOf({ ...published, windows: [{ ...always, territories: ["US"] }] }), "TITLE_TERRITORY");
    assert.equal(reasonOf({ ...published, windows: [{ ...always, tiers: ["premium"] }] }), "TITLE_TIER");
    assert.equal(reasonOf({ ...published, isPlayable: false }), "TITLE_NOT_PLAYABLE");
    assert.equal(reasonOf({ ...published, windows: [{ ...always, businessModel: "rental" }] }), "TITLE_TERRITORY");
  });

  it("ends at the first moment after the window and begins at its first moment", () => {
    assert.equal(reasonOf({ ...published, windows: [{ ...always, endsAt: now }] }), "TITLE_ENDED");
    assert.equal(reasonOf({ ...published, windows: [{ ...always, startsAt: now }] }), undefined);
  });

  it("says when the next of several windows begins", () => {
    const windows = ["2026-09-01", "2026-07-01"].map((day) => ({ ...always, startsAt: new Date(day) }));
    assert.deepEqual(decideAvailability({ ...published, windows }, viewer, now), {
      isAvailable: false,
      reason: "TITLE_NOT_STARTED",
      startsAt: new Date("2026-07-01"),
    });
  });

  it("lasts as long as the longest open window, and a window for another territory does not lengthen it", () => {
    const windows = [
      { ...always, endsAt: new Date("2026-06-10") },
      { ...always, endsAt: new Date("2026-06-20") },
      { ...always, territories: ["US"], endsAt: new Date("2027-01-01") },
    ];
    assert.deepEqual(decideAvailability({ ...published, windows }, viewer, now), {
      isAvailable: true,
      endsAt: new Date("2026-06-20"),
    });
  });

  it("does not ask for age or plan where they are not known", () => {
    const browsing = { territory: "DE", tier: undefined, maximumAge: undefined };
    assert.equal(
      reasonOf({ ...published, minimumAge: 18, windows: [{ ...always, tiers: ["premium"] }] }, browsing),
      undefined,
    );
  });
});
