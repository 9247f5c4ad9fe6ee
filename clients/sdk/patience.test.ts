import assert from "node:assert/strict";
import { Code } from "@connectrpc/connect";
import { toMatineeError } from "./errors.ts";
import { CatalogService } from "./gen/matinee/catalog/v1/catalog_service_pb.ts";
import { newPlatform } from "./platform.ts";
import { refusal, startRpcServer } from "./testing/rpc-server.ts";

describe("a client's patience", () => {
  /** A service that is away for so many calls after its first answer. */
  async function flaky(away: number, reason: string) {
    let calls = 0;
    const server = await startRpcServer((router) =>
      router.service(CatalogService, {
        listTitles() {
          calls += 1;
          if (calls > 1 && calls <= 1 + away) throw refusal(Code.Unavailable, reason);
          return { titles: [] };
        },
      }),
    );
    return { server, calls: () => calls };
  }

  it("waits for a service that has answered before, and says what it waits for", async () => {
    for (const reason of ["KEY_SET_UNAVAILABLE", "DATABASE_UNAVAILABLE"]) {
      const { server, calls } = await flaky(4, reason);
      await using _server = server;
      const waited: string[] = [];
      const patience = { giveUpMs: 60_000, onWait: (error: { reason: string }) => waited.push(error.reason) };
      const client = newPlatform({ origin: server.origin, patience }).client(CatalogService);
      await client.listTitles({});
      await client.listTitles({});
      assert.deepEqual([calls(), waited], [6, [reason, reason, reason, reason]]);
    }
  }).timeout(30_000);

  it("ends, and without it after three tries", async () => {
    const { server, calls } = await flaky(100, "DATABASE_UNAVAILABLE");
    await using _server = server;
    const brief = newPlatform({ origin: server.origin, patience: { giveUpMs: 0, onWait: () => undefined } });
    await brief.client(CatalogService).listTitles({});
    const failed = await brief.client(CatalogService).listTitles({}).catch(toMatineeError);
    assert.deepEqual([failed instanceof Error && failed.message, calls()], ["database_unavailable", 4]);
  });

  it("does not wait for what was never there", async () => {
    const patience = { giveUpMs: 60_000, onWait: () => assert.fail("waited") };
    const client = newPlatform({ origin: "http://127.0.0.1:9", patience }).client(CatalogService);
    await assert.rejects(client.listTitles({}), (error) => toMatineeError(error).reason === "UNREACHABLE");
  });
});
