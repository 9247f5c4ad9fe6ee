/** Uploads that are interrupted on either side, given up, forgotten, or damaged on the way. */

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, readFile } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { eventually } from "#pkg/testkit/eventually";
import { toMatineeError } from "../../clients/sdk/errors.ts";
import { folderStateStore, openFileSource } from "../../clients/sdk/file-node.ts";
import { Asset_State } from "../../clients/sdk/gen/matinee/ingestion/v1/asset_pb.ts";
import { IngestionService } from "../../clients/sdk/gen/matinee/ingestion/v1/ingestion_service_pb.ts";
import { type Upload, Upload_State } from "../../clients/sdk/gen/matinee/ingestion/v1/upload_pb.ts";
import { uploadFile } from "../../clients/sdk/upload.ts";
import { memoryStateStore, type UploadState } from "../../clients/sdk/upload-state.ts";
import { film, scratchFolder } from "./films.ts";
import { operatorOf, type Person } from "./people.ts";
import { inEveryTopology, PART_BYTES } from "./stories.ts";
import { idOf } from "./titles.ts";
import { filesBeside, keptFiles, type PartPut, recordedPut, sha256Of } from "./uploading.ts";

const CLIENT = fileURLToPath(new URL("upload-client.ts", import.meta.url));
const PARTS = 6;

