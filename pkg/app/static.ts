/** Serves the built web client: files as they are, the page for every other path. */

import { readdir, stat } from "node:fs/promises";
import { extname, join, relative, sep } from "node:path";
import { readFileChunks } from "#pkg/files/read";
import type { NodeHandler } from "#pkg/http/node";
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

interface StaticFile {
  readonly path: string;
  readonly sizeBytes: number;
  readonly type: string;
  readonly etag: string;
  /** Its name holds a hash of its content, so it never changes. */
  readonly immutable: boolean;
}

/** Reads the list of files once: what is built later is not served, and no path leads outside the folder. */
export async function openStatic(folder: string): Promise<NodeHandler> {
  const files = await listFiles(folder);
  return (request, response) => {
    const method = request.method ?? "GET";
    const path = pathOf(request);
    // A missing asset must not be answered with the page: a browser would try to run it.
    const file = files.get(path) ?? (extname(path) === "" ? files.get("/index.html") : undefined);
    response.setHeader("content-security-policy", CONTENT_SECURITY_POLICY);
    response.setHeader("x-content-type-options", "nosniff");
    response.setHeader("referrer-policy", "same-origin");
    response.setHeader("cross-origin-opener-policy", "same-origin");
    if (file === undefined || (method !== "GET" && method !== "HEAD")) {
      response.statusCode = file === undefined ? 404 : 405;
      response.setHeader("content-type", "text/plain; charset=utf-8");
      response.end(file === undefined ? "not found\n" : "method not allowed\n");
      return;
    }
    response.setHeader("cache-control", file.immutable ? "public, max-age=31536000, immutable" : "no-cache");
    response.setHeader("etag", file.etag);
    if (request.headers["if-none-match"] === file.etag) {
      response.statusCode = 304;
      response.end();
      return;
    }
    const headers = { "content-type": file.type, "content-length": file.sizeBytes };
    // A file that cannot be read, or no longer in this length, ends the connection; a caller that has gone is no news.
    send(response, { status: 200, headers, body: readFileChunks(file.path) }).catch(() => response.destroy());
  };
}

async function listFiles(folder: string): Promise<ReadonlyMap<string, StaticFile>> {
  const files = new Map<string, StaticFile>();
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    const { size, mtimeMs } = await stat(path);
    const url = `/${relative(folder, path).split(sep).join("/")}`;
    files.set(url, {
      path,
      sizeBytes: size,
      type: TYPES[extname(path)] ?? "application/octet-stream",
      etag: `"${size.toString(36)}-${Math.floor(mtimeMs).toString(36)}"`,
      immutable: /-[A-Za-z0-9_-]{8,}\.[a-z0-9]+$/.test(url) && url.startsWith("/assets/"),
    });
  }
  return files;
}
