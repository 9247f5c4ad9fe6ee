/**
 * Large immutable objects under a key. What holds for every adapter, because Amazon S3 can keep it:
 * - An object is visible whole or not at all, at once after its write resolves.
 * - `put` and `putFile` with `ifAbsent` write once: a second writer gets `BLOB_ALREADY_EXISTS` and the first object
 *   stays. Without it the last writer wins. Where the engine cannot say who was first (S3 answers 409 in a race), the
 *   adapter asks again; of a stream, which cannot be sent again, it rejects with an error of kind `aborted`, and the
 *   caller does.
 * - Keys are 1 to 512 characters of [A-Za-z0-9._-] segments joined by "/"; no segment is "." or "..".
 * - Listing is in key order, with no promise about objects written while it runs.
 * - There is no rename, no append, no lock and no directory.
 */

import type { Readable } from "node:stream";

/** Where an object is and what it must be. `sha256` is lower-case hex of the whole object, absent where unknown. */
export interface BlobInfo {
  readonly key: string;
  readonly sizeBytes: number;
  readonly sha256: string | undefined;
  readonly contentType: string;
  /** As the engine's clock has it; what a write answers may differ from it by as long as the write took. */
  readonly updatedAt: Date;
}

/** What a listing tells of an object: the rest is asked for one by one. */
export type BlobListing = Pick<BlobInfo, "key" | "sizeBytes" | "updatedAt">;

/** Bytes `start` to `end`, both included, as in an HTTP Range. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

export interface PutOptions {
  readonly contentType?: string;
  /** Lower-case hex; where given, a body that differs is refused with `BLOB_CHECKSUM_MISMATCH` and nothing is written. */
  readonly sha256?: string;
  readonly ifAbsent?: boolean;
  readonly signal?: AbortSignal;
}

/** One stored part of a multipart upload. */
export interface PartInfo {
  /** 1 to 10,000. */
  readonly number: number;
  readonly sizeBytes: number;
  readonly sha256: string;
  /** Opaque; given back at completion. */
  readonly etag: string;
}

/** A request that whoever holds it may make until it expires, with exactly these headers. */
export interface SignedRequest {
  readonly method: "GET" | "PUT";
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Not later than was asked for; earlier where the credentials that it was signed with end earlier, as those of a role do. */
  readonly expiresAt: Date;
}

export interface BlobStore extends AsyncDisposable {
  /** Streams the body in constant memory. Throws `BLOB_ALREADY_EXISTS`, `BLOB_CHECKSUM_MISMATCH`. */
  put(key: string, body: Readable | Uint8Array, options?: PutOptions): Promise<BlobInfo>;
  /** Stores a local file; an adapter may link instead of copying, so the file must not change afterwards. */
  putFile(key: string, path: string, options?: PutOptions): Promise<BlobInfo>;
  /**
   * What the object is, all of it also where a range is asked for, and its bytes in one request, whole even where it is
   * replaced while they are read; one that is replaced before is read as it is then. A connection may be held before the
   * first read, for seconds, and nothing after the last one, the iterator's return or the signal's abort; a reader that
   * never comes leaks nothing. Throws `BLOB_NOT_FOUND`; `BLOB_RANGE_NOT_SATISFIABLE` where the range starts past the end.
   */
  get(
    key: string,
    options?: { readonly range?: ByteRange; readonly signal?: AbortSignal },
  ): Promise<{ readonly info: BlobInfo; readonly body: AsyncIterable<Uint8Array> }>;
  /** The object's bytes into a new local file; an adapter may link, so the file must not be changed. */
  getFile(key: string, path: string, options?: { readonly signal?: AbortSignal }): Promise<void>;
  /** Undefined where there is none. */
  find(key: string): Promise<BlobInfo | undefined>;
  /** Objects whose key starts with `prefix`, in key order. */
  list(prefix: string): AsyncIterable<BlobListing>;
  /** Deleting what is not there is no error. */
  delete(key: string): Promise<void>;
  deletePrefix(prefix: string): Promise<void>;

  /** Starts a multipart upload. Parts of 5 MiB or more but for the last, 10,000 at most. */
  createMultipart(key: string, options?: { readonly contentType?: string }): Promise<string>;
  /**
   * A URL to PUT one part to; the body must be `sizeBytes` long and hash to `sha256` (lower-case hex), or the store
   * answers 4xx and keeps nothing. `url` may be relative to the edge's origin.
   */
  signPart(
    key: string,
    multipartId: string,
    part: { readonly number: number; readonly sizeBytes: number; readonly sha256: string; readonly expiresAt: Date },
  ): Promise<SignedRequest>;
  /** The parts that are stored, by number. Throws `BLOB_MULTIPART_NOT_FOUND`. */
  listParts(key: string, multipartId: string): Promise<PartInfo[]>;
  /** Joins the parts, which must be listed in order. Calling it again after success answers the same object. */
  completeMultipart(
    key: string,
    multipartId: string,
    parts: readonly { readonly number: number; readonly etag: string }[],
  ): Promise<BlobInfo>;
  /** Frees every part. Aborting what is not there is no error. */
  abortMultipart(key: string, multipartId: string): Promise<void>;

  /** Throws `unavailable` where the store cannot be reached or written, `OUT_OF_SPACE` where it is known to be full. */
  ping(): Promise<void>;
}
