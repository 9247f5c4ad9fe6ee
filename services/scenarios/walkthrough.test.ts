/** docs/walkthrough.sh says what is true: curl and jq alone come from sign-up to a decrypted segment. */

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { eventually } from "#pkg/testkit/eventually";
import { CatalogService } from "../../clients/sdk/gen/matinee/catalog/v1/catalog_service_pb.ts";
import { Protection } from "../../clients/sdk/gen/matinee/common/v1/media_pb.ts";
import { film } from "./films.ts";
import { newViewer } from "./people.ts";
import { inEveryTopology } from "./stories.ts";
import { importTitle } from "./titles.ts";

const WALKTHROUGH = fileURLToPath(new URL("../../docs/walkthrough.sh", import.meta.url));
const FILM = { seconds: 4, width: 640, height: 360, frameRate: "24/1" };

describe("the walk-through of the documents without anything to walk through", () => {
  const run = (...words: string[]) =>
    promisify(execFile)("bash", [WALKTHROUGH, ...words]).then(
      ({ stdout, stderr }) => ({ code: 0, stdout, stderr }),
      (error: { code: number; stdout: string; stderr: string }) => error,
    );

  it("says how it is used", async () => {
    const [none, help] = [await run(), await run("--help")];
    assert.equal(none.code, 2);
    assert.match(none.stderr, /^Usage: docs\/walkthrough\.sh URL \[SEARCH\][\s\S]*http:\/\/localhost:8080/);
    assert.equal(help.code, 0);
    assert.equal(help.stdout, none.stderr);
  });

  it("says that nothing answers", async () => {
    const { code, stderr } = await run("http://127.0.0.1:9");
    assert.equal(code, 1);
    assert.match(stderr, /nothing answers at http:\/\/127\.0\.0\.1:9/);
  });
});

inEveryTopology("the walk-through of the documents", (cluster) => {
  for (const { kind, name, protection, licence } of [
    { kind: "encrypted", name: "Walking to Aldermoor", protection: Protection.CBCS, licence: /"kty": "oct"/ },
    {
      kind: "in the clear",
      name: "Strolling to Brackwater",
      protection: Protection.CLEAR,
      licence: /No licence is needed/,
    },
  ]) {
    it(`goes from sign-up to the first second of a film, ${kind}`, async () => {
      await importTitle(cluster(), await film(FILM), { displayTitle: name }, protection);
      const catalog = (await newViewer(cluster())).platform.client(CatalogService);
      await eventually("search knows the film", async () => {
        const { hits } = await catalog.searchTitles({ query: name });
        return hits[0]?.title?.displayTitle === name;
      });
      // The last word may be unfinished.
      const said = await walk(cluster().origin, name.slice(0, -3));
      for (const line of [
        /^ {2}"account": "accounts\/[0-9a-f-]{36}"/m,
        new RegExp(`^ +${name} \\(.*\\) +360 lines`, "m"),
        /^ {2}"playSession": "playSessions\/[0-9a-f-]{36}"/m,
        /lowest rendition: \S+\.mp4/,
        licence,
        /decoded 24 frames/,
        /"heartbeatInterval": "\d+s"/,
        /^ +stopped$/m,
      ]) {
        assert.match(said, line);
      }
    });
  }
});

/** What the script printed; throws that and more where it did not exit with 0. */
async function walk(origin: string, search: string): Promise<string> {
  const { stdout } = await promisify(execFile)("bash", [WALKTHROUGH, origin, search]).catch(
    (error: Error & { stdout: string; stderr: string }) => {
      throw new Error(`${error.message}\n${error.stdout}\n${error.stderr}`);
    },
  );
  return stdout;
}