inEveryTopology("an upload", (cluster) => {
  let operator: Person;
  let path: string;
  let bytes: Buffer;

  const ingestion = () => operator.platform.client(IngestionService);

  async function storedParts(name: string): Promise<readonly number[]> {
    const { parts } = await ingestion().listUploadParts({ name });
    return parts.map(({ number }) => number);
  }

  async function untilArchived(asset: string): Promise<void> {
    const done = await eventually("the asset is inspected", async () => {
      const answer = await ingestion().getAsset({ name: asset });
      return answer.asset?.state === Asset_State.INSPECTING ? undefined : answer.asset;
    });
    assert.equal(done.state, Asset_State.READY, done.rejection?.message ?? "");
    assert.equal(done.sha256, sha256Of(bytes));
  }

  /** An upload with its parts in memory, for what the SDK never does. */
  async function begin(sizeBytes = bytes.byteLength): Promise<Upload> {
    const request = { fileName: "odd.mkv", sizeBytes: BigInt(sizeBytes), requestId: randomUUID() };
    const { upload } = await ingestion().createUpload(request);
    if (upload === undefined) return assert.fail("no upload");
    return upload;
  }

  async function putPart(upload: Upload, number: number, body: Buffer, sha256 = sha256Of(body)): Promise<Response> {
    const { parts } = await ingestion().signUploadParts({ name: upload.name, parts: [{ number, sha256 }] });
    const [signed] = parts;
    return fetch(operator.platform.url(signed?.url ?? ""), {
      method: "PUT",
      headers: signed?.headers ?? {},
      body: new Uint8Array(body),
    });
  }

  const partOf = (number: number) => bytes.subarray((number - 1) * PART_BYTES, number * PART_BYTES);

  before(async () => {
    operator = await operatorOf(cluster());
    path = await film({ seconds: 4, width: 640, height: 360, frameRate: "25/1", padToBytes: (PARTS - 1) * PART_BYTES });
    bytes = await readFile(path);
    assert.equal(Math.ceil(bytes.byteLength / PART_BYTES), PARTS);
  });

  it("goes on where its client was killed, and sends only what is missing", async () => {
    const states = await mkdtemp(join(await scratchFolder(), "states-"));
    const token = (await operator.session.accessToken()) ?? "";
    const client = spawn(process.execPath, [CLIENT, cluster().origin, token, path, states, "4"], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const exit = once(client, "exit");
    const stalled = new Set<string>();
    for await (const line of createInterface({ input: client.stdout })) {
      stalled.add(line);
      if (stalled.size === 3) break;
    }
    const [entry] = await folderStateStore<UploadState>(states).list();
    const name = entry?.[1].upload ?? "";
    await eventually("the parts before are stored", async () => (await storedParts(name)).length === 3);
    client.kill("SIGKILL");
    assert.deepEqual(await exit, [null, "SIGKILL"]);

    const puts: PartPut[] = [];
    const resumed: number[] = [];
    const result = await uploadFile(operator.platform, {
      source: await openFileSource(path),
      states: folderStateStore(states),
      put: recordedPut(puts),
      onProgress: ({ resumedBytes }) => resumed.push(resumedBytes),
    });
    assert.equal(result.upload, name);
    assert.deepEqual(puts.map(({ number }) => number).toSorted(), [4, 5, 6]);
    assert.equal(Math.max(...resumed), 3 * PART_BYTES);
    await untilArchived(result.asset);
  });

  it("goes on when the whole platform was killed under it and is back", async () => {
    const puts: PartPut[] = [];
    const states = memoryStateStore<UploadState>();
    let killed: Promise<void> | undefined;
    const put = recordedPut(puts, async (number) => {
      if (number !== 4 || killed !== undefined) return;
      killed = cluster()
        .kill()
        .then(() => cluster().restart());
      await cluster().kill();
    });
    const source = await openFileSource(path);
    const send = (): Promise<{ readonly asset: string }> => uploadFile(operator.platform, { source, states, put });
    const first = await send().catch((error: unknown) => toMatineeError(error));
    await killed;
    // A client that has given up starts again, as the studio page does.
    const result = "asset" in first ? first : await send();
    await untilArchived(result.asset);
    const stored = puts.filter(({ status }) => status < 300).map(({ number }) => number);
    assert.deepEqual(stored.toSorted(), [1, 2, 3, 4, 5, 6], "every part is stored once");
  });

  it("refuses a part that is not what was signed, and keeps nothing of it", async () => {
    const kept = await keptFiles(cluster());
    const upload = await begin();
    const created = await keptFiles(cluster());
    const damaged = Buffer.from(partOf(1));
    damaged[1000] = (damaged[1000] ?? 0) ^ 1;
    const answer = await putPart(upload, 1, damaged, sha256Of(partOf(1)));
    assert.equal(answer.status, 400);
    assert.match(await answer.text(), /BadDigest|BLOB_CHECKSUM_MISMATCH/);
    const short = await putPart(upload, 1, partOf(1).subarray(0, 1000), sha256Of(partOf(1)));
    assert.ok(short.status >= 400 && short.status < 500, `${short.status}`);
    assert.deepEqual(await storedParts(upload.name), []);
    assert.deepEqual(await filesBeside(cluster(), created), []);
    assert.ok((await putPart(upload, 1, partOf(1))).ok, "the right bytes are still welcome");
    const incomplete = await ingestion()
      .completeUpload({ name: upload.name, sha256: sha256Of(bytes) })
      .catch((error: unknown) => toMatineeError(error));
    assert.ok("reason" in incomplete && incomplete.reason === "UPLOAD_PARTS_MISSING");
    assert.equal(incomplete.metadata.parts, "2-6");
    await ingestion().abortUpload({ name: upload.name });
    await eventually("nothing is left", async () => {
      assert.deepEqual(await filesBeside(cluster(), kept), []);
      return true;
    });
  });

  it("refuses a whole that is not the file that the client read, and keeps nothing of it", async () => {
    const kept = await keptFiles(cluster());
    const upload = await begin();
    for (let number = 1; number <= PARTS; number++) assert.ok((await putPart(upload, number, partOf(number))).ok);
    await ingestion().completeUpload({ name: upload.name, sha256: sha256Of(Buffer.from("another file")) });
    const asset = await eventually("the asset is refused", async () => {
      const answer = await ingestion().getAsset({ name: upload.asset });
      return answer.asset?.state === Asset_State.REJECTED ? answer.asset : undefined;
    });
    assert.equal(asset.rejection?.reason, "UPLOAD_CHECKSUM_MISMATCH");
    await eventually("nothing is left", async () => {
      assert.deepEqual(await filesBeside(cluster(), kept), []);
      return true;
    });
  });

  it("that was given up takes no more parts and leaves none", async () => {
    const kept = await keptFiles(cluster());
    const upload = await begin();
    const { parts } = await ingestion().signUploadParts({
      name: upload.name,
      parts: [{ number: 2, sha256: sha256Of(partOf(2)) }],
    });
    assert.ok((await putPart(upload, 1, partOf(1))).ok);
    const { upload: aborted } = await ingestion().abortUpload({ name: upload.name });
    assert.equal(aborted?.state, Upload_State.ABORTED);
    const late = await fetch(operator.platform.url(parts[0]?.url ?? ""), {
      method: "PUT",
      headers: parts[0]?.headers ?? {},
      body: new Uint8Array(partOf(2)),
    });
    assert.ok(late.status >= 400, `${late.status}`);
    const again = await ingestion().abortUpload({ name: upload.name });
    assert.equal(again.upload?.state, Upload_State.ABORTED);
    await eventually("nothing is left", async () => {
      assert.deepEqual(await filesBeside(cluster(), kept), []);
      return true;
    });
  });

  it("that nobody finishes in time expires and leaves nothing", async () => {
    const kept = await keptFiles(cluster());
    const upload = await begin();
    assert.ok((await putPart(upload, 1, partOf(1))).ok);
    await cluster().sql("update ingestion.uploads set expires_at = now() - interval '1 second' where id = $1", [
      idOf(upload.name),
    ]);
    await eventually("it expires", async () => {
      const answer = await ingestion().getUpload({ name: upload.name });
      return answer.upload?.state === Upload_State.EXPIRED;
    });
    const late = await putPart(upload, 2, partOf(2)).catch((error: unknown) => toMatineeError(error));
    assert.ok("reason" in late && late.reason === "UPLOAD_NOT_ACTIVE");
    await eventually("nothing is left", async () => {
      assert.deepEqual(await filesBeside(cluster(), kept), []);
      return true;
    });
  });
});
