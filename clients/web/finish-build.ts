/**
 * The last step of a build: compresses what is text beside itself (`x.js.br`, `x.js.gz`), and keeps the assets of the
 * builds before, for a tab that was opened then asks for them by name. Whoever serves the folder looks at `.builds.json`,
 * which is written when everything else lies ready.
 */

import { mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { extname, join, relative, sep } from "node:path";
import { promisify } from "node:util";
import { brotliCompress, constants, gzip } from "node:zlib";
import type { Plugin } from "vite";

const BUILDS_FILE = ".builds.json";
/** Pictures and fonts are compressed already. */
const TEXT = new Set([".html", ".js", ".css", ".json", ".webmanifest", ".svg", ".txt", ".wasm", ".map"]);
/** Below that a header more costs what is saved. */
const MIN_BYTES = 512;
/** Nobody leaves a tab open across more deploys than that within the days below; at least two builds are kept. */
const MAX_BUILDS = 20;
const MIN_BUILDS = 2;
const MAX_AGE_MS = 14 * 24 * 60 * 60 * 1000;

interface Build {
  /** ISO 8601. */
  readonly at: string;
  /** What it made under assets/, from the folder of the build. */
  readonly assets: readonly string[];
}

/** To be used with `build.emptyOutDir: false`. */
export function finishBuild(now: () => Date = () => new Date()): Plugin {
  let folder = "";
  let publicFolder = "";
  return {
    name: "matinee-finish-build",
    apply: "build",
    configResolved(config) {
      folder = join(config.root, config.build.outDir);
      publicFolder = config.publicDir;
    },
    async writeBundle(_options, bundle) {
      const made = [...Object.keys(bundle), ...(await filesBelow(publicFolder))];
      await Promise.all(made.map((name) => compress(folder, name)));
      await retire(folder, made, now());
    },
  };
}

/** Removes what belongs to no build that is kept, and writes down which are. */
export async function retire(folder: string, made: readonly string[], now: Date): Promise<void> {
  const path = join(folder, BUILDS_FILE);
  const isAsset = (name: string) => name.startsWith("assets/");
  const assets = made.filter(isAsset);
  const before = await readFile(path, "utf8").then(
    (text) => JSON.parse(text) as readonly Build[],
    // What lies there was built when nothing was written down.
    async () => [{ at: now.toISOString(), assets: (await filesBelow(folder)).filter(isAsset) }],
  );
  const builds = [{ at: now.toISOString(), assets }, ...before.filter((one) => `${one.assets}` !== `${assets}`)].filter(
    ({ at }, index) =>
      index < MIN_BUILDS || (index < MAX_BUILDS && now.getTime() - new Date(at).getTime() < MAX_AGE_MS),
  );
  const kept = new Set([...made, ...builds.flatMap((build) => build.assets)]);
  for (const name of await filesBelow(folder)) {
    if (name !== BUILDS_FILE && !kept.has(name.replace(/\.(br|gz)$/, ""))) await rm(join(folder, name));
  }
  await mkdir(folder, { recursive: true });
  await writeFile(`${path}.tmp`, JSON.stringify(builds));
  await rename(`${path}.tmp`, path);
}

/** Writes the variants that are smaller, and removes those of an earlier file of the same name that are not. */
export async function compress(folder: string, name: string): Promise<void> {
  const path = join(folder, name);
  const bytes = TEXT.has(extname(name)) ? await readFile(path) : Buffer.alloc(0);
  const size = { [constants.BROTLI_PARAM_SIZE_HINT]: bytes.byteLength };
  const variants = {
    br: () => promisify(brotliCompress)(bytes, { params: size }),
    gz: () => promisify(gzip)(bytes, { level: 9 }),
  };
  for (const [suffix, make] of Object.entries(variants)) {
    const variant = bytes.byteLength < MIN_BYTES ? undefined : await make();
    if (variant !== undefined && variant.byteLength < bytes.byteLength) await writeFile(`${path}.${suffix}`, variant);
    else await rm(`${path}.${suffix}`, { force: true });
  }
}

async function filesBelow(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)).split(sep).join("/"));
}
