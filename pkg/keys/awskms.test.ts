import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { json } from "node:stream/consumers";
import { inspect } from "node:util";
import {
  CreateAliasCommand,
  CreateKeyCommand,
  DecryptCommand,
  DisableKeyCommand,
  KMSClient,
} from "@aws-sdk/client-kms";
import { ManualClock, newId, systemClock } from "#pkg/clock/clock";
import { type AwsEnvironment, startMoto, type TestMoto, useEnvironment } from "#pkg/testkit/moto";
import { refused } from "#pkg/testkit/refused";
import { openAwsKeys } from "./awskms.ts";
import { describeKeys } from "./conformance.ts";
import { DATA_KEY_MAX_AGE_MS } from "./data-keys.ts";
import { openMemoryKeys } from "./file.ts";
import type { Keys } from "./keys.ts";
import { seal } from "./seal.ts";

const START = new Date("2026-01-01T00:00:00Z");
/** What is promised, and a little for a busy machine. */
const BOUND_MS = 3_500;

/** A root key of this moto with an alias of its own. */
async function newRootKey(): Promise<{ readonly alias: string; readonly id: string; readonly arn: string }> {
  const client = new KMSClient();
  const { KeyMetadata: key } = await client.send(new CreateKeyCommand({ Description: "of a test" }));
  const alias = `alias/test-${newId()}`;
  await client.send(new CreateAliasCommand({ AliasName: alias, TargetKeyId: key?.KeyId }));
  client.destroy();
  return { alias, id: key?.KeyId ?? "", arn: key?.Arn ?? "" };
}

async function openAs(environment: AwsEnvironment, url: string): Promise<Keys> {
  using _ = useEnvironment(environment);
  return await openAwsKeys({ url, clock: systemClock });
}

