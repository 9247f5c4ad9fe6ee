import assert from "node:assert/strict";
import { refused } from "#pkg/testkit/refused";
import { toKid } from "../domain/content-key.ts";
import { openClearKeyEngine } from "./clearkey.ts";
import { describeLicenseEngine } from "./conformance.ts";

describeLicenseEngine("clearkey", async () => ({
  engine: openClearKeyEngine(),
  client: {
    challenge: async (keyIds) =>
      Buffer.from(
        JSON.stringify({ kids: keyIds.map((id) => Buffer.from(id).toString("base64url")), type: "temporary" }),
      ),
    open: async (license) => {
      const { keys } = JSON.parse(Buffer.from(license).toString("ascii")) as { keys: { kid: string; k: string }[] };
      return new Map(keys.map(({ kid, k }) => [toKid(Buffer.from(kid, "base64url")), Buffer.from(k, "base64url")]));
    },
  },
}));

describe("clearkey", () => {
  const engine = openClearKeyEngine();
  const kid = "AAAAAAAAAAAAAAAAAAAAAQ";

  it("writes the very bytes of the specification's form, without padding", async () => {
    const { SecretBytes } = await import("#pkg/keys/keys");
    const parsed = await engine.parse(Buffer.from(JSON.stringify({ kids: [kid] })));
    const [keyId] = parsed.keyIds;
    assert.ok(keyId);
    const policy = {
      licenseDurationMs: 1,
      minHdcp: "none",
      minRobustness: "none",
      canRenew: false,
      canPersist: false,
    } as const;
    const license = await engine.issue(parsed, {} as never, [
      { keyId, key: new SecretBytes(new Uint8Array(16).fill(0xff)), policy, ivs: [] },
    ]);
    assert.equal(
      Buffer.from(license.body).toString(),
      `{"keys":[{"kty":"oct","kid":"${kid}","k":"_____________________w"}],"type":"temporary"}`,
    );
  });

  for (const [what, request] of [
    ["padded key ids", { kids: [`${kid}==`] }],
    ["standard base64", { kids: ["++++++++++++++++++++++"] }],
    ["key ids of another length", { kids: ["AAAA"] }],
    ["no key ids", { kids: [] }],
    ["key ids that are no list", { kids: kid }],
    ["a list instead of an object", [kid]],
  ] as const) {
    it(`refuses ${what}`, async () => {
      await assert.rejects(engine.parse(Buffer.from(JSON.stringify(request))), refused("LICENSE_REQUEST_MALFORMED"));
    });
  }

  it("refuses licences to keep", async () => {
    await assert.rejects(
      engine.parse(Buffer.from(JSON.stringify({ kids: [kid], type: "persistent-license" }))),
      refused("LICENSE_TYPE_UNSUPPORTED"),
    );
  });
});
