/** Serves the built web client: files as they are, or compressed as they lie beside; the page for every other path. */

import { readdir, readFile, stat } from "node:fs/promises";
import { extname, join, relative, sep } from "node:path";
import { LRUCache } from "lru-cache";
import type { Clock } from "#pkg/clock/clock";
import { readFileChunks } from "#pkg/files/read";
import { encodingFor } from "#pkg/http/encoding";
import type { NodeHandler, NodeRequest, NodeResponse } from "#pkg/http/node";
import { send } from "#pkg/http/send";
import { pathOf } from "#pkg/rpc/raw";

const TYPES: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".json": "application/json",
  ".webmanifest": "application/manifest+json",
  ".svg": "image/svg+xml",
  ".png": "image/png",
  ".jpg": "image/jpeg",
  ".webp": "image/webp",
  ".avif": "image/avif",
  ".ico": "image/x-icon",
  ".woff2": "font/woff2",
  ".txt": "text/plain; charset=utf-8",
  ".wasm": "application/wasm",
  ".map": "application/json",
};

/** Media Source needs blob:, the player's captions and storyboards need data: and blob: images. */
const CONTENT_SECURITY_POLICY = [
  "default-src 'self'",
  "script-src 'self' 'wasm-unsafe-eval'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data: blob:",
  "media-src 'self' blob:",
  "connect-src 'self' blob: data:",
  "worker-src 'self' blob:",
  "font-src 'self' data:",
  "object-src 'none'",
  "base-uri 'self'",
  "form-action 'self'",
  "frame-ancestors 'none'",
].join("; ");

const COMMON_HEADERS = {
  "content-security-policy": CONTENT_SECURITY_POLICY,
  "x-content-type-options": "nosniff",
  "referrer-policy": "same-origin",
  "cross-origin-opener-policy": "same-origin",
};

/** The build's last step writes it, when everything else lies ready; where there is none, the page says it. */
const STAMPS = [".builds.json", "index.html"];
/** How often, at most, the folder is looked at for a new build: the requests of a second share the answer. */
const LOOK_AGAIN_MS = 1_000;
const MAX_CACHED_BYTES = 32 * 1024 * 1024;
/** What is larger is read for each request. */
const MAX_CACHED_FILE_BYTES = 2 * 1024 * 1024;

interface Variant {
  readonly path: string;
  readonly sizeBytes: number;
  /** Size and time of the file: another content has another one. */
  readonly version: string;
}

interface StaticFile {
  readonly type: string;
  /** Its name holds a hash of its content, so it never changes. */
  readonly immutable: boolean;
  readonly variants: Readonly<Partial<Record<Coding, Variant>>> & { readonly identity: Variant };
}

type Coding = "identity" | "br" | "gzip";
type Files = ReadonlyMap<string, StaticFile>;

const SUFFIXES: Readonly<Record<string, Coding>> = { ".br": "br", ".gz": "gzip" };

/** Only what lies in the folder is served: it is listed, and again after a new build. No path leads outside. */
export async function openStatic(folder: string, clock: Clock): Promise<NodeHandler> {
  const listing = await openListing(folder, clock);
  const bytes = new LRUCache<string, Uint8Array>({
    maxSize: MAX_CACHED_BYTES,
    sizeCalculation: (file) => Math.max(1, file.byteLength),
  });

  async function bodyOf(variant: Variant): Promise<Uint8Array | AsyncIterable<Uint8Array>> {
    if (variant.sizeBytes > MAX_CACHED_FILE_BYTES) return readFileChunks(variant.path);
    const name = `${variant.path} ${variant.version}`;
    const known = bytes.get(name);
    if (known !== undefined) return known;
    const read = await readFile(variant.path);
    // A file that is being replaced is served as it is read, and remembered once it keeps still.
    if (read.byteLength === variant.sizeBytes) bytes.set(name, read);
    return read;
  }

  async function answer(request: NodeRequest, response: NodeResponse): Promise<void> {
    const path = pathOf(request);
    // A missing asset must not be answered with the page: a browser would try to run it.
    const find = (files: Files) => files.get(path) ?? (extname(path) === "" ? files.get("/index.html") : undefined);
    const file = find(await listing.current()) ?? find(await listing.renewed());
    const isRead = request.method === "GET" || request.method === "HEAD";
    if (file === undefined || !isRead) {
      const [status, text] = file === undefined ? [404, "not found\n"] : [405, "method not allowed\n"];
      const headers = { ...COMMON_HEADERS, "content-type": "text/plain; charset=utf-8", "cache-control": "no-store" };
      return send(response, { status, headers, body: text });
    }
    const offered = (Object.keys(file.variants) as Coding[]).filter((coding) => coding !== "identity");
    const coding = encodingFor(request.headers["accept-encoding"], offered) ?? "identity";
    const variant = file.variants[coding] ?? file.variants.identity;
    const headers = {
      ...COMMON_HEADERS,
      "cache-control": file.immutable ? "public, max-age=31536000, immutable" : "no-cache",
      etag: `"${variant.version}${coding === "identity" ? "" : `-${coding}`}"`,
      ...(offered.length > 0 ? { vary: "accept-encoding" } : {}),
    };
    if (request.headers["if-none-match"] === headers.etag) return send(response, { status: 304, headers });
    const body = await bodyOf(variant);
    await send(response, {
      status: 200,
      headers: {
        ...headers,
        "content-type": file.type,
        "content-length": body instanceof Uint8Array ? body.byteLength : variant.sizeBytes,
        ...(coding === "identity" ? {} : { "content-encoding": coding }),
      },
      body,
    });
  }

  return (request, response) => {
    // A file that cannot be read, or no longer in this length, ends the connection; a caller that has gone is no news.
    answer(request, response).catch(() => response.destroy());
  };
}

