/**
 * Objects in a folder. An object becomes visible by linking its entry, after its bytes and the entry are on the disk, so
 * a process that dies at any point leaves nothing half visible; several processes may open the same folder.
 */

import { constants } from "node:fs";
import { access, copyFile, link, mkdir, open, readdir, readFile, rename, rm, rmdir, unlink } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Readable } from "node:stream";
import { type Clock, newId } from "#pkg/clock/clock";
import { isAppError } from "#pkg/errors/errors";
import { isFull } from "#pkg/errors/free-space";
import { isOutOfSpace, outOfSpace } from "#pkg/errors/space";
import { readHandleChunks } from "#pkg/files/read";
import type { Logger } from "#pkg/obs/obs";
import type { BlobInfo, BlobListing, BlobStore, ByteRange, PartInfo, PutOptions, SignedRequest } from "./blobstore.ts";
import { errors } from "./errors.ts";
import { hasCode, hashDurably, inFolderOf, readFiles, syncPath, writeDurably } from "./file-io.ts";
import { type Entry, FileLayout, parsePartFileName, partFileName } from "./file-layout.ts";
import { keepSweeping, listEntries } from "./file-sweep.ts";
import { filePartRoute, signPartUrl } from "./file-upload.ts";
import { parseKey, parsePrefix } from "./key.ts";
import type { OpenBlobStoreOptions, OpenedBlobStore } from "./opened.ts";

const DEFAULT_CONTENT_TYPE = "application/octet-stream";

export interface FileBlobStoreOptions extends OpenBlobStoreOptions {
  readonly folder: string;
  readonly onDispose?: () => Promise<void>;
}

/** Opens the folder, making it where it is missing. Throws `BLOB_STORE_UNAVAILABLE` where it cannot be written. */
export async function openFileBlobStore(options: FileBlobStoreOptions): Promise<OpenedBlobStore> {
  const layout = new FileLayout(options.folder, newId());
  try {
    await makePrivate(options.folder);
    for (const folder of [layout.objects, layout.data, layout.multipart, layout.tmp]) {
      await mkdir(folder, { recursive: true });
    }
    await mkdir(layout.ownTmp);
  } catch (error) {
    throw isOutOfSpace(error) ? outOfSpace(`the ${options.name} store`, error) : errors.BLOB_STORE_UNAVAILABLE(error);
  }
  const sweeping = await keepSweeping(layout, options.log);
  const store = new FileBlobStore(layout, options, sweeping);
  const { signingSecret } = options;
  if (signingSecret === undefined) return { store, routes: [] };
  const route = filePartRoute({
    store: options.name,
    signingSecret,
    clock: options.clock,
    log: options.log,
    storePart: (key, multipartId, part, body) => store.storePart(key, multipartId, part, body),
  });
  return { store, routes: [route] };
}

class FileBlobStore implements BlobStore {
  readonly #layout: FileLayout;
  readonly #options: FileBlobStoreOptions;
  readonly #clock: Clock;
  readonly #log: Logger;
  /** Ends of the running changes per key: two changes of one key in this process take turns. */
  readonly #turns = new Map<string, Promise<unknown>>();

  readonly #sweeping: AsyncDisposable;

  constructor(layout: FileLayout, options: FileBlobStoreOptions, sweeping: AsyncDisposable) {
    this.#layout = layout;
    this.#sweeping = sweeping;
    this.#options = options;
    this.#clock = options.clock;
    this.#log = options.log;
  }

  async put(key: string, body: Readable | Uint8Array, options: PutOptions = {}): Promise<BlobInfo> {
    parseKey(key);
    if (options.ifAbsent === true && (await this.#entry(key)) !== undefined) throw errors.BLOB_ALREADY_EXISTS(key);
    const chunks = body instanceof Uint8Array ? one(body) : body;
    return this.#store(key, options, async (path) => {
      const written = await writeDurably(path, chunks, options.signal === undefined ? {} : { signal: options.signal });
      if (options.sha256 !== undefined && written.sha256 !== options.sha256) throw errors.BLOB_CHECKSUM_MISMATCH(key);
      return written;
    });
  }

