import assert from "node:assert/strict";
import { chmod, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { refused } from "#pkg/testkit/refused";
import { describeKeys } from "./conformance.ts";
import { openFileKeys, openMemoryKeys } from "./file.ts";

describeKeys("file", async () => {
  const folder = await mkdtemp(join(tmpdir(), "matinee-keys-"));
  const path = join(folder, "root.key");
  const keys = await openFileKeys(path);
  return {
    keys,
    async [Symbol.asyncDispose]() {
      await keys[Symbol.asyncDispose]();
      await rm(folder, { recursive: true, force: true });
    },
  };
});

describeKeys("memory", async () => {
  const keys = await openMemoryKeys();
  return { keys, [Symbol.asyncDispose]: () => keys[Symbol.asyncDispose]() };
});

describe("the root key file", () => {
  let folder: string;
  let path: string;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "matinee-keys-"));
    path = join(folder, "keys", "root.key");
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  it("is made once, private, also when many open it at the same moment", async () => {
    const opened = await Promise.all(Array.from({ length: 8 }, () => openFileKeys(path)));
    assert.equal((await stat(path)).mode & 0o777, 0o600);
    assert.deepEqual(await readdir(join(folder, "keys")), ["root.key"]);
    const wrapped = await opened[0]?.wrap(Buffer.from("secret"), {});
    for (const keys of opened) {
      assert.equal(Buffer.from((await keys.unwrap(wrapped ?? new Uint8Array(), {})).reveal()).toString(), "secret");
    }
  });

  it("is refused when others than its owner can read it", async () => {
    await openFileKeys(path);
    await chmod(path, 0o640);
    await assert.rejects(openFileKeys(path), refused("KEY_FILE_EXPOSED"));
  });

  it("is refused when it is no key file, and never replaced", async () => {
    await openFileKeys(path);
    await writeFile(path, "not a key file");
    await assert.rejects(openFileKeys(path), refused("KEY_FILE_INVALID"));
    assert.equal(await readFile(path, "utf8"), "not a key file");
  });

  it("lets a running process read what was wrapped after a rotation elsewhere", async () => {
    const running = await openFileKeys(path);
    const old = await running.wrap(Buffer.from("old"), {});
    const other = await openFileKeys(path);
    await other.rotate();
    const wrapped = await other.wrap(Buffer.from("secret"), {});
    assert.notDeepEqual(wrapped.subarray(1, 9), old.subarray(1, 9));
    assert.equal(Buffer.from((await running.unwrap(wrapped, {})).reveal()).toString(), "secret");
    assert.equal(Buffer.from((await other.unwrap(old, {})).reveal()).toString(), "old");
  });
});
