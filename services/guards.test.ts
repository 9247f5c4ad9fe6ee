/** Guards of the whole code base: words, reasons, access, contracts. */

import assert from "node:assert/strict";
import { execFile, execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { createFileRegistry, type FileRegistry, fromBinary, isFieldSet } from "@bufbuild/protobuf";
import { FileDescriptorSetSchema, MethodOptionsSchema } from "@bufbuild/protobuf/wkt";
import { checkModules, printGraph } from "#pkg/app/graph";
import { declaredRoutes } from "#pkg/app/host-routes";
import { settingGroups } from "#pkg/app/settings";
import { printReference } from "#pkg/config/reference";
import { accessOf, checkAccess, methodName } from "#pkg/rpc/access";
import { contracts } from "#pkg/testkit/contracts";
import { brokenPromises, reasonsIn } from "#pkg/testkit/frozen";
import { modules } from "./targets.ts";

const ROOT = fileURLToPath(new URL("../", import.meta.url));

function files(folder: string, pattern: RegExp): string[] {
  return readdirSync(join(ROOT, folder), { recursive: true, encoding: "utf8" })
    .filter((name) => pattern.test(name) && !/(^|\/)(node_modules|gen|dist)\//.test(name))
    .map((name) => join(folder, name));
}

const read = (file: string) => readFileSync(join(ROOT, file), "utf8");
const isTest = (file: string) => /\.test\.tsx?$|\/(fixtures\/|conformance\.ts$)|^services\/scenarios\//.test(file);
const server = [...files("pkg", /\.ts$/), ...files("services", /\.ts$/)];
const clients = files("clients", /(?<!\.d)\.tsx?$/);

describe("the code base", () => {
  it("says how it is deployed only where it is deployed", () => {
    const word = /\ball-in-one\b|\bmesh\b/i;
    const found = [...server, ...files("proto/matinee", /\.proto$/), ...files("services", /\.sql$/)]
      .filter((file) => !file.startsWith("pkg/app/") && !/^services\/(main|guards\.test)\.ts$/.test(file))
      .filter((file) => !file.startsWith("services/scenarios/") && word.test(read(file)));
    assert.deepEqual(found, []);
  });

  it("gives each error reason in one place", () => {
    const places = new Map<string, string[]>();
    for (const file of server.filter((name) => !isTest(name))) {
      for (const reason of reasonsIn(read(file))) places.set(reason, [...(places.get(reason) ?? []), file]);
    }
    const doubled = [...places].filter(([, list]) => list.length > 1);
    assert.deepEqual(doubled, []);
    assert.ok(places.size > 100);
  });

  it("makes the errors of a service in its table", () => {
    const found = files("services", /\.ts$/).filter((file) => !isTest(file) && /\bnew AppError\(/.test(read(file)));
    assert.deepEqual(found, []);
  });

  it("exports by name", () => {
    const found = [...server, ...clients].filter((file) => /^export default\b/m.test(read(file)));
    // Vite asks for it.
    assert.deepEqual(found, ["clients/web/vite.config.ts"]);
  });

  it("takes time, chance and the environment from one place each", () => {
    const rules: readonly (readonly [RegExp, RegExp])[] = [
      // The runner of programs takes nothing from it for itself: it withholds the rest from its children.
      [
        /\bprocess\.env\b/,
        /^services\/main\.ts$|^pkg\/process\/environment\.ts$|^clients\/(cli\/matinee|web\/vite\.config)\.ts$/,
      ],
      // A build is dated when it ends.
      [/\bDate\.now\(|\bnew Date\(\)/, /^pkg\/clock\/|^clients\/(sdk\/clock|web\/finish-build)\.ts$/],
      [/\bMath\.random\(/, /^clients\/sdk\/clock\.ts$/],
      [/\bconsole\.\w/, /^$/],
    ];
    const found = rules.flatMap(([pattern, allowed]) =>
      [...server, ...clients]
        .filter((file) => !isTest(file) && !/^(pkg|clients\/sdk)\/test(kit|ing)\//.test(file) && !allowed.test(file))
        .filter((file) => pattern.test(read(file)))
        .map((file) => `${file}: ${pattern.source}`),
    );
    assert.deepEqual(found, []);
  });

  it("reads files and answers with bytes in one way, which nobody who leaves can break", () => {
    const stream = /\.pipe\(|\bpipeline\(|\bcreate(Read|Write)Stream\(|^import (?!type).*"node:stream(\/promises)?"/m;
    const found = [...server, ...files("clients/cli", /\.ts$/)]
      .filter((file) => !isTest(file) && !file.startsWith("pkg/testkit/"))
      // A log that is written until the process ends; a terminal that hides what is typed.
      .filter((file) => !["clients/cli/server.ts", "clients/cli/commands/login.ts"].includes(file))
      .filter((file) => stream.test(read(file)));
    assert.deepEqual(found, [], "read with pkg/files/read.ts, answer with pkg/http/send.ts");
    // The answers of the frame itself are short and come from send.ts too, or from what connect-node does.
    const chunked = server.filter((file) => !isTest(file) && /\bresponse\.write\(/.test(read(file)));
    assert.deepEqual(chunked, ["pkg/http/send.ts"]);
  });

  it("has no file that nobody could read in one go", () => {
    const long = [...server, ...clients].filter((file) => read(file).split("\n").length > 500);
    assert.deepEqual(long, []);
  });

  it("calls codes and states by their names in clients, where nobody knows their numbers", () => {
    const bare =
      /\b(code|state|kind|stage|reason|severity)(:| [!=]==) \d|\[\d+(, \d+)*\]\.includes\(\w+\.(code|state)\b/;
    assert.match("error.code === 5", bare);
    assert.match("[14, 4].includes(error.code)", bare);
    const found = clients.filter((file) => !isTest(file) && bare.test(read(file)));
    assert.deepEqual(found, []);
  });
});

const FROZEN = "proto/FROZEN";

/** Fails with what buf has to say. */
async function buf(...args: readonly string[]): Promise<void> {
  await promisify(execFile)(join(ROOT, "node_modules/.bin/buf"), args, { cwd: ROOT }).catch((error: unknown) => {
    assert.fail(error instanceof Error && "stdout" in error ? String(error.stdout) : String(error));
  });
}

/** The contracts that a source of buf's holds. */
async function descriptors(source: string): Promise<FileRegistry> {
  const { stdout } = await promisify(execFile)(
    join(ROOT, "node_modules/.bin/buf"),
    ["build", source, "-o", "-#format=binpb"],
    { cwd: ROOT, encoding: "buffer", maxBuffer: 1 << 26 },
  );
  return createFileRegistry(fromBinary(FileDescriptorSetSchema, stdout));
}

describe("the contracts", () => {
  it("say for every method who may call it, and name callers that exist", async () => {
    const known = new Set(readdirSync(join(ROOT, "services")));
    for (const file of await contracts()) {
      for (const method of file.services.flatMap((service) => service.methods)) {
        const { callers } = accessOf(method);
        for (const caller of callers) assert.ok(known.has(caller), `${methodName(method)} names ${caller}`);
      }
    }
  });

  it("say for every method what repeating it does, even where that is not known", async () => {
    for (const file of await contracts()) {
      for (const method of file.services.flatMap((service) => service.methods)) {
        const { options } = method.proto;
        assert.ok(options && isFieldSet(options, MethodOptionsSchema.field.idempotencyLevel), methodName(method));
      }
    }
  });

  it("pass buf's lint rules", () => buf("lint"));

  // Contracts are frozen from the commit that the file names; before there is one they may still change.
  if (existsSync(join(ROOT, FROZEN))) {
    const commit = read(FROZEN).trim();

    it("break nothing that was frozen", () => buf("breaking", "--against", `.git#ref=${commit}`));

    it("refuse nothing that was admitted when they were frozen", async () => {
      assert.deepEqual(brokenPromises(await descriptors(`.git#ref=${commit}`), await descriptors(".")), []);
    });

    it("give every reason that was given when they were frozen", () => {
      const now = new Set(server.filter((file) => !isTest(file)).flatMap((file) => reasonsIn(read(file))));
      const sources = [
        "pkg/*.ts",
        "services/*.ts",
        ":!*.test.ts",
        ":!*/fixtures/*",
        ":!*/conformance.ts",
        ":!services/scenarios",
      ];
      // Every line that may hold one, without names of files.
      const grep = ["grep", "-hE", '^  [A-Z][A-Z0-9_]*: \\[|reason: "[A-Z]', commit, "--", ...sources];
      const then = reasonsIn(execFileSync("git", grep, { cwd: ROOT, encoding: "utf8" }));
      assert.deepEqual(
        then.filter((reason) => !now.has(reason)),
        [],
      );
    });
  }
});

describe("the documents", () => {
  it("run sources with the Node that the house brings, not with the one that happens to be there", () => {
    const documents = execFileSync("git", ["ls-files", "*.md"], { cwd: ROOT, encoding: "utf8" }).trim().split("\n");
    const bare = /(?<!npx )(?<![\w-])node [\w./-]+\.ts/;
    const wrong = documents.filter((path) => existsSync(join(ROOT, path)) && bare.test(read(path)));
    assert.deepEqual(wrong, [], "write `npx node x.ts`, `npm run` or `make`: Node 18 does not run TypeScript");
  });

  it("list every setting as it is", () => {
    const path = "docs/settings.md";
    const written = existsSync(join(ROOT, path)) ? read(path) : "";
    const hint = `run: node services/main.ts --print-reference > ${path}`;
    assert.ok(written === printReference(settingGroups(modules)), hint);
  });
});

describe("the README", () => {
  it("draws the modules as they are", () => {
    const [, drawn = ""] = /<!-- graph -->\n([\s\S]*?)<!-- \/graph -->/.exec(read("README.md")) ?? [];
    assert.ok(drawn.trim() === printGraph(modules).trim(), "put what --print-graph prints between the graph marks");
  });
});

describe("the modules", () => {
  it("fit together: no name, service, event or issuer twice, and no circle of calls", () => {
    checkModules(modules);
  });

  it("say for every raw route who may call it", () => {
    const declared = declaredRoutes(modules);
    for (const { module, route } of declared) checkAccess(`${module} ${route.method} ${route.path}`, route.access);
    assert.ok(declared.length > 10);
  });

  it("consume only events that some module emits, and read only records that some module appends", () => {
    const emitted = new Set(modules.flatMap((module) => module.emits.map((event) => event.typeName)));
    const appended = new Set(modules.flatMap((module) => (module.appends ?? []).map((record) => record.typeName)));
    // Where a service's folder was deleted, what it said is waited for in vain, and nothing breaks.
    const isOurs = (typeName: string) => modules.some(({ name }) => typeName.split(".")[1] === name);
    const waits = modules.flatMap(({ name, consumes, reads = [] }) => [
      ...consumes.map(({ typeName }) => ({ name, typeName, isSaid: emitted.has(typeName) })),
      ...reads.map(({ typeName }) => ({ name, typeName, isSaid: appended.has(typeName) })),
    ]);
    assert.ok(waits.length > 10);
    for (const { name, typeName, isSaid } of waits) {
      assert.ok(isSaid || !isOurs(typeName), `${name} waits for ${typeName}, which nobody says`);
    }
  });
});
