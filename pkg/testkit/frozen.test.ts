import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { cp, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { createFileRegistry, type FileRegistry, fromBinary } from "@bufbuild/protobuf";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import { brokenPromises, reasonsIn } from "./frozen.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));

const FROZEN = `
service ShopService {
  rpc Buy(BuyRequest) returns (BuyResponse) {
    option idempotency_level = IDEMPOTENT;
    option (matinee.options.v1.access) = {
      exposure: EXPOSURE_EDGE
      principals: [PRINCIPAL_ACCOUNT, PRINCIPAL_SERVICE]
      permissions: ["shop.read"]
      callers: ["till", "web"]
    };
  }
}
message BuyRequest {
  option (buf.validate.message).cel = {id: "a", message: "a", expression: "this.count > 0"};
  string name = 1 [(buf.validate.field).string = {min_len: 2, max_len: 20}];
  int32 count = 2 [(buf.validate.field).int32 = {gte: 1, lte: 10}];
  repeated string tags = 3 [(buf.validate.field).repeated = {max_items: 5, items: {string: {pattern: "^[a-z]+$"}}}];
  string color = 4 [(buf.validate.field).string = {in: ["red", "green"]}];
  google.protobuf.Duration patience = 5 [(buf.validate.field).duration = {lte: {seconds: 60}}];
  string note = 6;
  oneof payment { string card = 7; string cash = 8; }
}
message BuyResponse {}`;

/** Every change that refuses what was promised, and what the guard says of it. */
const STRICTER: readonly (readonly [string, string, string])[] = [
  ["IDEMPOTENT", "IDEMPOTENCY_UNKNOWN", "t.v1.ShopService/Buy: may no longer be repeated as before"],
  ["EXPOSURE_EDGE", "EXPOSURE_INTERNAL", "t.v1.ShopService/Buy: left the edge"],
  ["PRINCIPAL_ACCOUNT, ", "", "t.v1.ShopService/Buy: principal 2 is no longer admitted"],
  [', "web"', "", "t.v1.ShopService/Buy: caller web is no longer admitted"],
  ['["shop.read"]', '["shop.read", "shop.write"]', "t.v1.ShopService/Buy: permission shop.write is needed now"],
  ["this.count > 0", "this.count > 1", "t.v1.BuyRequest: cel is stricter"],
  ["min_len: 2", "min_len: 3", "t.v1.BuyRequest.name: min_len is stricter"],
  ["max_len: 20", "max_len: 9", "t.v1.BuyRequest.name: max_len is stricter"],
  ["lte: 10", "lte: 9", "t.v1.BuyRequest.count: lte is stricter"],
  ["max_items: 5", "max_items: 5, unique: true", "t.v1.BuyRequest.tags: unique is stricter"],
  ["^[a-z]+$", "^[a-y]+$", "t.v1.BuyRequest.tags: pattern is stricter"],
  [', "green"', "", "t.v1.BuyRequest.color: in is stricter"],
  ["{seconds: 60}", "{seconds: 7}", "t.v1.BuyRequest.patience: lte is stricter"],
  ["note = 6;", "note = 6 [(buf.validate.field).string.max_len = 5];", "t.v1.BuyRequest.note: max_len is stricter"],
  [
    "oneof payment {",
    "oneof payment { option (buf.validate.oneof).required = true;",
    "t.v1.BuyRequest.payment: required is stricter",
  ],
  [
    "note = 6;",
    "note = 6; string new = 9 [(buf.validate.field).required = true];",
    "t.v1.BuyRequest.new: required is stricter",
  ],
];

const LOOSER: readonly (readonly [string, string])[] = [
  ["IDEMPOTENT", "NO_SIDE_EFFECTS"],
  ["PRINCIPAL_ACCOUNT", "PRINCIPAL_ANYONE, PRINCIPAL_ACCOUNT"],
  ['"till"', '"bank", "till"'],
  ['["shop.read"]', "[]"],
  ["  option (buf.validate.message).cel", "  // option (buf.validate.message).cel"],
  ["min_len: 2, max_len: 20", "min_len: 1, max_len: 200"],
  ["gte: 1, lte: 10", "lte: 11"],
  ['max_items: 5, items: {string: {pattern: "^[a-z]+$"}}', "max_items: 6"],
  ['"green"', '"green", "blue"'],
  ["{seconds: 60}", "{seconds: 61}"],
  ["note = 6;", "note = 6; string new = 9 [(buf.validate.field).string.max_len = 5];"],
];

interface Output {
  readonly stdout: Buffer;
}

const run = (args: readonly string[]): Promise<Output> =>
  promisify(execFile)(join(ROOT, "node_modules/.bin/buf"), args, { encoding: "buffer" });

const change = (changes: readonly (readonly [string, string, ...unknown[]])[]) =>
  changes.reduce((text, [from, to]) => {
    assert.ok(text.includes(from), from);
    return text.replace(from, () => to);
  }, FROZEN);

describe("frozen contracts", () => {
  let folder: string;
  let frozen: FileRegistry;

  async function build(text: string): Promise<FileRegistry> {
    const head = ["buf/validate/validate.proto", "google/protobuf/duration.proto", "matinee/options/v1/access.proto"];
    const imports = head.map((path) => `import "${path}";`).join("\n");
    await writeFile(join(folder, "t/v1/t.proto"), `syntax = "proto3";\npackage t.v1;\n${imports}\n${text}\n`);
    const { stdout } = await run(["build", folder, "-o", "-#format=binpb"]);
    return createFileRegistry(fromBinary(FileDescriptorSetSchema, stdout));
  }

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "matinee-frozen-"));
    await mkdir(join(folder, "t/v1"), { recursive: true });
    await cp(join(ROOT, "proto/vendor/buf"), join(folder, "buf"), { recursive: true });
    await cp(join(ROOT, "proto/matinee/options"), join(folder, "matinee/options"), { recursive: true });
    frozen = await build(FROZEN);
  });
  after(() => rm(folder, { recursive: true, force: true }));

  it("stay as they are, or admit more", async () => {
    assert.deepEqual(brokenPromises(frozen, frozen), []);
    assert.deepEqual(brokenPromises(frozen, await build(change(LOOSER))), []);
  });

  for (const stricter of STRICTER) {
    const [from, to, said] = stricter;
    it(`are broken by ${JSON.stringify(to || `no ${from}`)}`, async () => {
      assert.deepEqual(brokenPromises(frozen, await build(change([stricter]))), [said]);
    });
  }

  it("lose nothing that buf sees", async () => {
    const image = join(folder, "frozen.binpb");
    const config = '{"version":"v2","breaking":{"use":["FILE"]}}';
    const breaking = () => run(["breaking", folder, "--against", image, "--config", config]);
    await build(FROZEN);
    await run(["build", folder, "-o", image]);
    await breaking();
    await build(change([["string note = 6;", ""]]));
    await assert.rejects(breaking, (error) => /field "6" with name "note"/.test(String((error as Output).stdout)));
  });

  it("know the reasons of tables and of what is no error", () => {
    const table = 'export const errors = defineErrors({\n  NOT_HERE: ["not_found", "no"],\n  THERE: [\n    "aborted"';
    assert.deepEqual(reasonsIn(`${table}\n{ reason: "WAITS" }`), ["NOT_HERE", "THERE", "WAITS"]);
  });
});
