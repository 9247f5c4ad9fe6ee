/** The web client as a host serves it: compressed, cached, across builds. */

import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, utimes, writeFile } from "node:fs/promises";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import { brotliCompressSync, brotliDecompressSync, gunzipSync, gzipSync } from "node:zlib";
import { openModules, type TestPlatform } from "#pkg/testkit/module";

const SCRIPT = `export const words = ${JSON.stringify("the same words again and again ".repeat(100))};`;

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: Buffer;
}

describe("the web client", () => {
  let folder: string;
  let platform: TestPlatform;

  const put = async (name: string, text: string, variants: readonly ("br" | "gz")[] = []) => {
    await writeFile(join(folder, name), text);
    if (variants.includes("br")) await writeFile(join(folder, `${name}.br`), brotliCompressSync(text));
    if (variants.includes("gz")) await writeFile(join(folder, `${name}.gz`), gzipSync(text));
  };
  /** As it comes over the wire: fetch would decompress. */
  const get = (path: string, headers: Record<string, string> = {}, method = "GET") =>
    new Promise<Answer>((resolve, reject) => {
      const sent = request(new URL(platform.url), { path, headers, method, agent: false }, (response) => {
        buffer(response).then(
          (body) => resolve({ status: response.statusCode ?? 0, headers: response.headers, body }),
          reject,
        );
      });
      sent.on("error", reject).end();
    });

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "matinee-web-"));
    await mkdir(join(folder, "assets"));
    await put("index.html", "<!doctype html>one", ["br", "gz"]);
    await put("icon.svg", "<svg/>");
    await put("assets/index-B1a2c3D4.js", SCRIPT, ["br", "gz"]);
    await put("assets/font-B1a2c3D4.woff2", "font");
    await put(".builds.json", "[]");
    await writeFile(join(folder, "..", "matinee-outside.txt"), "secret");
    platform = await openModules([], { settings: { WEB_ROOT: folder } });
  });

  afterEach(async () => {
    await platform[Symbol.asyncDispose]();
    await rm(folder, { recursive: true });
    await rm(join(folder, "..", "matinee-outside.txt"));
  });

  it("is served with the page for its own paths, and with nothing from outside its folder", async () => {
    for (const path of ["/", "/titles/1?x=2", "/index.html"]) {
      const page = await get(path);
      assert.equal(page.status, 200, path);
      assert.equal(page.headers["content-type"], "text/html; charset=utf-8");
      assert.equal(page.headers["cache-control"], "no-cache");
      assert.match(String(page.headers["content-security-policy"]), /default-src 'self'/);
      assert.equal(page.body.toString(), "<!doctype html>one");
    }
    assert.equal((await get("/assets/missing.js")).status, 404);
    assert.equal((await get("/.builds.json")).status, 404);
    assert.equal((await get("/assets/index-B1a2c3D4.js.br")).status, 404);
    assert.equal((await get("/", {}, "DELETE")).status, 405);
    for (const path of [
      "/..%2fmatinee-outside.txt",
      "/%2e%2e/matinee-outside.txt",
      "/assets/..%2f..%2fmatinee-outside.txt",
    ]) {
      assert.ok(!(await get(path)).body.toString().includes("secret"), path);
    }
  });

  it("comes compressed as the client takes it, each form under a name of its own in caches", async () => {
    const path = "/assets/index-B1a2c3D4.js";
    const plain = await get(path);
    const gzip = await get(path, { "accept-encoding": "gzip" });
    const brotli = await get(path, { "accept-encoding": "gzip, deflate, br" });
    const forms = [plain, gzip, brotli];
    assert.deepEqual(
      forms.map(({ headers }) => headers["content-encoding"]),
      [undefined, "gzip", "br"],
    );
    assert.equal(plain.body.toString(), SCRIPT);
    assert.equal(gunzipSync(gzip.body).toString(), SCRIPT);
    assert.equal(brotliDecompressSync(brotli.body).toString(), SCRIPT);
    assert.equal(new Set(forms.map(({ headers }) => headers.etag)).size, 3);
    for (const { headers, body } of forms) {
      assert.equal(headers.vary, "accept-encoding");
      assert.match(String(headers["content-type"]), /javascript/);
      assert.equal(headers["cache-control"], "public, max-age=31536000, immutable");
      assert.equal(headers["content-length"], String(body.byteLength));
    }
    const head = await get(path, { "accept-encoding": "br" }, "HEAD");
    assert.deepEqual([head.headers["content-length"], head.body.byteLength], [String(brotli.body.byteLength), 0]);
    const kept = await get(path, { "accept-encoding": "br", "if-none-match": String(brotli.headers.etag) });
    assert.deepEqual([kept.status, kept.headers.vary, kept.body.byteLength], [304, "accept-encoding", 0]);
    const other = await get(path, { "accept-encoding": "gzip", "if-none-match": String(brotli.headers.etag) });
    assert.equal(other.status, 200);
    const font = await get("/assets/font-B1a2c3D4.woff2", { "accept-encoding": "br" });
    assert.deepEqual([font.headers["content-encoding"], font.headers.vary], [undefined, undefined]);
  });

  it("follows a new build without a restart, and goes on serving what the build before left", async () => {
    assert.equal((await get("/")).body.toString(), "<!doctype html>one");
    await put("assets/index-NEWNEWNE.js", "export {};");
    await put("index.html", "<!doctype html>two");
    await rm(join(folder, "index.html.br"));
    await put(".builds.json", "[{}]");
    const until = async (path: string, text: string) => {
      while ((await get(path, { "accept-encoding": "br" })).body.toString() !== text) {
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    };
    await until("/assets/index-NEWNEWNE.js", "export {};");
    await until("/titles/1", "<!doctype html>two");
    assert.equal((await get("/assets/index-B1a2c3D4.js")).body.toString(), SCRIPT);
  });

  it("never answers with an old content under a new name, nor remembers one that changed", async () => {
    const before = await get("/icon.svg");
    await put("icon.svg", "<SVG/>");
    await utimes(join(folder, "icon.svg"), new Date(), new Date(Date.now() + 5_000));
    await put(".builds.json", "[{},{}]");
    for (;;) {
      const { headers, body } = await get("/icon.svg");
      if (headers.etag !== before.headers.etag) {
        assert.equal(body.toString(), "<SVG/>");
        break;
      }
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    assert.equal((await get("/icon.svg", { "if-none-match": String(before.headers.etag) })).status, 200);
  });
});
