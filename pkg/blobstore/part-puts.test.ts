import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { mkdtemp, readdir, rm, stat } from "node:fs/promises";
import { type ClientRequest, createServer, request as httpRequest, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { ManualClock } from "#pkg/clock/clock";
import { silentLogger } from "#pkg/obs/logger";
import type { Call, Route } from "#pkg/rpc/call";
import { eventually } from "#pkg/testkit/eventually";
import { openBlobStore } from "./open.ts";
import type { OpenedBlobStore } from "./opened.ts";

const SIZE = 2 * 1024 * 1024;

describe("PUTs of parts", () => {
  const clock = new ManualClock(new Date());
  let resources: AsyncDisposableStack;
  let opened: OpenedBlobStore;
  let origin: string;
  let folder: string;
  const body = randomBytes(SIZE);

  beforeEach(async () => {
    resources = new AsyncDisposableStack();
    folder = await mkdtemp(join(tmpdir(), "matinee-parts-"));
    resources.defer(() => rm(folder, { recursive: true, force: true }));
    opened = await openBlobStore(pathToFileURL(folder).href, {
      ...{ name: "originals", signingSecret: new Uint8Array(32).fill(7), clock, log: silentLogger },
    });
    resources.use(opened.store);
    const [route] = opened.routes as [Route];
    const prefix = route.path.replace("{key...}", "");
    const server = createServer((request, response) => {
      const key = new URL(request.url ?? "", "http://host").pathname.slice(prefix.length);
      route.handle(request, response, {} as Call, { key }).catch(() => response.destroy());
    });
    await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
    resources.defer(async () => {
      server.closeAllConnections();
      await new Promise((done) => server.close(done));
    });
    origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterEach(() => resources.disposeAsync());

  /** Begins to send a part and sends so much of it. */
  async function begin(multipartId: string, number: number, bytes: number): Promise<ClientRequest> {
    const sha256 = createHash("sha256").update(body).digest("hex");
    const expiresAt = new Date(clock.now().getTime() + 3_600_000);
    const signed = await opened.store.signPart("film", multipartId, { number, sizeBytes: SIZE, sha256, expiresAt });
    const request = httpRequest(new URL(signed.url, origin), {
      method: "PUT",
      headers: { ...signed.headers, "content-length": SIZE },
    });
    request.write(body.subarray(0, bytes));
    return request;
  }

  /** Status and S3's name of the answer, or that there was none. */
  async function answerTo(request: ClientRequest): Promise<string> {
    return new Promise((resolve) => {
      request.once("response", async (response: IncomingMessage) => {
        const chunks: Buffer[] = [];
        for await (const chunk of response) chunks.push(chunk as Buffer);
        const text = Buffer.concat(chunks).toString();
        const code = text === "" ? "" : ` ${(JSON.parse(text) as { code: string }).code}`;
        resolve(`${response.statusCode}${code}`);
      });
      request.once("error", () => resolve("no answer"));
    });
  }

  /** Sizes of the files in which parts are being received. */
  const received = async () => {
    const entries = await readdir(join(folder, "tmp"), { withFileTypes: true, recursive: true });
    const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
    return Promise.all(files.map(async (file) => (await stat(file)).size));
  };
  const building = async () => (await received()).length;

  it("hold one buffer for one part: the newest is taken, those before it are given up", async () => {
    const id = await opened.store.createMultipart("film");
    const given: Promise<string>[] = [];
    for (let count = 1; count <= 20; count++) {
      const stalled = await begin(id, 1, 1000);
      given.push(answerTo(stalled));
      await eventually("it is being received", async () => (await building()) >= 1);
    }
    await eventually("one is left", async () => (await building()) === 1);
    const whole = await begin(id, 1, SIZE);
    whole.end();
    assert.equal(await answerTo(whole), "200");
    for (const answer of given) assert.equal(await answer, "409 OperationAborted");
    assert.deepEqual((await opened.store.listParts("film", id)).length, 1);
    assert.equal(await building(), 0);
  });

  it("are a few at a time for one upload, and as many for another", async () => {
    const [one, other] = [await opened.store.createMultipart("film"), await opened.store.createMultipart("film")];
    const stalled: ClientRequest[] = [];
    for (let number = 1; number <= 16; number++) stalled.push(await begin(one, number, 1000));
    for (const request of stalled) request.on("error", () => {});
    await eventually("all are being received", async () => (await building()) === 16);
    const tooMany = await begin(one, 17, SIZE);
    tooMany.end();
    assert.equal(await answerTo(tooMany), "503 ServiceUnavailable");
    const free = await begin(other, 1, SIZE);
    free.end();
    assert.equal(await answerTo(free), "200");
    stalled[0]?.destroy();
    await eventually("a place is free", async () => (await building()) === 15);
    const next = await begin(one, 17, SIZE);
    next.end();
    assert.equal(await answerTo(next), "200");
    for (const request of stalled) request.destroy();
  });

  it("are given up where they stand still, and go on where they come slowly", async () => {
    const id = await opened.store.createMultipart("film");
    const [still, slow] = [await begin(id, 1, 1000), await begin(id, 2, 1_500_000)];
    const answers = [answerTo(still), answerTo(slow)];
    await eventually("both are being received", async () => (await building()) === 2);
    await eventually("more than the pace asks has come", async () => Math.max(...(await received())) > 1_000_000);
    clock.advance(30_000);
    assert.equal(await answers[0], "408 RequestTimeout");
    slow.end(body.subarray(1_500_000));
    assert.equal(await answers[1], "200");
    assert.equal(await building(), 0);
  });
});
