/** Pages after AIP-158: sizes are coerced, tokens are opaque and belong to the request that they were made for. */

import { createHash } from "node:crypto";
import { isAppError } from "#pkg/errors/errors";
import { errors } from "./errors.ts";

/** What every paged request has. */
export interface PageRequest {
  readonly pageSize: number;
  readonly pageToken: string;
}

/** JSON values that say where the next page begins. A position, never a permission: filters are applied again. */
export type Cursor = Readonly<Record<string, string | number>>;

export interface Page<T> {
  readonly items: readonly T[];
  /** Empty on the last page. */
  readonly nextPageToken: string;
}

/** 0 means `fallback`; what is larger than `max` is lowered to it. */
export function pageSizeOf(request: PageRequest, fallback = 50, max = 200): number {
  return request.pageSize === 0 ? Math.min(fallback, max) : Math.min(request.pageSize, max);
}

/**
 * Reads one page: asks `load` for one item more than fits, to know whether there is a next page.
 * `parameters` are the other fields of the request; a token made under others is refused.
 * Throws `PAGE_TOKEN_INVALID`.
 */
export async function loadPage<T>(
  request: PageRequest,
  options: {
    readonly parameters: readonly (string | number | boolean)[];
    readonly fallbackSize?: number;
    readonly maxSize?: number;
    readonly load: (limit: number, after: Cursor | undefined) => Promise<readonly T[]>;
    readonly cursorOf: (item: NoInfer<T>) => Cursor;
  },
): Promise<Page<T>> {
  const size = pageSizeOf(request, options.fallbackSize, options.maxSize);
  const after = decodePageToken(request.pageToken, options.parameters);
  const items = await loadAfter(after, (cursor) => options.load(size + 1, cursor));
  const last = items[size - 1];
  if (items.length <= size || last === undefined) return { items, nextPageToken: "" };
  return { items: items.slice(0, size), nextPageToken: encodePageToken(options.cursorOf(last), options.parameters) };
}

/** Loads what comes after a position of the caller's word. Throws `PAGE_TOKEN_INVALID` where it turns out to be none. */
export async function loadAfter<T>(
  after: Cursor | undefined,
  load: (after: Cursor | undefined) => Promise<T>,
): Promise<T> {
  try {
    return await load(after);
  } catch (error) {
    if (after !== undefined && isUnreadable(error)) throw errors.PAGE_TOKEN_INVALID();
    throw error;
  }
}

/** A value of a form that no token made here has: a Date that is none, or a data exception (SQLSTATE class 22). */
function isUnreadable(error: unknown): boolean {
  const cause = isAppError(error) ? error.cause : error;
  if (cause instanceof RangeError) return true;
  return cause instanceof Error && "code" in cause && typeof cause.code === "string" && /^22...$/.test(cause.code);
}

export function encodePageToken(cursor: Cursor, parameters: readonly (string | number | boolean)[]): string {
  return Buffer.from(JSON.stringify({ c: cursor, p: fingerprint(parameters) })).toString("base64url");
}

/** Undefined for the first page. Throws `PAGE_TOKEN_INVALID`. */
export function decodePageToken(token: string, parameters: readonly (string | number | boolean)[]): Cursor | undefined {
  if (token === "") return undefined;
  try {
    const parsed = JSON.parse(Buffer.from(token, "base64url").toString()) as { c?: unknown; p?: unknown };
    if (parsed.p === fingerprint(parameters) && isCursor(parsed.c)) return parsed.c;
  } catch {
    // Not JSON: refused below like every other token that was not made here.
  }
  throw errors.PAGE_TOKEN_INVALID();
}

function isCursor(value: unknown): value is Cursor {
  return (
    typeof value === "object" &&
    value !== null &&
    Object.values(value).every((part) => typeof part === "string" || typeof part === "number")
  );
}

function fingerprint(parameters: readonly (string | number | boolean)[]): string {
  return createHash("sha256").update(JSON.stringify(parameters)).digest("base64url").slice(0, 12);
}
