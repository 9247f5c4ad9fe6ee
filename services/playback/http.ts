/** Media over HTTP: `/m/{token}/{package}/{revision}/{file...}`. A CDN takes its place in production. */

import type { BlobReader } from "#pkg/blobstore/hot";
import { send } from "#pkg/http/send";
import type { Logger } from "#pkg/obs/obs";
import { edge } from "#pkg/rpc/access";
import type { RouteDeclaration, RouteHandler } from "#pkg/rpc/call";
import { isAdmitted } from "./domain/media-file.ts";
import { parseRange } from "./domain/range.ts";
import { errors } from "./errors.ts";
import type { LivePlays } from "./live-plays.ts";
import type { MediaGrant, PlayTokens } from "./tokens.ts";

/** Players send no headers of ours with media, so the token in the path is what admits them. */
const access = {
  ...edge("anyone"),
  // A household behind one address: each player asks for a few ranges a second, and many when it seeks.
  rateLimit: { perSecond: 500, burst: 2_000 },
};
const path = "/m/{token}/{package}/{revision}/{file...}";
export const mediaRoutes: readonly RouteDeclaration[] = [
  { method: "GET", path, access },
  { method: "HEAD", path, access },
];

const TYPES: Readonly<Record<string, string>> = {
  mpd: "application/dash+xml",
  m3u8: "application/vnd.apple.mpegurl",
  mp4: "video/mp4",
  vtt: "text/vtt; charset=utf-8",
};

const KEY_PART = /^[A-Za-z0-9._-]+$/;

export function mediaHandler(deps: {
  readonly tokens: PlayTokens;
  readonly live: LivePlays;
  readonly packaged: BlobReader;
  readonly log: Logger;
}): RouteHandler {
  /** A cache or database that is away ends nobody's film. */
  const isLive = ({ accountId, sessionId }: MediaGrant) =>
    deps.live.isLive(accountId, sessionId).catch((err: unknown) => {
      deps.log.warn({ err, sessionId }, "media is served within its token");
      return true;
    });

  return async (request, response, call, params) => {
    const { token = "", package: packageId = "", revision = "", file = "" } = params;
    const grant = await deps.tokens.verifyMedia(token);
    requireWithin(grant, packageId, revision, file);
    if (!(await isLive(grant))) throw errors.MEDIA_SESSION_ENDED();
    const key = `${packageId}/${revision}/${file}`;
    const blob = await deps.packaged.find(key);
    if (blob === undefined) throw errors.MEDIA_NOT_FOUND();
    const etag = blob.sha256 === undefined ? undefined : `"${blob.sha256.slice(0, 32)}"`;
    const headers = {
      "content-type": TYPES[file.slice(file.lastIndexOf(".") + 1)] ?? "application/octet-stream",
      "accept-ranges": "bytes",
      // A revision never changes; the address is one session's own.
      "cache-control": "private, max-age=86400, immutable",
      "x-content-type-options": "nosniff",
      // The token is the permission, whatever page the player runs on.
      "access-control-allow-origin": "*",
      "access-control-expose-headers": "content-length, content-range, etag",
      ...(etag === undefined ? {} : { etag }),
    };
    if (etag !== undefined && request.headers["if-none-match"] === etag) {
      return send(response, { status: 304, headers });
    }
    const range = parseRange(request.headers.range, blob.sizeBytes);
    if (range.kind === "unsatisfiable") {
      // No error kind of ours is 416, and players know what to do with it (RFC 9110, 15.5.17).
      const contentRange = `bytes */${blob.sizeBytes}`;
      return send(response, { status: 416, headers: { ...headers, "content-range": contentRange }, body: "" });
    }
    const { start, end } = range.kind === "part" ? range : { start: 0, end: blob.sizeBytes - 1 };
    const isPart = range.kind === "part";
    const { signal } = call;
    const { body } = await deps.packaged.get(key, isPart ? { range, signal } : { signal });
    await send(response, {
      status: isPart ? 206 : 200,
      headers: {
        ...headers,
        "content-length": end - start + 1,
        ...(isPart ? { "content-range": `bytes ${start}-${end}/${blob.sizeBytes}` } : {}),
      },
      body: whileLive(body, () => isLive(grant)),
    });
  };
}

/** A long answer to a slow reader ends with its play, too: each chunk asks, and is mostly answered from memory. */
async function* whileLive(
  chunks: AsyncIterable<Uint8Array>,
  isLive: () => Promise<boolean>,
): AsyncGenerator<Uint8Array> {
  for await (const chunk of chunks) {
    if (!(await isLive())) throw errors.MEDIA_SESSION_ENDED();
    yield chunk;
  }
}

/** The token names one revision of one package, and what in it is above the ceiling. */
function requireWithin(grant: MediaGrant, packageId: string, revision: string, file: string): void {
  if (packageId !== grant.packageId || revision !== String(grant.revision)) throw errors.MEDIA_TOKEN_INVALID();
  const parts = file.split("/");
  if (parts.some((part) => !KEY_PART.test(part) || part === "." || part === "..")) throw errors.MEDIA_NOT_FOUND();
  if (!isAdmitted(file, grant.denied)) throw errors.MEDIA_TOKEN_INVALID();
}
