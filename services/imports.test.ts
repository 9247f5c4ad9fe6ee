/** Guards the import matrix: who may import whom. */

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { checkModules } from "#pkg/app/graph";
import { settingGroups } from "#pkg/app/settings";
import { printReference } from "#pkg/config/reference";
import { modules } from "./targets.ts";

const ROOT = fileURLToPath(new URL("../", import.meta.url));

interface Import {
  /** From the root, such as `services/catalog/titles.ts`. */
  readonly file: string;
  /** As written, or from the root where it is relative. */
  readonly target: string;
  readonly typeOnly: boolean;
}

const STATIC = /^(?:import|export)\s+(type\s+)?([^"';]*?)from\s+"([^"]+)"/gm;
const BARE = /^import\s+"([^"]+)"/gm;
const DYNAMIC = /\bimport\(\s*"([^"]+)"\s*\)/g;

function sources(folder: string): string[] {
  return readdirSync(join(ROOT, folder), { recursive: true, encoding: "utf8" })
    .filter((name) => /\.tsx?$/.test(name) && !/(^|\/)(node_modules|gen|dist)\//.test(name))
    .map((name) => join(folder, name));
}

function importsOf(file: string): Import[] {
  const text = readFileSync(join(ROOT, file), "utf8");
  const resolved = (target: string) =>
    target.startsWith(".") ? relative(ROOT, join(ROOT, dirname(file), target)) : target;
  const all: Import[] = [];
  for (const [, type, names = "", target = ""] of text.matchAll(STATIC)) {
    const inner = /^\{([\s\S]*)\}\s*$/.exec(names.trim())?.[1];
    const everyType = inner?.split(",").every((name) => name.trim() === "" || name.trim().startsWith("type ")) ?? false;
    all.push({ file, target: resolved(target), typeOnly: type !== undefined || everyType });
  }
  for (const [, target = ""] of text.matchAll(BARE)) all.push({ file, target: resolved(target), typeOnly: false });
  for (const [, target = ""] of text.matchAll(DYNAMIC)) all.push({ file, target: resolved(target), typeOnly: false });
  return all;
}

/** Files of the tree that the file names, whatever way it does. */
function filesOf(file: string): readonly string[] {
  return importsOf(file)
    .map(({ target }) => target.replace(/^#(pkg\/.*)$/, "$1.ts").replace(/^@matinee\/sdk\/(.*)$/, "clients/sdk/$1.ts"))
    .filter((target) => target.endsWith(".ts") || target.endsWith(".tsx"));
}

/** Sets of files each of which comes back to itself through the others (Tarjan's strongly connected components). */
function circles(graph: ReadonlyMap<string, readonly string[]>): readonly (readonly string[])[] {
  const order = new Map<string, number>();
  const lowest = new Map<string, number>();
  const open: string[] = [];
  const found: (readonly string[])[] = [];
  const visit = (file: string): number => {
    const own = order.size;
    order.set(file, own);
    lowest.set(file, own);
    open.push(file);
    for (const next of graph.get(file) ?? []) {
      const reached = order.has(next) ? (open.includes(next) ? order.get(next) : undefined) : visit(next);
      lowest.set(file, Math.min(lowest.get(file) ?? own, reached ?? own));
    }
    if (lowest.get(file) === own) {
      const circle = open.splice(open.indexOf(file));
      if (circle.length > 1) found.push(circle.sort());
    }
    return lowest.get(file) ?? own;
  };
  for (const file of graph.keys()) if (!order.has(file)) visit(file);
  return found;
}

const isTest = (file: string) =>
  /\.test\.tsx?$|(^|\/)(conformance|fixtures?)(\.ts$|\/)|^pkg\/testkit\/|^services\/scenarios\//.test(file);

const server = [...sources("pkg"), ...sources("services")];
const imports = server.flatMap(importsOf);
const others = ["clients", "films", "scripts", "bench"].flatMap(sources);

/** Says all violations at once. */
function none(violations: readonly Import[], rule: string): void {
  const lines = violations.map(({ file, target }) => `${file} imports ${target}`);
  assert.equal(lines.length, 0, `${rule}:\n  ${lines.join("\n  ")}`);
}

/** A vendor's SDK and the folders, or the one file, that may know it. */
const VENDORS: readonly (readonly [RegExp, readonly string[]])[] = [
  [/^pg$/, ["pkg/postgres"]],
  [/^jose$/, ["pkg/auth"]],
  [/^@connectrpc\/connect-node$/, ["pkg/rpc"]],
  [/^@bufbuild\/protovalidate$/, ["pkg/rpc"]],
  [/^(pino|pino-pretty|prom-client)$/, ["pkg/obs"]],
  // The API is what libraries instrument themselves with; the SDK exports.
  [/^@opentelemetry\/api$/, ["pkg/obs", "pkg/postgres"]],
  [/^@opentelemetry\/(?!api$)/, ["pkg/obs"]],
  [/^ioredis$/, ["pkg/cache"]],
  [/^kafkajs$/, ["pkg/eventlog"]],
  [/^@opensearch-project\//, ["pkg/search"]],
  [/^@aws-sdk\/client-kms$/, ["pkg/keys/awskms.ts"]],
  [
    /^@aws-sdk\/(client-s3|s3-request-presigner)$/,
    ["pkg/blobstore/s3.ts", "pkg/blobstore/s3-client.ts", "pkg/blobstore/s3-write.ts"],
  ],
  [/^@aws-sdk\/client-sqs$/, ["pkg/queue/sqs.ts"]],
  [/^@aws-sdk\//, ["pkg/blobstore", "pkg/queue", "pkg/eventbus", "pkg/keys"]],
  [/^node-forge$/, ["pkg/pki"]],
  [/^@grpc\//, []],
];

const ADAPTERS =
  /^#pkg\/(blobstore|search|eventlog|eventbus|queue|cache|keys)\/(open|postgres|memory|file|s3|sqs|eventbridge|kafka|opensearch|redis|awskms)$/;

/** Libraries that compute and do nothing else. */
const PURE = ["node:crypto", "@xmldom/xmldom", "fast-xml-parser"];

/** From the bottom up; a folder imports its own rank and those below. */
const RANKS: Readonly<Record<string, number>> = {
  aws: 0,
  errors: 0,
  files: 0,
  clock: 0,
  gen: 0,
  config: 1,
  obs: 2,
  aip: 3,
  pki: 3,
  process: 3,
  media: 3,
  http: 1,
  postgres: 3,
  work: 4,
  search: 4,
  eventlog: 4,
  eventbus: 4,
  queue: 4,
  cache: 4,
  keys: 4,
  auth: 5,
  rpc: 6,
  // Above the frame, because an adapter may serve the URLs that it signs.
  blobstore: 7,
  app: 8,
  testkit: 9,
};

const rankOf = (path: string) => {
  const folder = /^(?:#pkg|pkg)\/([^/]+)\//.exec(path)?.[1] ?? (path.startsWith("#gen/") ? "gen" : undefined);
  return folder === undefined ? undefined : RANKS[folder];
};

type Kind =
  | "domain"
  | "store"
  | "handler"
  | "convert"
  | "events"
  | "http"
  | "module"
  | "config"
  | "errors"
  | "peers"
  | "use case";

/** They keep what they are sent, and have nothing to convert it to. */
const WITHOUT_DOMAIN: ReadonlySet<string> = new Set(["transcode-worker"]);

/** The service that a file is part of and what it is there. */
function placeOf(file: string): { readonly service: string; readonly kind: Kind } | undefined {
  const [, service, rest] = /^services\/([^/]+)\/(.+)$/.exec(file) ?? [];
  if (service === undefined || rest === undefined || service === "scenarios") return undefined;
  const named = /^(?:film-|grant-)?(handler|convert|events|http|module|config|errors|peers)\.ts$/.exec(rest)?.[1] as
    | Kind
    | undefined;
  if (rest.startsWith("domain/")) return { service, kind: "domain" };
  if (rest.startsWith("store/")) return { service, kind: "store" };
  return { service, kind: named ?? "use case" };
}

describe("the import matrix", () => {
  it("keeps each vendor's SDK in its folder", () => {
    const violations = imports.filter(({ file, target }) => {
      if (isTest(file)) return false;
      const folders = VENDORS.find(([pattern]) => pattern.test(target))?.[1];
      return folders !== undefined && !folders.some((place) => file === place || file.startsWith(`${place}/`));
    });
    none(violations, "a vendor's SDK appears in one folder only");
  });

  it("lets pkg know nothing of services or clients", () => {
    none(
      imports.filter(({ file, target }) => file.startsWith("pkg/") && /^(services|clients)\//.test(target)),
      "pkg is below services",
    );
  });

  it("lets pkg import downwards only", () => {
    const violations = imports.filter(({ file, target }) => {
      if (isTest(file) || !file.startsWith("pkg/")) return false;
      const [own, other] = [rankOf(file), rankOf(target)];
      return own !== undefined && other !== undefined && other > own;
    });
    none(violations, "errors, clock < config < obs < ports < auth < rpc < blobstore < app");
  });

  it("has no circle of files, types included", () => {
    const all = [...server, ...others];
    const found = circles(new Map(all.map((file) => [file, filesOf(file)])));
    assert.deepEqual(found, [], "put what both need where neither is");
    assert.deepEqual(
      circles(
        new Map([
          ["a", ["b"]],
          ["b", ["c"]],
          ["c", ["b"]],
        ]),
      ),
      [["b", "c"]],
    );
  });

  it("has every folder of pkg in the order", () => {
    const folders = readdirSync(join(ROOT, "pkg"));
    assert.deepEqual(
      folders.filter((folder) => !(folder in RANKS)),
      [],
    );
  });

  it("keeps services apart from each other", () => {
    const violations = imports.filter(({ file, target }) => {
      const own = placeOf(file)?.service;
      const other = /^services\/([^/]+)\//.exec(target)?.[1];
      // A test may open a real peer beside its own service, through its module as a host does.
      if (isTest(file) && target.endsWith("/module.ts")) return false;
      return own !== undefined && other !== undefined && other !== own;
    });
    none(violations, "services talk through contracts, bus and log");
    none(
      imports.filter(
        ({ file, target }) =>
          /^services\/[^/]+\.ts$/.test(file) && /^services\/[^/]+\/(?!module\.ts$)/.test(target) && !isTest(file),
      ),
      "only module.ts of a service is seen from outside",
    );
  });

  it("lets clients know the platform by their SDK alone, and not each other", () => {
    const violations = sources("clients")
      .filter((file) => !isTest(file) && !file.startsWith("clients/sdk/testing/"))
      .flatMap(importsOf)
      .filter(({ file, target }) => {
        const [own] = /^clients\/\w+\//.exec(file) ?? [""];
        if (target.startsWith("clients/")) return !target.startsWith(own);
        return /^#|^(pkg|services|films|scripts|bench)\/|^@connectrpc\/connect-node$/.test(target);
      })
      // It looks at this machine as the platform would, not at the platform.
      .filter(({ file, target }) => !(file === "clients/cli/commands/doctor.ts" && target.startsWith("pkg/process/")));
    none(violations, "a client imports its own files and @matinee/sdk");
  });

  it("keeps the drawn films apart: they know nothing of the platform, and it shows them in the demo and in tests only", () => {
    const violations = [...imports, ...others.flatMap(importsOf)].filter(({ file, target }) => {
      if (file.startsWith("films/")) return /^#|^(pkg|services|clients|scripts|bench)\/|^@matinee\//.test(target);
      return /^films\/|^@matinee\/films\b/.test(target) && !isTest(file) && !/^(scripts|bench)\//.test(file);
    });
    none(violations, "films are drawn with what @matinee/films has");
  });

  it("opens adapters by their open.ts only", () => {
    const violations = imports.filter(({ file, target, typeOnly }) => {
      if (isTest(file) || typeOnly || !file.startsWith("services/")) return false;
      return ADAPTERS.test(target);
    });
    none(violations, "services know ports, not adapters");
  });

  it("keeps contracts out of domain, store and use cases", () => {
    const violations = imports.filter(({ file, target }) => {
      if (isTest(file) || !/^#gen\/|^@(bufbuild|connectrpc)\//.test(target)) return false;
      const place = placeOf(file);
      if (place === undefined || WITHOUT_DOMAIN.has(place.service)) return false;
      return place.kind === "domain" || place.kind === "store" || place.kind === "config" || place.kind === "use case";
    });
    none(violations, "messages stop at handler, convert, events, http and peers");
  });

  it("keeps clients on the SDK, and the SDK free of Node and of pages", () => {
    const violations = others.flatMap(importsOf).filter(({ file, target }) => {
      if (!file.startsWith("clients/") || isTest(file)) return false;
      // The command line looks at the machine that it runs on as the server would.
      if (file.startsWith("clients/cli/") && target.startsWith("pkg/process/")) return false;
      if (/^(pkg|services|films|bench|scripts)\/|^#(pkg|gen)\//.test(target)) return true;
      if (file.startsWith("clients/sdk/"))
        return (
          /^(react|shaka-player|commander)\b|^clients\/(web|cli)\//.test(target) ||
          (/^node:/.test(target) && !/-node\.ts$|\/testing\//.test(file))
        );
      return (
        file.startsWith("clients/web/src/") && /^(node:|@connectrpc\/connect-(web|node)$|clients\/cli\/)/.test(target)
      );
    });
    none(violations, "clients talk through @matinee/sdk, and what runs in a browser needs no Node");
  });

  it("keeps the domain free of everything that does I/O", () => {
    const violations = imports.filter(({ file, target, typeOnly }) => {
      if (isTest(file) || placeOf(file)?.kind !== "domain") return false;
      if (/^services\/[^/]+\/(domain\/|errors\.ts$)/.test(target) || target.startsWith("#pkg/errors/")) return false;
      if (/^#pkg\/(clock|aip|media)\//.test(target)) return false;
      return !(typeOnly || PURE.includes(target));
    });
    none(violations, "the domain is pure");
  });

  it("keeps SQL in the stores", () => {
    const violations = imports.filter(({ file, target, typeOnly }) => {
      const kind = isTest(file) ? undefined : placeOf(file)?.kind;
      return (
        target.startsWith("#pkg/postgres/") && !typeOnly && kind !== undefined && kind !== "store" && kind !== "module"
      );
    });
    none(violations, "only stores use the database; others pass it on");
  });
});

describe("a service's folder", () => {
  const everywhere = [...imports, ...others.flatMap(importsOf)];

  for (const module of modules) {
    it(`can be deleted where only the table of modules changes: ${module.name}`, () => {
      const folder = `services/${module.name}/`;
      const outside = everywhere.filter(({ file, target }) => target.startsWith(folder) && !file.startsWith(folder));
      // What opens a real peer as a host does, a test or a benchmark, goes with it.
      const breaking = outside.filter(({ file }) => !isTest(file) && !file.startsWith("bench/"));
      assert.deepEqual(
        breaking.map(({ file, target }) => `${file} imports ${target}`),
        [`services/targets.ts imports ${folder}module.ts`],
      );
      const rest = modules.filter((other) => other !== module);
      checkModules(rest);
      assert.ok(!printReference(settingGroups(rest)).includes(`## ${module.name}\n`));
    });
  }
});
