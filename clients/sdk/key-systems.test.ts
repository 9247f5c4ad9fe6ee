import assert from "node:assert/strict";
import { Code } from "@connectrpc/connect";
import { KeySystem } from "./gen/matinee/common/v1/media_pb.ts";
import { LicenseService } from "./gen/matinee/license/v1/license_service_pb.ts";
import { usableKeySystems } from "./key-systems.ts";
import { newPlatform } from "./platform.ts";
import { refusal, startRpcServer } from "./testing/rpc-server.ts";

describe("the key systems of a device", () => {
  it("are those of the offer, known to this release or not, of which it supports a name", async () => {
    let asked = 0;
    await using server = await startRpcServer((router) => {
      router.service(LicenseService, {
        listKeySystems() {
          asked += 1;
          if (asked === 1) throw refusal(Code.PermissionDenied, "ACCESS_DENIED");
          return {
            keySystems: [
              { keySystem: 99 as KeySystem, isEnabled: true, emeNames: ["org.example.newer", "org.example.new"] },
              { keySystem: KeySystem.CLEARKEY, isEnabled: true, emeNames: ["org.w3.clearkey"] },
              { keySystem: KeySystem.PLAYREADY, isEnabled: true, emeNames: ["com.microsoft.playready"] },
              { keySystem: KeySystem.WIDEVINE, isEnabled: false, emeNames: ["com.widevine.alpha"] },
              { keySystem: KeySystem.FAIRPLAY, isEnabled: true, emeNames: [] },
            ],
          };
        },
      });
    });
    const platform = newPlatform(server);
    const supports = async (name: string) => name !== "com.microsoft.playready";
    assert.deepEqual(await usableKeySystems(platform, supports), [], "none while the service does not say");
    assert.deepEqual(await usableKeySystems(platform, supports), [99, 1]);
    assert.deepEqual(await usableKeySystems(platform, supports), [99, 1]);
    assert.equal(asked, 2);
  });
});
