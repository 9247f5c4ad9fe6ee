/** The HTTP face of the file adapter: signed URLs for the parts of an upload, and the route that takes them. */

import { createHmac, timingSafeEqual } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Clock } from "#pkg/clock/clock";
import { isAppError } from "#pkg/errors/errors";
import { hasLeft } from "#pkg/http/caller";
import { errors } from "#pkg/http/errors";
import { send } from "#pkg/http/send";
import type { Logger } from "#pkg/obs/obs";
import type { Route, RouteDeclaration } from "#pkg/rpc/call";
import type { PartInfo, SignedRequest } from "./blobstore.ts";
import { newPartPuts } from "./part-puts.ts";

interface SignedPart {
  readonly store: string;
  readonly key: string;
  readonly multipartId: string;
  readonly number: number;
  readonly sizeBytes: number;
  /** Lower-case hex. */
  readonly sha256: string;
  readonly expiresAt: Date;
}

export interface FilePartRouteOptions {
  readonly store: string;
  readonly signingSecret: Uint8Array;
  readonly clock: Clock;
  readonly log: Logger;
  readonly storePart: (
    key: string,
    multipartId: string,
    part: { readonly number: number; readonly sizeBytes: number; readonly sha256: string },
    body: AsyncIterable<Uint8Array>,
  ) => Promise<PartInfo>;
}

const CHECKSUM_HEADER = "x-amz-checksum-sha256";
/** A refused body of up to this size is read to its end, so that the client sees the answer instead of a reset. */
const DRAIN_BYTES = 64 * 1024 * 1024;
/** How long one who is sent away may take to read why. */
const LINGER_MS = 1_000;

/** A PUT request for one part, valid for exactly these bytes until it expires. */
export function signPartUrl(part: SignedPart, secret: Uint8Array, publicBase: string): SignedRequest {
  const query = new URLSearchParams({
    uploadId: part.multipartId,
    partNumber: String(part.number),
    size: String(part.sizeBytes),
    sha256: part.sha256,
    expires: String(Math.floor(part.expiresAt.getTime() / 1000)),
    signature: signature(part, secret).toString("hex"),
  });
  return {
    method: "PUT",
    url: `${publicBase}/blobs/${part.store}/${part.key}?${query}`,
    headers: { [CHECKSUM_HEADER]: Buffer.from(part.sha256, "hex").toString("base64") },
    expiresAt: part.expiresAt,
  };
}

/** Anyone may call it: the signature in the URL is the right to do so. */
export function filePartRouteDeclaration(store: string): RouteDeclaration {
  const access = {
    exposure: "edge",
    principals: ["anyone"],
    permissions: [],
    callers: [],
    rateLimit: undefined,
  } as const;
  return { method: "PUT", path: `/blobs/${store}/{key...}`, access };
}

/** Takes the parts. Errors are named as in S3. */
export function filePartRoute(options: FilePartRouteOptions): Route {
  const puts = newPartPuts(options.clock);
  return {
    ...filePartRouteDeclaration(options.store),
    handle: async (request, response, _call, params) => {
      const part = parseSignedPart(options.store, params.key ?? "", request.url ?? "");
      const refusal = part === undefined ? MALFORMED : refuse(part, request, options);
      if (part === undefined || refusal !== undefined) return answerError(request, response, refusal ?? MALFORMED);
      try {
        // A failed write must leave the connection open for the answer.
        const body = request.iterator({ destroyOnReturn: false });
        const stored = await puts.run(part, body, (chunks) =>
          options.storePart(part.key, part.multipartId, part, chunks),
        );
        await send(response, { status: 200, headers: { etag: `"${stored.etag}"`, "content-length": 0 } });
      } catch (error) {
        if (hasLeft(response)) throw errors.CALLER_LEFT();
        await answerError(request, response, toRefusal(error, options.log));
      }
    },
  };
}

interface Refusal {
  readonly status: number;
  readonly code: string;
  readonly message: string;
  /** What else the client sends is not wanted: its connection ends with the answer. */
  readonly isLast?: true;
}

const MALFORMED: Refusal = { status: 400, code: "InvalidRequest", message: "This is not a URL that the store signed." };

