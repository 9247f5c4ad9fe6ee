/**
 * Writes objects of any size in constant memory: what fits in one piece in one request, more as a multipart upload. A piece
 * is in memory when it is sent, so that it can be sent again, and while it is sent the next one is collected.
 */

import { createHash, type Hash } from "node:crypto";
import {
  AbortMultipartUploadCommand,
  type CompletedPart,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  PutObjectCommand,
  type S3Client,
  UploadPartCommand,
} from "@aws-sdk/client-s3";
import { type Clock, newId } from "#pkg/clock/clock";
import type { Logger } from "#pkg/obs/obs";
import { errors } from "./errors.ts";
import { ask, attemptsOf, isNamed, statusOf, timeFor } from "./s3-client.ts";

export interface S3Writing {
  readonly client: S3Client;
  /** The store's name. */
  readonly name: string;
  readonly bucket: string;
  readonly clock: Clock;
  readonly log: Logger;
  /** Which write made the object that is there, by the mark that it left. */
  readonly writerOf: (key: string) => Promise<string | undefined>;
}

export interface S3Write {
  /** As callers name it. */
  readonly key: string;
  /** As the bucket names it. */
  readonly objectKey: string;
  readonly contentType: string;
  /** Lower-case hex, where it is known before the first byte. */
  readonly sha256: string | undefined;
  readonly ifAbsent: boolean;
  readonly signal: AbortSignal | undefined;
}

/** Kept with each object: S3's own checksum of a multipart upload is none of the object's, and is silent about ranges. */
export const SHA256_MARK = "matinee-sha256";
/** Tells one's own write, whose answer was lost, from another's. */
export const WRITER_MARK = "matinee-writer";

const PIECE_BYTES = 8 * 1024 * 1024;
/** S3 takes 10,000 pieces: they grow, so that objects of 490 GiB fit, and only such large ones take so much memory. */
const PIECES_OF_ONE_SIZE = 2_000;
/** Completing joins the parts, for which S3 itself names minutes. */
export const COMPLETE_MS = 10 * 60_000;
/** How long whoever gives up waits for the piece that is being sent. */
const LAST_PART_MS = 2_000;
/** After that many answers that somebody else writes the key right now. */
const MAX_CONFLICTS = 5;
const CONFLICT_PAUSE_MS = 20;

/**
 * Writes what `open` yields; where it can be opened again, a race that S3 could not decide is run again. Throws
 * `BLOB_ALREADY_EXISTS`, `BLOB_CHECKSUM_MISMATCH`, `BLOB_WRITE_CONFLICT`.
 */
export async function writeObject(
  writing: S3Writing,
  write: S3Write,
  open: () => AsyncIterable<Uint8Array>,
  isRepeatable: boolean,
): Promise<{ readonly sizeBytes: number; readonly sha256: string }> {
  return persist(writing.clock, write, isRepeatable, () => writeOnce(writing, write, open()));
}

async function writeOnce(writing: S3Writing, write: S3Write, chunks: AsyncIterable<Uint8Array>) {
  const hash = createHash("sha256");
  let sizeBytes = 0;
  let upload: MultipartWrite | undefined;
  try {
    for await (const piece of inPieces(chunks, write.signal)) {
      sizeBytes += piece.bytes.byteLength;
      hash.update(piece.bytes);
      if (piece.isLast) {
        const sha256 = finish(write, hash);
        if (upload === undefined) await putWhole(writing, write, piece.bytes, sha256);
        else await upload.complete(piece.bytes);
        return { sizeBytes, sha256 };
      }
      upload ??= await beginMultipart(writing, write);
      await upload.add(piece.bytes);
    }
  } catch (error) {
    await upload?.abort();
    throw error;
  }
  throw new Error("the last piece is always told");
}

function finish(write: S3Write, hash: Hash): string {
  const sha256 = hash.digest("hex");
  if (write.sha256 !== undefined && write.sha256 !== sha256) throw errors.BLOB_CHECKSUM_MISMATCH(write.key);
  return sha256;
}

async function putWhole(writing: S3Writing, write: S3Write, bytes: Uint8Array, sha256: string): Promise<void> {
  const writer = newId();
  const command = () =>
    new PutObjectCommand({
      Bucket: writing.bucket,
      Key: write.objectKey,
      Body: bytes,
      ContentLength: bytes.byteLength,
      ContentType: write.contentType,
      ChecksumSHA256: toBase64(sha256),
      Metadata: { [SHA256_MARK]: sha256, [WRITER_MARK]: writer },
      ...(write.ifAbsent ? { IfNoneMatch: "*" } : {}),
    });
  const within = { signal: write.signal, withinMs: timeFor(bytes.byteLength) };
  // It lies in memory, so that it can be sent again wherever it came from.
  await persist(writing.clock, write, true, async () => {
    try {
      await ask(writing.name, (options) => writing.client.send(command(), options), within);
    } catch (error) {
      await passOver(writing, write, writer, error);
    }
  });
}

interface MultipartWrite {
  /** Resolves when the next piece may be given. */
  readonly add: (bytes: Uint8Array) => Promise<void>;
  readonly complete: (last: Uint8Array) => Promise<void>;
  readonly abort: () => Promise<void>;
}

