/**
 * Objects in a bucket of Amazon S3, or of what speaks its protocol. Every promise of the port is one that S3 keeps; what
 * S3 does not say by itself (the SHA-256 of an object, who wrote it) is kept in the object's metadata. The bucket should
 * have a life-cycle rule that ends incomplete multipart uploads: those of processes that are killed are nobody's.
 */

import { rm, writeFile } from "node:fs/promises";
import type { Readable } from "node:stream";
import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  DeleteObjectsCommand,
  GetObjectCommand,
  HeadBucketCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  type ListObjectsV2CommandOutput,
  ListPartsCommand,
  type ListPartsCommandOutput,
  type S3Client,
  type S3ClientConfig,
  UploadPartCommand,
} from "@aws-sdk/client-s3";
import { getSignedUrl } from "@aws-sdk/s3-request-presigner";
import { newId } from "#pkg/clock/clock";
import { isAppError } from "#pkg/errors/errors";
import { hashFile, readFileChunks } from "#pkg/files/read";
import type { BlobInfo, BlobListing, BlobStore, ByteRange, PartInfo, PutOptions, SignedRequest } from "./blobstore.ts";
import { errors } from "./errors.ts";
import { parseKey, parsePrefix } from "./key.ts";
import type { OpenBlobStoreOptions, OpenedBlobStore } from "./opened.ts";
import {
  type AskOptions,
  ask,
  isNamed,
  newS3Client,
  parseS3Url,
  type S3Place,
  statusOf,
  toStoreError,
} from "./s3-client.ts";
import { newS3Body } from "./s3-read.ts";
import { COMPLETE_MS, SHA256_MARK, toBase64, WRITER_MARK, writeObject } from "./s3-write.ts";

const DEFAULT_CONTENT_TYPE = "application/octet-stream";
/** S3 signs for no longer. */
const MAX_SIGNED_SECONDS = 7 * 24 * 3_600;
/** Whoever asks whether the store is there will not wait for long. */
const PING_MS = 3_000;
const CHECKSUM_HEADER = "x-amz-checksum-sha256";

export interface S3BlobStoreOptions extends OpenBlobStoreOptions {
  readonly url: string;
  /** Those that the SDK finds, unless given. */
  readonly credentials?: S3ClientConfig["credentials"];
}

/** Asks nothing of the bucket yet: `ping` does. Throws `BLOB_STORE_URL_INVALID`. */
export async function openS3BlobStore(options: S3BlobStoreOptions): Promise<OpenedBlobStore> {
  const place = parseS3Url(options.url);
  const client = newS3Client(place, options.credentials);
  try {
    await client.config.region();
  } catch (error) {
    client.destroy();
    throw errors.BLOB_STORE_URL_INVALID("it names no region, and neither does the environment", error);
  }
  return { store: new S3BlobStore(client, place, options), routes: [] };
}

/** What a HEAD and a GET both say of an object. */
interface Described {
  readonly ContentLength?: number | undefined;
  readonly ContentRange?: string | undefined;
  readonly ContentType?: string | undefined;
  readonly LastModified?: Date | undefined;
  readonly Metadata?: Record<string, string> | undefined;
}

class S3BlobStore implements BlobStore {
  readonly #client: S3Client;
  readonly #place: S3Place;
  readonly #options: OpenBlobStoreOptions;

  constructor(client: S3Client, place: S3Place, options: OpenBlobStoreOptions) {
    this.#client = client;
    this.#place = place;
    this.#options = options;
  }

  async put(key: string, body: Readable | Uint8Array, options: PutOptions = {}): Promise<BlobInfo> {
    const isRepeatable = body instanceof Uint8Array;
    return this.#write(parseKey(key), options, options.sha256, () => (isRepeatable ? one(body) : body), isRepeatable);
  }

  async putFile(key: string, path: string, options: PutOptions = {}): Promise<BlobInfo> {
    parseKey(key);
    const { sha256 } = await hashFile(path, options.signal);
    if (options.sha256 !== undefined && options.sha256 !== sha256) throw errors.BLOB_CHECKSUM_MISMATCH(key);
    const open = () => readFileChunks(path, { signal: options.signal });
    return this.#write(key, options, sha256, open, true);
  }

