import assert from "node:assert/strict";
import { CatalogService } from "#gen/matinee/catalog/v1/catalog_service_pb";
import { ProfileService } from "#gen/matinee/profile/v1/profile_service_pb";
import { RecommendationsService } from "#gen/matinee/recommendations/v1/recommendations_service_pb";
import { ManualClock, newId, systemClock } from "#pkg/clock/clock";
import { errors } from "#pkg/rpc/errors";
import { fake, openModules, profile } from "#pkg/testkit/module";
import { refused } from "#pkg/testkit/refused";
import { catalog } from "./module.ts";

describe("who browses", () => {
  it("is asked for again after half a minute, and stays who was known last while profile is away", async () => {
    const clock = new ManualClock(systemClock.now());
    let asked = 0;
    let isAway = false;
    const getViewer = async () => {
      asked += 1;
      if (isAway) throw errors.PEER_UNAVAILABLE("profile");
      return { viewer: { tier: "standard", maximumAge: 21, language: "en" } };
    };
    await using platform = await openModules([catalog], {
      clock,
      fakes: [fake(ProfileService, { getViewer }), fake(RecommendationsService, {})],
    });
    const look = (as = profile()) => platform.client(CatalogService, { as }).getTitle({ name: `titles/${newId()}` });
    const viewer = profile();
    for (let times = 0; times < 2; times++) await assert.rejects(look(viewer), refused("TITLE_NOT_FOUND"));
    assert.equal(asked, 1);
    isAway = true;
    clock.advance(30_000);
    await assert.rejects(look(viewer), refused("TITLE_NOT_FOUND"));
    assert.ok(asked > 1);
    await assert.rejects(look(), refused("PEER_UNAVAILABLE"));
  });
});
