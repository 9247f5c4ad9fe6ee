/** The last step of a build: what it makes, keeps and takes away. */

import assert from "node:assert/strict";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { brotliDecompressSync, gunzipSync } from "node:zlib";
import { compress, retire } from "./finish-build.ts";

const DAY_MS = 24 * 60 * 60 * 1000;

describe("the end of a build", () => {
  let folder: string;

  const names = async () => (await readdir(join(folder, "assets"))).sort();
  const put = (name: string, text = "x") => writeFile(join(folder, name), text);

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "matinee-build-"));
    await mkdir(join(folder, "assets"));
  });
  afterEach(() => rm(folder, { recursive: true }));

  it("compresses what is text and gains by it", async () => {
    const text = "the same words ".repeat(500);
    await put("assets/a.js", text);
    await put("assets/b.woff2", text);
    await put("assets/c.js", "short");
    await put("assets/c.js.br", "of another file");
    for (const name of ["assets/a.js", "assets/b.woff2", "assets/c.js"]) await compress(folder, name);
    assert.deepEqual(await names(), ["a.js", "a.js.br", "a.js.gz", "b.woff2", "c.js"]);
    assert.equal(brotliDecompressSync(await readFile(join(folder, "assets/a.js.br"))).toString(), text);
    assert.equal(gunzipSync(await readFile(join(folder, "assets/a.js.gz"))).toString(), text);
  });

  it("keeps what open tabs may ask for, and takes the rest away after two weeks", async () => {
    const build = async (day: number, ...assets: string[]) => {
      for (const name of [...assets, "index.html"]) await put(name);
      await put(`${assets[0]}.br`);
      await retire(folder, [...assets, "index.html"], new Date(day * DAY_MS));
    };
    await put("stray.txt");
    await put("assets/a-0.js");
    await build(0, "assets/a-1.js", "assets/shared.js");
    await build(1, "assets/a-2.js", "assets/shared.js");
    assert.deepEqual(await names(), ["a-0.js", "a-1.js", "a-1.js.br", "a-2.js", "a-2.js.br", "shared.js"]);
    await build(2, "assets/a-3.js");
    assert.deepEqual((await names()).length, 8);
    // The same again is no new build.
    await build(3, "assets/a-3.js");
    assert.deepEqual((await names()).length, 8);
    await build(40, "assets/a-4.js");
    assert.deepEqual(await names(), ["a-3.js", "a-3.js.br", "a-4.js", "a-4.js.br"]);
    assert.deepEqual((await readdir(folder)).sort(), [".builds.json", "assets", "index.html"]);
  });
});