describe("AWS KMS", () => {
  const context = { purpose: "content-key", asset: "a1" };
  const secret = randomBytes(16);
  let moto: TestMoto;
  let environment: Disposable;
  let clock: ManualClock;

  before(async () => {
    moto = await startMoto();
    environment = useEnvironment(moto.environment);
  });
  after(async () => {
    environment?.[Symbol.dispose]();
    await moto?.[Symbol.asyncDispose]();
  });
  beforeEach(() => {
    clock = new ManualClock(START);
  });

  describeKeys("awskms", async () => {
    const { alias } = await newRootKey();
    const keys = await openAwsKeys({ url: `awskms:${alias}`, clock: systemClock });
    return { keys, [Symbol.asyncDispose]: () => keys[Symbol.asyncDispose]() };
  });

  // In a group of its own, for the last of them ends the engine.
  describe("root keys in it", () => {
    const open = (id: string) => openAwsKeys({ url: `awskms:${id}`, clock });
    const unwrapped = async (keys: Keys, wrapped: Uint8Array) => {
      using bytes = await keys.unwrap(wrapped, context);
      return Buffer.from(bytes.reveal());
    };
    /** The encrypted data key that stands before a sealed secret. */
    const dataKeyOf = (wrapped: Uint8Array) =>
      Buffer.from(wrapped.subarray(3, 3 + Buffer.from(wrapped).readUInt16BE(1))).toString("hex");

    it("open by alias, by id and by ARN, each with what the others wrapped", async () => {
      const { alias, id, arn } = await newRootKey();
      const byAlias = await open(alias);
      const wrapped = await byAlias.wrap(secret, context);
      for (const name of [id, arn, arn.replace(/key\/.*/, alias)]) {
        await using keys = await open(name);
        assert.deepEqual(await unwrapped(keys, wrapped), secret, name);
        assert.deepEqual(await unwrapped(byAlias, await keys.wrap(secret, context)), secret, name);
      }
      await byAlias[Symbol.asyncDispose]();
    });

    it("are refused where the URL names none, or one that is not there or is disabled", async () => {
      for (const id of ["", "alias/", "matinee", `key/${newId()}`, "arn:aws:kms:eu-central-1:1:alias/a"]) {
        await assert.rejects(open(id), refused("KEYS_URL_INVALID"), id);
      }
      await assert.rejects(open("alias/nobody-made-it"), refused("KEY_ROOT_UNUSABLE"));
      await assert.rejects(open(newId()), refused("KEY_ROOT_UNUSABLE"));
      const { alias, id } = await newRootKey();
      await using keys = await open(alias);
      const client = new KMSClient();
      await client.send(new DisableKeyCommand({ KeyId: id }));
      client.destroy();
      await assert.rejects(keys.ping(), refused("KEY_ROOT_UNUSABLE"));
    });

    it("wrap under a new data key when the old one is too old, and under one for each purpose", async () => {
      await using keys = await open((await newRootKey()).alias);
      const first = dataKeyOf(await keys.wrap(secret, context));
      assert.equal(dataKeyOf(await keys.wrap(secret, { ...context, asset: "a2" })), first);
      assert.notEqual(dataKeyOf(await keys.wrap(secret, { purpose: "signing-key" })), first);
      clock.advance(DATA_KEY_MAX_AGE_MS - 1);
      assert.equal(dataKeyOf(await keys.wrap(secret, context)), first);
      clock.advance(1);
      assert.notEqual(dataKeyOf(await keys.wrap(secret, context)), first);
    });

    it("let nobody open a data key under another purpose, whatever stands in the cache", async () => {
      const { alias } = await newRootKey();
      await using keys = await open(alias);
      const wrapped = await keys.wrap(secret, context);
      await using fresh = await open(alias);
      for (const asked of [keys, fresh]) {
        await assert.rejects(
          asked.unwrap(wrapped, { ...context, purpose: "signing-key" }),
          refused("KEY_UNWRAP_FAILED"),
        );
        await assert.rejects(asked.unwrap(wrapped, { ...context, asset: "a2" }), refused("KEY_UNWRAP_FAILED"));
      }
    });

    it("tell KMS the purpose of a data key, and nothing else of the context", async () => {
      await using keys = await open((await newRootKey()).alias);
      const CiphertextBlob = Buffer.from(dataKeyOf(await keys.wrap(secret, context)), "hex");
      const client = new KMSClient();
      const opened = (EncryptionContext?: Record<string, string>) =>
        client.send(new DecryptCommand({ CiphertextBlob, EncryptionContext }));
      assert.equal((await opened({ purpose: "content-key" })).Plaintext?.byteLength, 32);
      for (const other of [undefined, { purpose: "signing-key" }, context]) {
        await assert.rejects(opened(other), { name: "InvalidCiphertextException" });
      }
      client.destroy();
    });

    it("do not take what a key file wrapped, nor it theirs", async () => {
      await using keys = await open((await newRootKey()).alias);
      await using file = await openMemoryKeys();
      await assert.rejects(keys.unwrap(await file.wrap(secret, context), context), refused("KEY_UNWRAP_FAILED"));
      await assert.rejects(file.unwrap(await keys.wrap(secret, context), context), refused("KEY_UNWRAP_FAILED"));
    });

    it("wrap under another root key after a rotation, which takes an alias", async () => {
      const { alias, id } = await newRootKey();
      await using keys = await open(alias);
      await using running = await open(alias);
      const old = await keys.wrap(secret, context);
      await keys.rotate();
      const wrapped = await keys.wrap(secret, context);
      // What a key of KMS is called by moto stands at the beginning of what it encrypted.
      const rootOf = (sealed: Uint8Array) => Buffer.from(dataKeyOf(sealed), "hex").subarray(0, 36).toString();
      assert.equal(rootOf(old), id);
      assert.notEqual(rootOf(wrapped), id);
      for (const reader of [keys, running, await open(id)]) {
        assert.deepEqual(await unwrapped(reader, old), secret);
        assert.deepEqual(await unwrapped(reader, wrapped), secret);
      }
      await using byId = await open(id);
      await assert.rejects(byId.rotate(), refused("KEY_ROTATION_ELSEWHERE"));
    });

    it("tell a want of permission from a wrong ciphertext", async () => {
      const { alias } = await newRootKey();
      await using keys = await open(alias);
      const wrapped = await keys.wrap(secret, context);
      const wrapping = await moto.newUser(["kms:DescribeKey", "kms:GenerateDataKey"]);
      const reading = await moto.newUser(["kms:DescribeKey", "kms:Decrypt"]);
      await moto.checkUsers(true);
      try {
        await using wrapper = await openAs(wrapping, `awskms:${alias}`);
        assert.ok((await wrapper.wrap(secret, context)).byteLength > 0);
        await assert.rejects(wrapper.unwrap(wrapped, context), refused("KEY_KEEPER_DENIES"));
        await using reader = await openAs(reading, `awskms:${alias}`);
        assert.deepEqual(await unwrapped(reader, wrapped), secret);
        await assert.rejects(reader.wrap(secret, context), refused("KEY_KEEPER_DENIES"));
        await assert.rejects(reader.rotate(), refused("KEY_KEEPER_DENIES"));
        const nobody = { ...moto.environment, AWS_ACCESS_KEY_ID: "AKIAIOSFODNN7EXAMPLE" };
        await assert.rejects(openAs(nobody, `awskms:${alias}`), refused("KEY_KEEPER_DENIES"));
      } finally {
        await moto.checkUsers(false);
      }
      const without = { ...moto.environment, AWS_ACCESS_KEY_ID: "", AWS_SECRET_ACCESS_KEY: "" };
      await assert.rejects(openAs(without, `awskms:${alias}`), refused("KEY_KEEPER_DENIES"));
    });

    it("are away or refuse this process, by whatever KMS or somebody before it says", async () => {
      const denial = "User: arn:aws:iam::123456789012:user/x is not authorized to perform: kms:Decrypt on resource: y";
      // What there is no key for is denied as well, and is no matter of permissions.
      const noKey =
        "The ciphertext refers to a customer master key that does not exist, or you are not allowed to access.";
      const says = (type: string, message = "no") => JSON.stringify({ __type: type, message });
      const answers: readonly (readonly [number, string, string])[] = [
        [400, says("AccessDeniedException", denial), "KEY_KEEPER_DENIES"],
        [400, says("AccessDeniedException", noKey), "KEY_UNWRAP_FAILED"],
        [400, says("InvalidCiphertextException"), "KEY_UNWRAP_FAILED"],
        [400, says("ExpiredTokenException"), "KEY_KEEPER_DENIES"],
        [400, says("UnrecognizedClientException"), "KEY_KEEPER_DENIES"],
        [400, says("DisabledException"), "KEY_ROOT_UNUSABLE"],
        [400, says("KMSInvalidStateException"), "KEY_ROOT_UNUSABLE"],
        [400, says("ThrottlingException"), "KEY_KEEPER_UNAVAILABLE"],
        [500, says("KMSInternalException"), "KEY_KEEPER_UNAVAILABLE"],
        [503, "<html>", "KEY_KEEPER_UNAVAILABLE"],
        [403, "<html>", "KEY_KEEPER_DENIES"],
        [200, '{"Plaintext":"c2VjcmV0', "KEY_KEEPER_UNAVAILABLE"],
      ];
      const Arn = "arn:aws:kms:eu-central-1:123456789012:key/11111111-2222-3333-4444-555555555555";
      const described = { KeyId: "x", Arn, Enabled: true, KeySpec: "SYMMETRIC_DEFAULT" };
      const dataKey = randomBytes(32);
      const opened = (KeyId: string) => JSON.stringify({ Plaintext: dataKey.toString("base64"), KeyId });
      // Whoever can write to our tables must not get us to take a key of their account for ours.
      const theirs = "arn:aws:kms:eu-central-1:210987654321:key/x";
      const all = [...answers, [200, opened(theirs), "KEY_UNWRAP_FAILED"], [200, opened(Arn), ""]] as const;
      // What is to be opened says which of the answers it gets.
      const sealed = all.map((_, index) => seal(dataKey, Buffer.from([2, 0, 1, index]), secret, context));
      const server = createServer(async (request, response) => {
        const asked = (await json(request)) as { readonly CiphertextBlob?: string };
        const index = Buffer.from(asked.CiphertextBlob ?? "", "base64")[0];
        const [status, body] = all[index ?? -1] ?? [200, JSON.stringify({ KeyMetadata: described })];
        response.writeHead(status, { "content-type": "application/x-amz-json-1.1" }).end(body);
      });
      await once(server.listen(0, "127.0.0.1"), "listening");
      const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
      await using keys = await openAs({ ...moto.environment, AWS_ENDPOINT_URL: endpoint }, `awskms:${Arn}`);
      await Promise.all(
        all.map(async ([status, body, reason], index) => {
          const asking = unwrapped(keys, sealed[index] ?? assert.fail());
          if (reason === "") return assert.deepEqual(await asking, secret);
          await assert.rejects(
            asking,
            (error) => refused(reason)(error) && !inspect(error).includes("c2VjcmV0"),
            `${status} ${body}`,
          );
        }),
      );
      server.close();
      server.closeAllConnections();
    });

    it("do not wait for credentials longer than for KMS", async () => {
      const { alias } = await newRootKey();
      const server = createServer(() => undefined);
      await once(server.listen(0, "127.0.0.1"), "listening");
      const environment = {
        ...{ ...moto.environment, AWS_ACCESS_KEY_ID: "", AWS_SECRET_ACCESS_KEY: "" },
        // Of a container's role, as in Amazon ECS.
        AWS_CONTAINER_CREDENTIALS_FULL_URI: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
      };
      const startedAt = performance.now();
      await assert.rejects(openAs(environment, `awskms:${alias}`), refused("KEY_KEEPER_UNAVAILABLE"));
      assert.ok(performance.now() - startedAt < BOUND_MS);
      server.close();
      server.closeAllConnections();
    });

    for (const how of ["frozen", "gone"] as const) {
      it(`wrap and unwrap by the data keys at hand while KMS is ${how}, and say within the bound what they cannot`, async () => {
        const { alias } = await newRootKey();
        await using keys = await open(alias);
        const wrapped = await keys.wrap(secret, context);
        await using other = await open(alias);
        const foreign = await other.wrap(secret, context);
        if (how === "gone") await moto.kill();
        else moto.freeze(true);

        assert.deepEqual(await unwrapped(keys, wrapped), secret);
        assert.deepEqual(await unwrapped(keys, await keys.wrap(secret, { ...context, asset: "a1" })), secret);
        clock.advance(DATA_KEY_MAX_AGE_MS);
        const startedAt = performance.now();
        await Promise.all(
          [
            keys.unwrap(wrapped, context),
            keys.unwrap(foreign, context),
            keys.wrap(secret, { purpose: "signing-key" }),
            keys.ping(),
            keys.rotate(),
            open(alias),
          ].map((asking) => assert.rejects(asking, refused("KEY_KEEPER_UNAVAILABLE"))),
        );
        assert.ok(performance.now() - startedAt < BOUND_MS);
        if (how === "gone") return;
        moto.freeze(false);
        assert.deepEqual(await unwrapped(keys, wrapped), secret);
        assert.deepEqual(await unwrapped(keys, foreign), secret);
      });
    }
  });
});