  async #write(
    key: string,
    options: PutOptions,
    sha256: string | undefined,
    open: () => AsyncIterable<Uint8Array>,
    isRepeatable: boolean,
  ): Promise<BlobInfo> {
    const { name, clock, log } = this.#options;
    const contentType = options.contentType ?? DEFAULT_CONTENT_TYPE;
    const write = {
      ...{ key, objectKey: this.#objectKey(key), contentType, sha256 },
      ...{ ifAbsent: options.ifAbsent === true, signal: options.signal },
    };
    const writing = {
      ...{ client: this.#client, name, bucket: this.#place.bucket, clock, log },
      writerOf: (other: string) => this.#writerOf(other),
    };
    const written = await writeObject(writing, write, open, isRepeatable);
    return { key, ...written, contentType, updatedAt: toSecond(clock.now()) };
  }

  async get(
    key: string,
    options: { readonly range?: ByteRange; readonly signal?: AbortSignal } = {},
  ): ReturnType<BlobStore["get"]> {
    const { range, signal } = options;
    const { info, body } = await this.#open(parseKey(key), range, signal);
    return {
      info,
      body: newS3Body(body, {
        signal,
        again: async () => (await this.#open(key, range, signal)).body,
        toStoreError: (error) => toStoreError(this.#options.name, error),
      }),
    };
  }

  async #open(key: string, range: ByteRange | undefined, signal: AbortSignal | undefined) {
    const command = new GetObjectCommand({
      ...this.#at(key),
      ...(range === undefined ? {} : { Range: `bytes=${range.start}-${range.end}` }),
    });
    try {
      const answer = await this.#ask((options) => this.#client.send(command, options), { signal });
      return { info: toInfo(key, answer), body: answer.Body as Readable };
    } catch (error) {
      if (isNamed(error, "NoSuchKey")) throw errors.BLOB_NOT_FOUND(key);
      if (statusOf(error) !== 416) throw error;
      const found = await this.find(key);
      throw found === undefined ? errors.BLOB_NOT_FOUND(key) : errors.BLOB_RANGE_NOT_SATISFIABLE(key, found.sizeBytes);
    }
  }

  async getFile(key: string, path: string, options: { readonly signal?: AbortSignal } = {}): Promise<void> {
    const { body } = await this.get(key, options);
    try {
      await writeFile(path, body, { flag: "wx" });
    } catch (error) {
      const isAnothers = error instanceof Error && "code" in error && error.code === "EEXIST";
      if (!isAnothers) await rm(path, { force: true });
      throw error;
    }
  }

  async find(key: string): Promise<BlobInfo | undefined> {
    const head = await this.#head(parseKey(key));
    return head === undefined ? undefined : toInfo(key, head);
  }

  async #head(key: string): Promise<Described | undefined> {
    const command = new HeadObjectCommand(this.#at(key));
    try {
      return await this.#ask((options) => this.#client.send(command, options));
    } catch (error) {
      if (isNamed(error, "NotFound", "NoSuchKey")) return undefined;
      throw error;
    }
  }

  /** Empty where somebody else than this adapter wrote the object. */
  async #writerOf(key: string): Promise<string | undefined> {
    const head = await this.#head(key);
    return head === undefined ? undefined : (head.Metadata?.[WRITER_MARK] ?? "");
  }

  async *list(prefix: string): AsyncIterable<BlobListing> {
    for await (const page of this.#pages(parsePrefix(prefix))) {
      for (const { Key = "", Size = 0, LastModified } of page) {
        // Consoles make such objects to show an empty folder.
        if (Key.endsWith("/")) continue;
        yield { key: Key.slice(this.#place.prefix.length), sizeBytes: Size, updatedAt: toSecond(LastModified) };
      }
    }
  }

  async *#pages(prefix: string): AsyncGenerator<NonNullable<ListObjectsV2CommandOutput["Contents"]>> {
    let ContinuationToken: string | undefined;
    do {
      const command = new ListObjectsV2Command({
        Bucket: this.#place.bucket,
        Prefix: this.#objectKey(prefix),
        ...(ContinuationToken === undefined ? {} : { ContinuationToken }),
      });
      const page: ListObjectsV2CommandOutput = await this.#ask((options) => this.#client.send(command, options));
      yield page.Contents ?? [];
      ContinuationToken = page.IsTruncated === true ? page.NextContinuationToken : undefined;
    } while (ContinuationToken !== undefined);
  }

  async delete(key: string): Promise<void> {
    const command = new DeleteObjectCommand(this.#at(parseKey(key)));
    await this.#ask((options) => this.#client.send(command, options));
  }

  async deletePrefix(prefix: string): Promise<void> {
    // A page is as long as what can be deleted at once.
    for await (const page of this.#pages(parsePrefix(prefix))) {
      if (page.length === 0) continue;
      const Objects = page.map(({ Key }) => ({ Key }));
      const command = new DeleteObjectsCommand({ Bucket: this.#place.bucket, Delete: { Objects, Quiet: true } });
      const { Errors: failed = [] } = await this.#ask((options) => this.#client.send(command, options));
      const [first] = failed;
      if (first === undefined) continue;
      const cause = new Error(`${failed.length} objects stay, the first for ${first.Code}: ${first.Message}`);
      throw first.Code === "AccessDenied"
        ? errors.BLOB_STORE_ACCESS_DENIED(cause)
        : errors.BLOB_STORE_UNAVAILABLE(cause);
    }
  }

  async createMultipart(key: string, options: { readonly contentType?: string } = {}): Promise<string> {
    const writer = newId();
    const command = new CreateMultipartUploadCommand({
      ...this.#at(parseKey(key)),
      ContentType: options.contentType ?? DEFAULT_CONTENT_TYPE,
      ChecksumAlgorithm: "SHA256",
      Metadata: { [WRITER_MARK]: writer },
    });
    const { UploadId } = await this.#ask((send) => this.#client.send(command, send));
    // Once an upload is complete S3 forgets its name; the object keeps ours.
    return `${writer}.${UploadId}`;
  }

  async signPart(
    key: string,
    multipartId: string,
    part: { readonly number: number; readonly sizeBytes: number; readonly sha256: string; readonly expiresAt: Date },
  ): Promise<SignedRequest> {
    const { place } = this.#upload(key, multipartId);
    const checksum = toBase64(part.sha256);
    const command = new UploadPartCommand({
      ...place,
      PartNumber: part.number,
      ContentLength: part.sizeBytes,
      ChecksumSHA256: checksum,
    });
    const now = this.#options.clock.now().getTime();
    const until = Math.min(part.expiresAt.getTime(), await this.#credentialsEnd());
    // A URL that has expired is signed as of before: nothing can be signed for less than a second.
    const signedAt = Math.min(toSecond(new Date(now)).getTime(), toSecond(new Date(until)).getTime() - 1_000);
    const expiresIn = Math.min(MAX_SIGNED_SECONDS, Math.floor((until - signedAt) / 1_000));
    const sign = async () =>
      getSignedUrl(this.#client, command, {
        expiresIn,
        signingDate: new Date(signedAt),
        // In the query nobody would compare it with the bytes.
        unhoistableHeaders: new Set([CHECKSUM_HEADER]),
      });
    return {
      method: "PUT",
      url: await this.#ask(sign),
      headers: { [CHECKSUM_HEADER]: checksum },
      expiresAt: new Date(signedAt + expiresIn * 1_000),
    };
  }

  /** When the credentials end, in ms since 1970; infinite for those that do not. */
  async #credentialsEnd(): Promise<number> {
    const { expiration } = await this.#ask(() => this.#client.config.credentials());
    return expiration?.getTime() ?? Number.POSITIVE_INFINITY;
  }

  async listParts(key: string, multipartId: string): Promise<PartInfo[]> {
    const { place } = this.#upload(key, multipartId);
    const parts: PartInfo[] = [];
    let PartNumberMarker: string | undefined;
    try {
      do {
        const command = new ListPartsCommand({
          ...place,
          ...(PartNumberMarker === undefined ? {} : { PartNumberMarker }),
        });
        const page: ListPartsCommandOutput = await this.#ask((options) => this.#client.send(command, options));
        for (const { PartNumber = 0, Size = 0, ETag = "", ChecksumSHA256 = "" } of page.Parts ?? []) {
          const sha256 = Buffer.from(ChecksumSHA256, "base64").toString("hex");
          parts.push({ number: PartNumber, sizeBytes: Size, sha256, etag: ETag });
        }
        PartNumberMarker = page.IsTruncated === true ? page.NextPartNumberMarker : undefined;
      } while (PartNumberMarker !== undefined);
    } catch (error) {
      throw isNamed(error, "NoSuchUpload") ? errors.BLOB_MULTIPART_NOT_FOUND(key) : error;
    }
    return parts;
  }

  async completeMultipart(
    key: string,
    multipartId: string,
    parts: readonly { readonly number: number; readonly etag: string }[],
  ): Promise<BlobInfo> {
    const { place, writer } = this.#upload(key, multipartId);
    try {
      const stored = new Map((await this.listParts(key, multipartId)).map((part) => [part.number, part]));
      if (parts.length === 0) throw errors.BLOB_PART_INVALID(key, 1);
      let last = 0;
      const Parts = parts.map(({ number, etag }) => {
        const found = stored.get(number);
        if (found === undefined || found.etag !== etag || number <= last) throw errors.BLOB_PART_INVALID(key, number);
        last = number;
        return { PartNumber: number, ETag: etag, ChecksumSHA256: toBase64(found.sha256) };
      });
      const command = new CompleteMultipartUploadCommand({ ...place, MultipartUpload: { Parts } });
      await this.#ask((options) => this.#client.send(command, options), { withinMs: COMPLETE_MS });
    } catch (error) {
      // A part that was replaced since, or one that is too small to stand before another.
      if (isNamed(error, "InvalidPart", "InvalidPartOrder", "EntityTooSmall"))
        throw errors.BLOB_PART_INVALID(key, parts.at(-1)?.number ?? 1);
      if (!isNamed(error, "NoSuchUpload") && !isMultipartNotFound(error)) throw error;
      // Completed before; or its answer was lost, and the SDK asked again.
    }
    const head = await this.#head(key);
    if (head?.Metadata?.[WRITER_MARK] !== writer) throw errors.BLOB_MULTIPART_NOT_FOUND(key);
    return toInfo(key, head);
  }

  async abortMultipart(key: string, multipartId: string): Promise<void> {
    parseKey(key);
    try {
      const { place } = this.#upload(key, multipartId);
      await this.#ask((options) => this.#client.send(new AbortMultipartUploadCommand(place), options));
    } catch (error) {
      if (!isNamed(error, "NoSuchUpload") && !isMultipartNotFound(error)) throw error;
    }
  }

  async ping(): Promise<void> {
    const command = new HeadBucketCommand({ Bucket: this.#place.bucket });
    try {
      await this.#ask((options) => this.#client.send(command, options), { withinMs: PING_MS });
    } catch (error) {
      // No such bucket, or another region's.
      throw isAppError(error) ? error : errors.BLOB_STORE_UNAVAILABLE(error);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#client.destroy();
  }

  #ask<T>(send: (options: { readonly abortSignal: AbortSignal }) => Promise<T>, options?: AskOptions): Promise<T> {
    return ask(this.#options.name, send, options);
  }

  #objectKey(key: string): string {
    return `${this.#place.prefix}${key}`;
  }

  #at(key: string): { readonly Bucket: string; readonly Key: string } {
    return { Bucket: this.#place.bucket, Key: this.#objectKey(key) };
  }

  /** Takes apart what `createMultipart` gave. */
  #upload(key: string, multipartId: string) {
    const [, writer, UploadId] = /^([0-9a-f-]{36})\.(.+)$/.exec(multipartId) ?? [];
    const place = this.#at(parseKey(key));
    if (writer === undefined || UploadId === undefined) throw errors.BLOB_MULTIPART_NOT_FOUND(key);
    return { writer, place: { ...place, UploadId } };
  }
}

function toInfo(key: string, described: Described): BlobInfo {
  // Of a range S3 tells the length of the range, and behind it the object's: "bytes 2-3/9".
  const total = described.ContentRange?.split("/")[1];
  return {
    key,
    sizeBytes: total === undefined ? (described.ContentLength ?? 0) : Number(total),
    sha256: described.Metadata?.[SHA256_MARK],
    contentType: described.ContentType ?? DEFAULT_CONTENT_TYPE,
    updatedAt: toSecond(described.LastModified),
  };
}

/** Listings know the time more exactly than the objects themselves do. */
function toSecond(time = new Date(0)): Date {
  return new Date(Math.floor(time.getTime() / 1_000) * 1_000);
}

function isMultipartNotFound(error: unknown): boolean {
  return isAppError(error, errors.BLOB_MULTIPART_NOT_FOUND("").reason);
}

async function* one(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}
