/** The command line. */

import assert from "node:assert/strict";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { AssetDeletedSchema } from "#gen/matinee/ingestion/v1/events_pb";
import type { Module } from "./module.ts";
import { run } from "./run.ts";

const bare = {
  config: {},
  serves: [],
  routes: [],
  calls: [],
  needs: [],
  emits: [],
  consumes: [],
  open: async () => ({}),
} as const;

const modules: readonly Module[] = [
  {
    ...bare,
    name: "ingestion",
    summary: "Takes films in",
    owns: ["asset"],
    emits: [AssetDeletedSchema],
    config: { partBytes: { type: "integer", default: 8, min: 5, max: 64, doc: "size of a part" } },
  },
  { ...bare, name: "license", summary: "Keeps keys", owns: ["content key"], consumes: [AssetDeletedSchema] },
];

async function command(argv: readonly string[], env: Record<string, string> = {}, opened = modules) {
  let [out, err] = ["", ""];
  const code = await run({
    argv,
    env,
    modules: opened,
    script: "unused",
    out: {
      write: (text) => {
        out += text;
      },
    },
    err: {
      write: (text) => {
        err += text;
      },
    },
  });
  return { code, out, err };
}

describe("the server's command line", () => {
  it("rotates the root keys that its targets use, each once", async () => {
    const folder = await mkdtemp(join(tmpdir(), "matinee-rotate-"));
    try {
      const keeper = modules.map((one): Module => ({ ...one, needs: ["contentKeys", "signingKeys"] }));
      const [content, signing] = ["content", "signing"].map((name) => join(folder, `${name}.key`));
      const env = { KEYS_CONTENT: `file://${content}`, LOG_LEVEL: "error" };
      const rotate = (more: Record<string, string>) => command(["rotate-keys"], { ...env, ...more }, keeper);
      assert.equal((await rotate({ KEYS_SIGNING: `file://${signing}` })).code, 0);
      assert.equal((await rotate({ KEYS_SIGNING: `file://${content}` })).code, 0);
      const keysIn = async (path = "") => JSON.parse(await readFile(path, "utf8")).rootKeys.length;
      assert.deepEqual([await keysIn(content), await keysIn(signing)], [3, 2]);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });

  it("helps, with a line for each module", async () => {
    const { code, out } = await command(["--help"]);
    assert.equal(code, 0);
    assert.match(out, /--target/);
    assert.match(out, / ingestion {2}Takes films in/);
  });

  it("draws who owns, calls, emits and consumes what", async () => {
    const { code, out } = await command(["--print-graph"]);
    assert.equal(code, 0);
    assert.match(out, /\| ingestion \| asset \| – \| AssetDeleted \| – \| – \|/);
    assert.match(out, /ingestion -\. AssetDeleted \.-> license/);
  });

  it("shows every setting of the targets with its source, and no secret", async () => {
    const env = { INGESTION_PART_BYTES: "16", POSTGRES_ROLE_SECRET: "hunter2" };
    const { code, out } = await command(["--print-config", "--target=ingestion"], env);
    assert.equal(code, 0);
    assert.match(out, /INGESTION_PART_BYTES +16 +environment +size of a part/);
    assert.match(out, /POSTGRES_ROLE_SECRET +\[redacted\] +environment/);
    assert.ok(!out.includes("hunter2"));
  });

  it("says what is wrong with a command or a setting and ends with 2", async () => {
    const unknown = await command(["--target=kitchen"]);
    assert.deepEqual([unknown.code, unknown.err.split("\n")[0]], [2, 'there is no module named "kitchen"']);
    assert.equal((await command(["--no-such-option"])).code, 2);
    assert.equal((await command(["dance"])).code, 2);
    const setting = await command(["--target=license"], { INGESTION_PARTS: "1", LOG_LEVEL: "loud" });
    assert.equal(setting.code, 2);
    assert.match(setting.err, /LOG_LEVEL: "loud" is not one of debug, info, warn, error/);
    assert.match(setting.err, /INGESTION_PARTS: there is no such setting/);
  });
});

describe("the data folder", () => {
  it("is refused in one sentence where it cannot be one, instead of hanging or an errno", async () => {
    for (const [folder, why] of [
      ["/proc/nope", "nothing can be made there"],
      ["/etc/hostname", "it, or what stands above it, is a file"],
      ["/etc/hostname/data", "it, or what stands above it, is a file"],
    ] as const) {
      const { code, err } = await command([], { DATA: folder, LISTEN: "off", INTERNAL_LISTEN: "off" });
      assert.deepEqual([code, err], [1, `DATA: ${folder} cannot be used as a folder: ${why}\n`]);
    }
  });
});