  async putFile(key: string, path: string, options: PutOptions = {}): Promise<BlobInfo> {
    parseKey(key);
    if (options.ifAbsent === true && (await this.#entry(key)) !== undefined) throw errors.BLOB_ALREADY_EXISTS(key);
    return this.#store(key, options, async (target) => {
      await linkOrCopy(path, target);
      const written = await hashDurably(target, options.signal);
      if (options.sha256 !== undefined && written.sha256 !== options.sha256) throw errors.BLOB_CHECKSUM_MISMATCH(key);
      return written;
    });
  }

  async get(
    key: string,
    options: { readonly range?: ByteRange; readonly signal?: AbortSignal } = {},
  ): ReturnType<BlobStore["get"]> {
    options.signal?.throwIfAborted();
    const entry = await this.#entry(parseKey(key));
    if (entry === undefined) throw errors.BLOB_NOT_FOUND(key);
    requireStart(entry, options.range);
    return { info: toInfo(entry), body: this.#read(key, entry, options) };
  }

  async *#read(
    key: string,
    found: Entry,
    { range, signal }: { readonly range?: ByteRange; readonly signal?: AbortSignal },
  ): AsyncGenerator<Uint8Array> {
    signal?.throwIfAborted();
    const { entry, handle } = await this.#withData(key, found, async (entry, path) => {
      requireStart(entry, range);
      return { entry, handle: await open(path, "r") };
    });
    const end = Math.min(range?.end ?? entry.sizeBytes - 1, entry.sizeBytes - 1);
    try {
      yield* readHandleChunks(handle, { start: range?.start ?? 0, end, signal });
    } catch (error) {
      throw this.#toStoreError(error);
    }
  }

  async getFile(key: string, path: string, options: { readonly signal?: AbortSignal } = {}): Promise<void> {
    options.signal?.throwIfAborted();
    await this.#withData(key, undefined, (_entry, data) => linkOrCopy(data, path));
  }

  async find(key: string): Promise<BlobInfo | undefined> {
    const entry = await this.#entry(parseKey(key));
    return entry === undefined ? undefined : toInfo(entry);
  }

  async *list(prefix: string): AsyncIterable<BlobListing> {
    for await (const entry of listEntries(this.#layout, parsePrefix(prefix))) {
      const { key, sizeBytes, updatedAt } = toInfo(entry);
      yield { key, sizeBytes, updatedAt };
    }
  }

  async delete(key: string): Promise<void> {
    parseKey(key);
    await this.#inTurn(key, async () => {
      // The entry leaves sight in one rename and still names its bytes, for the sweep of a process that dies here.
      const gone = this.#layout.tmpPath(`${newId()}.deleted`);
      try {
        await rename(this.#layout.entryPath(key), gone);
      } catch (error) {
        if (hasCode(error, "ENOENT")) return;
        throw this.#toStoreError(error);
      }
      const entry = parseEntry(await readFile(gone, "utf8"));
      await rm(this.#layout.dataPath(entry.data), { force: true });
      await rm(gone, { force: true });
      await this.#removeEmptyFolders(dirname(this.#layout.entryPath(key)));
    });
  }

  async deletePrefix(prefix: string): Promise<void> {
    for await (const entry of listEntries(this.#layout, parsePrefix(prefix))) await this.delete(entry.key);
  }

  async createMultipart(key: string, options: { readonly contentType?: string } = {}): Promise<string> {
    parseKey(key);
    const id = newId();
    // Built aside, so that the upload appears together with its description.
    const building = this.#layout.tmpPath(id);
    try {
      await mkdir(building);
      const upload = { key, contentType: options.contentType ?? DEFAULT_CONTENT_TYPE };
      await writeDurably(join(building, "upload.json"), one(Buffer.from(JSON.stringify(upload))));
      await syncPath(building);
      await rename(building, this.#layout.multipartFolder(id));
      await syncPath(this.#layout.multipart);
    } catch (error) {
      await rm(building, { recursive: true, force: true });
      throw this.#toStoreError(error);
    }
    return id;
  }

  async signPart(
    key: string,
    multipartId: string,
    part: { readonly number: number; readonly sizeBytes: number; readonly sha256: string; readonly expiresAt: Date },
  ): Promise<SignedRequest> {
    parseKey(key);
    const { name, signingSecret, publicBase } = this.#options;
    if (signingSecret === undefined) throw errors.BLOB_STORE_CANNOT_SIGN(name);
    return signPartUrl({ store: name, key, multipartId, ...part }, signingSecret, publicBase ?? "");
  }

  /** Keeps a part that was PUT to a signed URL; the same number again replaces it. */
  async storePart(
    key: string,
    multipartId: string,
    part: { readonly number: number; readonly sizeBytes: number; readonly sha256: string },
    body: AsyncIterable<Uint8Array>,
  ): Promise<PartInfo> {
    const folder = await this.#uploadFolder(key, multipartId);
    const building = this.#layout.tmpPath(newId());
    try {
      const written = await writeDurably(building, body, { maxBytes: part.sizeBytes });
      if (written.sha256 !== part.sha256 || written.sizeBytes !== part.sizeBytes)
        throw errors.BLOB_CHECKSUM_MISMATCH(key);
      // Of two versions of a part that come at once, each would take the other for the one to be replaced.
      await this.#inTurn(`${multipartId} ${part.number}`, () => this.#replacePart(folder, building, part));
    } catch (error) {
      await rm(building, { force: true });
      if (!hasCode(error, "ENOENT")) throw this.#toStoreError(error);
      // Either the upload was aborted, or this process stood still for so long that its files were swept.
      await this.#uploadFolder(key, multipartId);
      throw errors.BLOB_STORE_UNAVAILABLE(error);
    }
    return { ...part, etag: part.sha256 };
  }

  async #replacePart(
    folder: string,
    building: string,
    part: { readonly number: number; readonly sizeBytes: number; readonly sha256: string },
  ): Promise<void> {
    const name = partFileName(part);
    await rename(building, join(folder, name));
    await syncPath(folder);
    for (const other of await readdir(folder)) {
      if (other !== name && parsePartFileName(other)?.number === part.number) {
        await rm(join(folder, other), { force: true });
      }
    }
  }

  async listParts(key: string, multipartId: string): Promise<PartInfo[]> {
    parseKey(key);
    const folder = await this.#uploadFolder(key, multipartId);
    const byNumber = new Map<number, PartInfo>();
    for (const name of (await readdir(folder)).sort()) {
      const part = parsePartFileName(name);
      if (part !== undefined) byNumber.set(part.number, { ...part, etag: part.sha256 });
    }
    return [...byNumber.values()];
  }

  async completeMultipart(
    key: string,
    multipartId: string,
    parts: readonly { readonly number: number; readonly etag: string }[],
  ): Promise<BlobInfo> {
    parseKey(key);
    const done = await this.#entry(key);
    if (done?.multipartId === multipartId) {
      await this.abortMultipart(key, multipartId);
      return toInfo(done);
    }
    const folder = await this.#uploadFolder(key, multipartId);
    const upload = JSON.parse(await readFile(join(folder, "upload.json"), "utf8")) as { contentType: string };
    const stored = new Map((await this.listParts(key, multipartId)).map((part) => [part.number, part]));
    if (parts.length === 0) throw errors.BLOB_PART_INVALID(key, 1);
    const paths: string[] = [];
    let last = 0;
    for (const part of parts) {
      const found = stored.get(part.number);
      if (found === undefined || found.etag !== part.etag || part.number <= last)
        throw errors.BLOB_PART_INVALID(key, part.number);
      last = part.number;
      paths.push(join(folder, partFileName(found)));
    }
    const info = await this.#store(key, { contentType: upload.contentType, multipartId }, (path) =>
      writeDurably(path, readFiles(paths)),
    );
    await this.abortMultipart(key, multipartId);
    return info;
  }

  async abortMultipart(key: string, multipartId: string): Promise<void> {
    parseKey(key);
    try {
      const folder = await this.#uploadFolder(key, multipartId);
      const gone = this.#layout.tmpPath(`${newId()}.aborted`);
      await rename(folder, gone);
      await rm(gone, { recursive: true, force: true });
    } catch (error) {
      const absent = hasCode(error, "ENOENT") || isMultipartNotFound(error);
      if (!absent) throw this.#toStoreError(error);
    }
  }

  async ping(): Promise<void> {
    try {
      await access(this.#layout.ownTmp, constants.W_OK);
    } catch (error) {
      throw errors.BLOB_STORE_UNAVAILABLE(error);
    }
    if (await isFull(this.#layout.tmp)) throw outOfSpace(`the ${this.#options.name} store`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#sweeping[Symbol.asyncDispose]();
    await this.#options.onDispose?.();
  }

  /** Writes the bytes by `write`, then publishes them under the key. Nothing is left behind on failure. */
  async #store(
    key: string,
    options: Pick<PutOptions, "contentType" | "ifAbsent"> & { readonly multipartId?: string },
    write: (path: string) => Promise<{ readonly sizeBytes: number; readonly sha256: string }>,
  ): Promise<BlobInfo> {
    const id = newId();
    const building = this.#layout.tmpPath(id);
    const description = this.#layout.tmpPath(`${id}.json`);
    const data = this.#layout.dataPath(id);
    try {
      const written = await write(building);
      return await this.#inTurn(key, async () => {
        const previous = await this.#entry(key);
        if (previous !== undefined && options.ifAbsent === true) throw errors.BLOB_ALREADY_EXISTS(key);
        if (options.multipartId !== undefined && previous?.multipartId === options.multipartId) return toInfo(previous);
        const entry: Entry = {
          key,
          data: id,
          sizeBytes: written.sizeBytes,
          sha256: written.sha256,
          contentType: options.contentType ?? DEFAULT_CONTENT_TYPE,
          updatedAt: this.#clock.now().toISOString(),
          ...(options.multipartId === undefined ? {} : { multipartId: options.multipartId }),
          ...(previous === undefined ? {} : { replaces: previous.data }),
        };
        await writeDurably(description, one(Buffer.from(JSON.stringify(entry))));
        await inFolderOf(data, () => link(building, data));
        await syncPath(dirname(data));
        try {
          await this.#publish(key, description, options.ifAbsent === true);
        } catch (error) {
          await rm(data, { force: true });
          throw error;
        }
        if (previous !== undefined) await rm(this.#layout.dataPath(previous.data), { force: true });
        return toInfo(entry);
      });
    } catch (error) {
      throw this.#toStoreError(error);
    } finally {
      await rm(description, { force: true });
      await rm(building, { force: true });
    }
  }

  async #publish(key: string, description: string, ifAbsent: boolean): Promise<void> {
    const path = this.#layout.entryPath(key);
    if (ifAbsent) {
      try {
        await inFolderOf(path, () => link(description, path));
      } catch (error) {
        throw hasCode(error, "EEXIST") ? errors.BLOB_ALREADY_EXISTS(key) : error;
      }
    } else {
      // The description stays until its bytes are accounted for, so a second name of it takes the entry's place.
      const swap = `${description}.swap`;
      await link(description, swap);
      try {
        await inFolderOf(path, () => rename(swap, path));
      } finally {
        await rm(swap, { force: true });
      }
    }
    await syncPath(dirname(path));
  }

  /** Runs `use` on the object's data file, again where the object was replaced since `known` or in between. */
  async #withData<T>(
    key: string,
    known: Entry | undefined,
    use: (entry: Entry, path: string) => Promise<T>,
  ): Promise<T> {
    parseKey(key);
    let tried: string | undefined;
    for (;;) {
      const entry: Entry | undefined = (tried === undefined ? known : undefined) ?? (await this.#entry(key));
      if (entry === undefined) throw errors.BLOB_NOT_FOUND(key);
      try {
        return await use(entry, this.#layout.dataPath(entry.data));
      } catch (error) {
        // Reading takes no room here: what is full then is where the caller wants the file.
        if (hasCode(error, "ENOSPC", "EDQUOT")) throw error;
        if (!hasCode(error, "ENOENT")) throw this.#toStoreError(error);
        if (tried === entry.data) throw errors.BLOB_STORE_UNAVAILABLE(error);
        tried = entry.data;
      }
    }
  }

  async #entry(key: string): Promise<Entry | undefined> {
    try {
      return parseEntry(await readFile(this.#layout.entryPath(key), "utf8"));
    } catch (error) {
      if (hasCode(error, "ENOENT")) return undefined;
      throw this.#toStoreError(error);
    }
  }

  async #uploadFolder(key: string, multipartId: string): Promise<string> {
    if (!/^[0-9a-f-]{36}$/.test(multipartId)) throw errors.BLOB_MULTIPART_NOT_FOUND(key);
    const folder = this.#layout.multipartFolder(multipartId);
    try {
      const upload = JSON.parse(await readFile(join(folder, "upload.json"), "utf8")) as { key: string };
      if (upload.key !== key) throw errors.BLOB_MULTIPART_NOT_FOUND(key);
      return folder;
    } catch (error) {
      throw hasCode(error, "ENOENT") ? errors.BLOB_MULTIPART_NOT_FOUND(key) : error;
    }
  }

  #toStoreError(error: unknown): unknown {
    if (hasCode(error, "ENOSPC", "EDQUOT")) return outOfSpace(`the ${this.#options.name} store`, error);
    if (hasCode(error, "EACCES", "EROFS", "EIO", "EMFILE", "ENFILE")) return errors.BLOB_STORE_UNAVAILABLE(error);
    return error;
  }

  async #inTurn<T>(key: string, action: () => Promise<T>): Promise<T> {
    const before = this.#turns.get(key) ?? Promise.resolve();
    const mine = before.then(action, action);
    this.#turns.set(key, mine);
    try {
      return await mine;
    } finally {
      if (this.#turns.get(key) === mine) this.#turns.delete(key);
    }
  }

  async #removeEmptyFolders(from: string): Promise<void> {
    for (let folder = from; folder.startsWith(`${this.#layout.objects}/`); folder = dirname(folder)) {
      try {
        await rmdir(folder);
      } catch (error) {
        if (!hasCode(error, "ENOTEMPTY", "EEXIST", "ENOENT")) {
          this.#log.warn({ err: error, folder }, "an empty folder of the blob store stays");
        }
        return;
      }
    }
  }
}

/** A new folder is for its owner alone, for originals lie in it in the clear; one that is there stays as it is. */
async function makePrivate(folder: string): Promise<void> {
  await mkdir(dirname(folder), { recursive: true });
  await mkdir(folder, { recursive: true, mode: 0o700 });
}

function requireStart(entry: Entry, range: ByteRange | undefined): void {
  if (range !== undefined && range.start >= entry.sizeBytes)
    throw errors.BLOB_RANGE_NOT_SATISFIABLE(entry.key, entry.sizeBytes);
}

function toInfo(entry: Entry): BlobInfo {
  return {
    key: entry.key,
    sizeBytes: entry.sizeBytes,
    sha256: entry.sha256,
    contentType: entry.contentType,
    updatedAt: new Date(entry.updatedAt),
  };
}

/** Entries are written by this adapter alone. */
function parseEntry(json: string): Entry {
  return JSON.parse(json) as Entry;
}

async function* one(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

/** A second name for the file where both lie on one file system, otherwise a copy (by reference where it can be). */
async function linkOrCopy(from: string, to: string): Promise<void> {
  try {
    await link(from, to);
  } catch (error) {
    // EPERM: some systems refuse a link to a file of another user (fs.protected_hardlinks).
    if (!hasCode(error, "EXDEV", "EPERM", "EMLINK", "ENOTSUP")) throw error;
    try {
      await copyFile(from, to, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE);
    } catch (copyError) {
      if (!hasCode(copyError, "EEXIST")) await unlink(to).catch(() => {});
      throw copyError;
    }
  }
}

function isMultipartNotFound(error: unknown): boolean {
  return isAppError(error, errors.BLOB_MULTIPART_NOT_FOUND("").reason);
}
