import assert from "node:assert/strict";
import { constants, createPrivateKey, generateKeyPairSync, type KeyObject, randomBytes, sign } from "node:crypto";
import { mkdtemp, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SecretBytes } from "#pkg/keys/keys";
import { type KeyServer, startKeyServer } from "./key-server.ts";

const CONTENT_ID = randomBytes(16);
/** What the packager asks for, whatever it packages. */
const TYPES = ["SD", "HD", "UHD1", "UHD2", "AUDIO"];

interface Answer {
  readonly status: string;
  readonly tracks: readonly { readonly type: string; readonly key_id: string; readonly key: string }[];
}

describe("the key server of a packaging run", () => {
  let folder: string;
  let server: KeyServer;
  let signer: KeyObject;
  const keys = (["audio", "sd"] as const).map((keyClass) => ({
    keyClass,
    keyId: randomBytes(16),
    key: new SecretBytes(randomBytes(16)),
  }));

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "matinee-keys-"));
    server = await startKeyServer({ folder, contentId: CONTENT_ID, keys });
    const der = await readFile(join(folder, server.access.signingKeyPath));
    signer = createPrivateKey({ key: der, format: "der", type: "pkcs1" });
  });
  after(async () => {
    await server[Symbol.asyncDispose]();
    await rm(folder, { recursive: true, force: true });
  });

  async function ask(change: { key?: KeyObject; request?: object; path?: string; tamper?: (b: Buffer) => void } = {}) {
    const request = {
      ...{ content_id: CONTENT_ID.toString("base64"), policy: "", drm_types: ["WIDEVINE"], protection_scheme: "CBCS" },
      ...{ tracks: TYPES.map((type) => ({ type })), ...change.request },
    };
    const message = Buffer.from(JSON.stringify(request));
    const padding = constants.RSA_PKCS1_PSS_PADDING;
    const signature = sign("sha1", message, { key: change.key ?? signer, padding, saltLength: 20 });
    change.tamper?.(message);
    const response = await fetch(change.path ?? server.access.url, {
      method: "POST",
      body: JSON.stringify({
        ...{ request: message.toString("base64"), signature: signature.toString("base64"), signer: "matinee" },
      }),
    });
    const text = await response.text();
    if (!response.ok) return { status: response.status, text, answer: undefined };
    const { response: inner } = JSON.parse(text) as { response: string };
    return { status: 200, text, answer: JSON.parse(Buffer.from(inner, "base64").toString()) as Answer };
  }

  it("answers the keys of the classes that the asset has, in the packager's dialect", async () => {
    const { answer } = await ask();
    assert.equal(answer?.status, "OK");
    assert.deepEqual(
      answer?.tracks.map(({ type, key_id, key }) => [type, key_id, key]),
      keys.map(({ keyClass, keyId, key }) => [
        keyClass.toUpperCase(),
        keyId.toString("base64"),
        Buffer.from(key.reveal()).toString("base64"),
      ]),
    );
  });

  it("answers nobody who does not sign with the run's key", async () => {
    const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
    assert.equal((await ask({ key: privateKey })).status, 403);
    assert.equal(
      (await ask({ tamper: (message) => void message.writeUInt8(message.readUInt8(20) ^ 1, 20) })).status,
      403,
    );
    const unsigned = await fetch(server.access.url, { method: "POST", body: "{}" });
    assert.equal(unsigned.status, 403);
    const garbage = await fetch(server.access.url, { method: "POST", body: "garbage" });
    assert.equal(garbage.status, 400);
    const huge = await fetch(server.access.url, { method: "POST", body: "x".repeat(10_000_000) });
    assert.equal(huge.status, 400, "what is too long is answered, not cut off");
    assert.equal(server.answered, 1);
  });

  it("answers nothing for another asset, scheme or path", async () => {
    assert.equal((await ask({ request: { content_id: "AAAA" } })).status, 400);
    assert.equal((await ask({ request: { protection_scheme: "CENC" } })).status, 400);
    assert.equal((await ask({ path: new URL("/guess", server.access.url).href })).status, 403);
  });

  it("listens on the loopback only and lets nobody else read the signing key", async () => {
    assert.equal(new URL(server.access.url).hostname, "127.0.0.1");
    const { mode } = await stat(join(folder, server.access.signingKeyPath));
    assert.equal(mode & 0o777, 0o600);
  });

  it("ends with its signing key", async () => {
    const other = await mkdtemp(join(tmpdir(), "matinee-keys-"));
    const short = await startKeyServer({ folder: other, contentId: CONTENT_ID, keys });
    await short[Symbol.asyncDispose]();
    await assert.rejects(stat(join(other, short.access.signingKeyPath)));
    await assert.rejects(fetch(short.access.url, { method: "POST" }));
    await rm(other, { recursive: true });
  });
});
