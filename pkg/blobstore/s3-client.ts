/** How the S3 adapter asks: where its URL points to, for how long it waits, and what the errors of S3 mean to the port. */

import { Agent as HttpAgent } from "node:http";
import { Agent as HttpsAgent } from "node:https";
import { S3Client, type S3ClientConfig } from "@aws-sdk/client-s3";
import { within } from "#pkg/aws/within";
import { outOfSpace } from "#pkg/errors/space";
import { errors } from "./errors.ts";
import { parseKey } from "./key.ts";

export interface S3Place {
  readonly bucket: string;
  /** Before each key; empty, or ends with "/". */
  readonly prefix: string;
  readonly region: string | undefined;
  readonly endpoint: string | undefined;
  readonly pathStyle: boolean;
}

export interface AskOptions {
  readonly signal?: AbortSignal | undefined;
  /** All attempts together. */
  readonly withinMs?: number;
}

/** Requests that carry no object. */
const REQUEST_MS = 15_000;
const CONNECT_MS = 3_000;
/** With the first; what is not answered by then is told, and whoever asked decides. */
const MAX_ATTEMPTS = 3;
/** A reader holds one for as long as it reads, and viewers are many. */
const MAX_SOCKETS = 1_000;
/** Nobody who is on a slower line could watch, or upload in a day. */
const MIN_BYTES_PER_SECOND = 128 * 1024;

const FULL: ReadonlySet<string> = new Set(["InsufficientStorage", "QuotaExceeded"]);
const UNREACHED: ReadonlySet<string> = new Set(["AbortError", "TimeoutError", "NoSuchBucket"]);
/** No credentials at all, or none that could be renewed. */
const WITHOUT_CREDENTIALS: ReadonlySet<string> = new Set(["CredentialsProviderError", "TokenProviderError"]);

/** Throws `BLOB_STORE_URL_INVALID`. */
export function parseS3Url(url: string): S3Place {
  const parsed = URL.parse(url);
  if (parsed === null || parsed.hostname === "") throw errors.BLOB_STORE_URL_INVALID("it names no bucket");
  if (parsed.username !== "" || parsed.password !== "" || parsed.port !== "")
    throw errors.BLOB_STORE_URL_INVALID("only a bucket stands between s3:// and the prefix");
  const { region, endpoint, "path-style": pathStyle = "false", ...others } = Object.fromEntries(parsed.searchParams);
  const [unknown] = Object.keys(others);
  if (unknown !== undefined) throw errors.BLOB_STORE_URL_INVALID(`nothing is called ${unknown.slice(0, 40)}`);
  if (endpoint !== undefined && !/^https?:$/.test(URL.parse(endpoint)?.protocol ?? ""))
    throw errors.BLOB_STORE_URL_INVALID("endpoint is an http: or https: URL");
  if (pathStyle !== "true" && pathStyle !== "false") throw errors.BLOB_STORE_URL_INVALID("path-style is true or false");
  const prefix = parsed.pathname.replace(/^\/+|\/+$/g, "");
  if (prefix !== "") parseKey(prefix);
  return {
    bucket: parsed.hostname,
    prefix: prefix === "" ? "" : `${prefix}/`,
    region,
    endpoint,
    pathStyle: pathStyle === "true",
  };
}

/** Credentials are those that the SDK finds unless they are given. */
export function newS3Client(place: S3Place, credentials: S3ClientConfig["credentials"]): S3Client {
  const agent = { keepAlive: true, maxSockets: MAX_SOCKETS };
  return new S3Client({
    ...(place.region === undefined ? {} : { region: place.region }),
    ...(place.endpoint === undefined ? {} : { endpoint: place.endpoint }),
    ...(credentials === undefined ? {} : { credentials }),
    forcePathStyle: place.pathStyle,
    maxAttempts: MAX_ATTEMPTS,
    // Whoever writes gives the SHA-256; a CRC beside it would bind signed requests to a body that is not known yet.
    requestChecksumCalculation: "WHEN_REQUIRED",
    responseChecksumValidation: "WHEN_REQUIRED",
    expectContinueHeader: false,
    requestHandler: {
      connectionTimeout: CONNECT_MS,
      httpAgent: new HttpAgent(agent),
      httpsAgent: new HttpsAgent(agent),
    },
  });
}

/** How long a request may take that carries so many bytes. */
export function timeFor(bytes: number): number {
  return REQUEST_MS + (bytes / MIN_BYTES_PER_SECOND) * 1_000;
}

/**
 * Sends one request. Throws the signal's reason, `BLOB_STORE_UNAVAILABLE` also when the time is over, `OUT_OF_SPACE`,
 * `BLOB_STORE_ACCESS_DENIED`; anything else as S3 says it.
 */
export async function ask<T>(
  store: string,
  send: (options: { readonly abortSignal: AbortSignal }) => Promise<T>,
  { signal, withinMs = REQUEST_MS }: AskOptions = {},
): Promise<T> {
  signal?.throwIfAborted();
  try {
    // It ends with the answer's head: the body of a film may take hours.
    return await within(withinMs, (abortSignal) => send({ abortSignal }), signal);
  } catch (error) {
    signal?.throwIfAborted();
    throw toStoreError(store, error);
  }
}

/** What the port says where the store as a whole is at fault; other errors stay as they are. */
export function toStoreError(store: string, error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  const status = statusOf(error);
  if (status === 507 || FULL.has(error.name)) return outOfSpace(`the ${store} store`, error);
  if (status === 401 || status === 403 || WITHOUT_CREDENTIALS.has(error.name))
    return errors.BLOB_STORE_ACCESS_DENIED(error);
  const isUnreached = UNREACHED.has(error.name) || (status === undefined && "code" in error);
  if (isUnreached || status === 408 || status === 429 || (status !== undefined && status >= 500))
    return errors.BLOB_STORE_UNAVAILABLE(error);
  return error;
}

/** True for an answer of S3 with one of these names. */
export function isNamed(error: unknown, ...names: readonly string[]): boolean {
  return error instanceof Error && names.includes(error.name);
}

/** The HTTP status of an answer of S3; undefined where there was none. */
export function statusOf(error: unknown): number | undefined {
  return metadataOf(error)?.httpStatusCode;
}

/** How often the request was sent before this answer. */
export function attemptsOf(error: unknown): number {
  return metadataOf(error)?.attempts ?? 1;
}

function metadataOf(error: unknown): { readonly httpStatusCode?: number; readonly attempts?: number } | undefined {
  const carried = error instanceof Error && "$metadata" in error ? error.$metadata : undefined;
  return typeof carried === "object" && carried !== null ? carried : undefined;
}
