/** What every blob store promises of its keys, as tests. */

import assert from "node:assert/strict";
import { text } from "node:stream/consumers";
import { isAppError, isRetryable } from "#pkg/errors/errors";
import type { BlobStore } from "./blobstore.ts";

export interface KeysUnderTest {
  /** An empty store. */
  readonly store: BlobStore;
  /**
   * The engine keeps keys as paths of a file system, as some that speak S3's protocol do and S3 does not: no key beside
   * keys below it, no segment of more than 255 characters. It must refuse them.
   */
  readonly hasPathsForKeys?: boolean;
}

export function describeKeys(opened: () => KeysUnderTest): void {
  describe("keys", () => {
    let store: BlobStore;

    before(() => {
      ({ store } = opened());
    });

    const read = async (key: string) => text((await store.get(key)).body);
    const keysOf = async (prefix: string) => {
      const keys: string[] = [];
      for await (const info of store.list(prefix)) keys.push(info.key);
      return keys;
    };
    const hasPaths = () => opened().hasPathsForKeys === true;

    it("refuses keys that another store could not hold or that leave the store", async () => {
      const bad = [
        "",
        "/a",
        "a/",
        "a//b",
        ".",
        "..",
        "../a",
        "a/../b",
        "a/./b",
        "a b",
        "a\\b",
        "ä",
        "a\0",
        "a".repeat(513),
      ];
      for (const key of bad) await assert.rejects(store.put(key, Buffer.from("x")), reason("BLOB_KEY_INVALID"), key);
    });

    it("holds a key beside the keys below it, and keys of 512 characters, or refuses them and keeps the others", async () => {
      const long = `keys/${"k".repeat(507)}`;
      const split = `${"s/".repeat(255)}ss`;
      assert.equal(split.length, 512);
      for (const key of ["keys/a", split]) await store.put(key, Buffer.from(key));
      for (const key of ["keys/a/b", long]) {
        const put = store.put(key, Buffer.from(key));
        if (!hasPaths()) await put;
        else await assert.rejects(put, (error) => !isRetryable(error), key);
      }
      for (const key of ["keys/a", split]) assert.equal(await read(key), key);
      if (!hasPaths()) for (const key of ["keys/a/b", long]) assert.equal(await read(key), key);
      assert.deepEqual(await keysOf("keys/"), hasPaths() ? ["keys/a"] : ["keys/a", "keys/a/b", long]);
    });

    it("lists in key order by any prefix", async () => {
      const keys = [
        "list/a-b",
        ...(hasPaths() ? [] : ["list/a"]),
        "list/a.b",
        "list/a/b",
        "list/a0",
        "list/B",
        "list/b/c/d",
        `list/${"c".repeat(hasPaths() ? 250 : 300)}`,
      ];
      for (const key of keys) await store.put(key, Buffer.from("x"));
      assert.deepEqual(await keysOf("list/"), [...keys].sort());
      assert.deepEqual(await keysOf("list/a/"), ["list/a/b"]);
      assert.deepEqual(await keysOf("list/b/c"), ["list/b/c/d"]);
      assert.deepEqual(await keysOf("list/none"), []);
      assert.deepEqual(await keysOf("list/cc"), keys.slice(-1));
    });

    it("lists no more than a listing knows", async () => {
      await store.put("listed/a", Buffer.from("abc"), { contentType: "text/plain" });
      const found = await store.find("listed/a");
      const listed = [];
      for await (const one of store.list("listed/")) listed.push(one);
      assert.deepEqual(listed, [{ key: "listed/a", sizeBytes: 3, updatedAt: found?.updatedAt }]);
    });

    it("deletes one object or all below a prefix", async () => {
      for (const key of ["gone/1", "gone/2/3", "gone-not"]) await store.put(key, Buffer.from("x"));
      await store.delete("gone/1");
      assert.deepEqual(await keysOf("gone/"), ["gone/2/3"]);
      await store.deletePrefix("gone/");
      assert.deepEqual(await keysOf("gone"), ["gone-not"]);
      await store.put("gone/1", Buffer.from("again"), { ifAbsent: true });
      assert.equal(await read("gone/1"), "again");
    });
  });
}

const reason = (expected: string) => (error: unknown) => isAppError(error, expected);