function parseSignedPart(store: string, key: string, url: string): (SignedPart & { signature: Buffer }) | undefined {
  const query = new URLSearchParams(url.slice(url.indexOf("?") + 1));
  const number = Number(query.get("partNumber"));
  const sizeBytes = Number(query.get("size"));
  const expires = Number(query.get("expires"));
  const sha256 = query.get("sha256") ?? "";
  const multipartId = query.get("uploadId") ?? "";
  const wellFormed =
    Number.isSafeInteger(sizeBytes) &&
    sizeBytes >= 0 &&
    Number.isSafeInteger(number) &&
    number >= 1 &&
    number <= 10_000 &&
    Number.isSafeInteger(expires) &&
    /^[0-9a-f]{64}$/.test(sha256);
  if (!wellFormed) return undefined;
  const expiresAt = new Date(expires * 1000);
  const given = Buffer.from(query.get("signature") ?? "", "hex");
  return { store, key, multipartId, number, sizeBytes, sha256, expiresAt, signature: given };
}

function refuse(
  part: SignedPart & { readonly signature: Buffer },
  request: IncomingMessage,
  options: FilePartRouteOptions,
): Refusal | undefined {
  const expected = signature(part, options.signingSecret);
  if (part.signature.length !== expected.length || !timingSafeEqual(part.signature, expected)) {
    return { status: 403, code: "SignatureDoesNotMatch", message: "The signature of this URL is not valid." };
  }
  if (options.clock.now() >= part.expiresAt) {
    return { status: 403, code: "AccessDenied", message: "Request has expired" };
  }
  const checksum = request.headers[CHECKSUM_HEADER];
  if (checksum !== undefined && checksum !== Buffer.from(part.sha256, "hex").toString("base64")) {
    return { status: 400, code: "BadDigest", message: `The ${CHECKSUM_HEADER} is not the one that was signed.` };
  }
  const length = request.headers["content-length"];
  if (length === undefined) {
    return { status: 411, code: "MissingContentLength", message: "The Content-Length header is missing." };
  }
  if (Number(length) > part.sizeBytes) {
    return { status: 400, code: "EntityTooLarge", message: `This part was signed for ${part.sizeBytes} bytes.` };
  }
  if (Number(length) < part.sizeBytes) {
    return { status: 400, code: "EntityTooSmall", message: `This part was signed for ${part.sizeBytes} bytes.` };
  }
  return undefined;
}

function toRefusal(error: unknown, log: Logger): Refusal {
  if (isAppError(error)) {
    switch (error.kind) {
      case "invalid_argument":
        return { status: 400, code: "BadDigest", message: "The bytes do not match the SHA-256 that was signed." };
      case "aborted":
        return { status: 409, code: "OperationAborted", message: error.message, isLast: true };
      case "deadline_exceeded":
        return { status: 408, code: "RequestTimeout", message: error.message, isLast: true };
      case "not_found":
        return { status: 404, code: "NoSuchUpload", message: error.message };
      case "resource_exhausted":
        return { status: 507, code: "InsufficientStorage", message: error.message };
      case "unavailable":
        return { status: 503, code: "ServiceUnavailable", message: error.message };
      default:
    }
  }
  log.error({ err: error }, "a part could not be stored");
  return { status: 500, code: "InternalError", message: "The part could not be stored." };
}

async function answerError(request: IncomingMessage, response: ServerResponse, refusal: Refusal): Promise<void> {
  const drains = Number(request.headers["content-length"] ?? 0) <= DRAIN_BYTES;
  const isLast = refusal.isLast === true;
  if (drains) request.resume();
  await send(response, {
    status: refusal.status,
    headers: { "content-type": "application/json", ...(drains && !isLast ? {} : { connection: "close" }) },
    body: JSON.stringify({ code: refusal.code, message: refusal.message }),
  });
  if (!drains) request.destroy();
  else if (isLast) setTimeout(() => request.destroy(), LINGER_MS).unref();
}

function signature(part: SignedPart, secret: Uint8Array): Buffer {
  const expires = Math.floor(part.expiresAt.getTime() / 1000);
  const fields = ["PUT", part.store, part.key, part.multipartId, part.number, part.sizeBytes, part.sha256, expires];
  return createHmac("sha256", secret).update(fields.join("\n")).digest();
}