async function beginMultipart(writing: S3Writing, write: S3Write): Promise<MultipartWrite> {
  const { client, bucket, name } = writing;
  // Before so much is sent for nothing.
  if (write.ifAbsent && (await writing.writerOf(write.key)) !== undefined) throw errors.BLOB_ALREADY_EXISTS(write.key);
  const writer = newId();
  const place = { Bucket: bucket, Key: write.objectKey };
  const create = new CreateMultipartUploadCommand({
    ...place,
    ContentType: write.contentType,
    ChecksumAlgorithm: "SHA256",
    Metadata: { [WRITER_MARK]: writer, ...(write.sha256 === undefined ? {} : { [SHA256_MARK]: write.sha256 }) },
  });
  // Whoever gives up meanwhile waits for the answer: without it nobody could abort what was begun.
  const { UploadId } = await ask(name, (options) => client.send(create, options));
  const upload = { ...place, UploadId };
  const parts: CompletedPart[] = [];
  const stop = new AbortController();
  let sending: Promise<void> = Promise.resolve();

  async function send(number: number, bytes: Uint8Array): Promise<void> {
    const ChecksumSHA256 = toBase64(createHash("sha256").update(bytes).digest("hex"));
    const part = { ...upload, PartNumber: number, Body: bytes, ContentLength: bytes.byteLength, ChecksumSHA256 };
    const { ETag } = await ask(name, (options) => client.send(new UploadPartCommand(part), options), {
      signal: stop.signal,
      withinMs: timeFor(bytes.byteLength),
    });
    parts.push({ PartNumber: number, ETag, ChecksumSHA256 });
  }

  async function add(bytes: Uint8Array): Promise<void> {
    await unlessAborted(sending, write.signal);
    sending = send(parts.length + 1, bytes);
    // It is awaited with the next one, or when the upload is aborted.
    sending.catch(() => {});
  }

  return {
    add,
    async complete(last) {
      await add(last);
      await unlessAborted(sending, write.signal);
      const complete = new CompleteMultipartUploadCommand({
        ...upload,
        MultipartUpload: { Parts: parts },
        ...(write.ifAbsent ? { IfNoneMatch: "*" } : {}),
      });
      const within = { signal: write.signal, withinMs: COMPLETE_MS };
      try {
        await ask(name, (options) => client.send(complete, options), within);
      } catch (error) {
        await passOver(writing, write, writer, error);
      }
    },
    async abort() {
      // A part that is cut may arrive after the abort all the same, and stay; so it is cut only where it takes long.
      const timer = setTimeout(() => stop.abort(), LAST_PART_MS);
      await sending.catch(() => {});
      clearTimeout(timer);
      try {
        await ask(name, (options) => client.send(new AbortMultipartUploadCommand(upload), options));
      } catch (err) {
        if (!isNamed(err, "NoSuchUpload"))
          writing.log.warn({ err, key: write.key }, "a multipart upload that failed stays in the store");
      }
    },
  };
}

/** Rejects with the signal's reason when it is aborted first. */
async function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return promise;
  signal.throwIfAborted();
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const abort = () => reject(signal.reason);
  signal.addEventListener("abort", abort, { once: true });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener("abort", abort);
  }
}

/** Returns where the answer to the first attempt was lost, and the object that is in the way is the one that was written. */
async function passOver(writing: S3Writing, write: S3Write, writer: string, error: unknown): Promise<void> {
  const isInTheWay = statusOf(error) === 412;
  if ((isInTheWay || isNamed(error, "NoSuchUpload")) && attemptsOf(error) > 1) {
    if ((await writing.writerOf(write.key)) === writer) return;
  }
  throw isInTheWay ? errors.BLOB_ALREADY_EXISTS(write.key) : error;
}

/** Runs it again as long as S3 says that the key is being written by somebody else. */
async function persist<T>(clock: Clock, write: S3Write, isRepeatable: boolean, run: () => Promise<T>): Promise<T> {
  for (let conflicts = 1; ; conflicts++) {
    try {
      return await run();
    } catch (error) {
      if (!isNamed(error, "ConditionalRequestConflict", "OperationAborted")) throw error;
      if (!isRepeatable || conflicts >= MAX_CONFLICTS) throw errors.BLOB_WRITE_CONFLICT(write.key, error);
      await clock.sleep(CONFLICT_PAUSE_MS * 2 ** conflicts, write.signal);
    }
  }
}

/** The bytes in pieces of their size, the last one with what is left, which is nothing only where there is nothing at all. */
async function* inPieces(
  chunks: AsyncIterable<Uint8Array>,
  signal: AbortSignal | undefined,
): AsyncGenerator<{ readonly bytes: Uint8Array; readonly isLast: boolean }> {
  let waiting: Uint8Array[] = [];
  let waitingBytes = 0;
  let pieces = 0;
  for await (const chunk of chunks) {
    signal?.throwIfAborted();
    let rest = chunk;
    for (;;) {
      const room = PIECE_BYTES * 2 ** Math.floor(pieces / PIECES_OF_ONE_SIZE) - waitingBytes;
      // A full piece waits for what follows: it may be the last.
      if (rest.byteLength <= room) break;
      yield { bytes: Buffer.concat([...waiting, rest.subarray(0, room)]), isLast: false };
      rest = rest.subarray(room);
      waiting = [];
      waitingBytes = 0;
      pieces++;
    }
    waiting.push(rest);
    waitingBytes += rest.byteLength;
  }
  signal?.throwIfAborted();
  yield { bytes: Buffer.concat(waiting), isLast: true };
}

/** S3's form of a checksum, of the port's. */
export function toBase64(hex: string): string {
  return Buffer.from(hex, "hex").toString("base64");
}