interface Listing {
  /** The files of the build that was there a second ago or later. */
  current(): Promise<Files>;
  /** The files as they are now, unless they were listed within the second: for whoever misses one. */
  renewed(): Promise<Files>;
}

async function openListing(folder: string, clock: Clock): Promise<Listing> {
  const nowMs = () => clock.now().getTime();
  let stamp = await stampOf(folder);
  let files = await listFiles(folder);
  let [lookedAtMs, listedAtMs] = [nowMs(), nowMs()];
  let looking: Promise<void> | undefined;

  async function list(): Promise<void> {
    listedAtMs = nowMs();
    // The stamp first: a build that ends in between is seen the next time.
    stamp = await stampOf(folder);
    files = await listFiles(folder);
  }

  async function look(always: boolean): Promise<void> {
    lookedAtMs = nowMs();
    try {
      if (always || (await stampOf(folder)) !== stamp) await list();
    } catch {
      // The folder is being replaced; what was there is served until it is back.
    }
  }

  /** One at a time, whoever asks. */
  function once(always: boolean): Promise<void> {
    looking ??= look(always).finally(() => {
      looking = undefined;
    });
    return looking;
  }

  return {
    async current() {
      if (nowMs() - lookedAtMs >= LOOK_AGAIN_MS) await once(false);
      return files;
    },
    async renewed() {
      if (nowMs() - listedAtMs >= LOOK_AGAIN_MS) await once(true);
      return files;
    },
  };
}

async function stampOf(folder: string): Promise<string> {
  const found = await Promise.all(
    STAMPS.map((name) =>
      stat(join(folder, name)).then(
        ({ ino, mtimeMs, size }) => `${ino}-${mtimeMs}-${size}`,
        () => "none",
      ),
    ),
  );
  return found.join(" ");
}

async function listFiles(folder: string): Promise<Files> {
  const found = new Map<string, Variant>();
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || entry.name.startsWith(".")) continue;
    const path = join(entry.parentPath, entry.name);
    // A build may take files away while they are listed.
    const { size, mtimeMs } = (await stat(path).catch(() => undefined)) ?? {};
    if (size === undefined || mtimeMs === undefined) continue;
    const version = `${size.toString(36)}-${Math.floor(mtimeMs).toString(36)}`;
    found.set(`/${relative(folder, path).split(sep).join("/")}`, { path, sizeBytes: size, version });
  }
  const files = new Map<string, StaticFile>();
  for (const [url, identity] of found) {
    // What is compressed is a variant of the file that it lies beside.
    if (SUFFIXES[extname(url)] !== undefined && found.has(url.slice(0, -extname(url).length))) continue;
    const variants: Partial<Record<Coding, Variant>> = {};
    for (const [suffix, coding] of Object.entries(SUFFIXES)) {
      const variant = found.get(url + suffix);
      if (variant !== undefined) variants[coding] = variant;
    }
    files.set(url, {
      type: TYPES[extname(url)] ?? "application/octet-stream",
      immutable: /-[A-Za-z0-9_-]{8,}\.[a-z0-9]+$/.test(url) && url.startsWith("/assets/"),
      variants: { ...variants, identity },
    });
  }
  return files;
}
