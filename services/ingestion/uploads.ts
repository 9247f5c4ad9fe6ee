/** Taking files in, part by part. */

import type { BlobStore, PartInfo, SignedRequest } from "#pkg/blobstore/blobstore";
import { type Clock, newId } from "#pkg/clock/clock";
import type { Db, Tx } from "#pkg/postgres/db";
import { type Asset, originalKey, type Protection, type Scope } from "./domain/asset.ts";
import { toFileName } from "./domain/file-name.ts";
import { exceededLimit, type Holding } from "./domain/quota.ts";
import { missingParts, partSizeOf, planParts, type Upload } from "./domain/upload.ts";
import { errors } from "./errors.ts";
import type { IngestionEvents } from "./events.ts";
import type { AssetStore } from "./store/asset-store.ts";
import type { PurgeStore } from "./store/purge-store.ts";
import type { UploadStore } from "./store/upload-store.ts";

export interface UploadsOptions {
  readonly db: Db;
  readonly assets: AssetStore;
  readonly uploads: UploadStore;
  readonly purges: PurgeStore;
  readonly originals: BlobStore;
  readonly events: IngestionEvents;
  readonly clock: Clock;
  readonly partSizeBytes: number;
  readonly uploadTtlMs: number;
  readonly signedUrlTtlMs: number;
  /** What one account may have. */
  readonly quota: Holding;
}

export interface NewUpload {
  readonly ownerId: string;
  readonly requestId: string;
  readonly fileName: string;
  readonly sizeBytes: number;
  readonly protection: Protection;
}

export class Uploads {
  readonly #options: UploadsOptions;

  constructor(options: UploadsOptions) {
    this.#options = options;
  }

  /**
   * The upload that this request makes or made. Throws `UPLOAD_REQUEST_REUSED` where it made one of another file,
   * `UPLOAD_QUOTA_EXCEEDED` where the account may not have another one.
   */
  async create(wanted: NewUpload): Promise<Upload> {
    const { db, assets, uploads, events, clock, quota } = this.#options;
    const now = clock.now();
    const fileName = toFileName(wanted.fileName);
    const asset: Asset = {
      id: newId(),
      ownerId: wanted.ownerId,
      fileName,
      state: "uploading",
      protection: wanted.protection,
      sizeBytes: wanted.sizeBytes,
      sha256: undefined,
      media: undefined,
      rejection: undefined,
      waiting: undefined,
      version: 1,
      purgeAt: undefined,
      createdAt: now,
      updatedAt: now,
    };
    const planned: Upload = {
      id: newId(),
      assetId: asset.id,
      ownerId: wanted.ownerId,
      fileName,
      sizeBytes: wanted.sizeBytes,
      ...planParts(wanted.sizeBytes, this.#options.partSizeBytes),
      multipartId: undefined,
      state: "active",
      sha256: undefined,
      expiresAt: new Date(now.getTime() + this.#options.uploadTtlMs),
      createdAt: now,
    };
    const upload = await db.tx(async (tx) => {
      // What is opened at the same time is counted one after the other.
      await uploads.lockOwner(tx, wanted.ownerId);
      if (await uploads.insert(tx, planned, wanted.requestId)) {
        await assets.insert(tx, asset);
        const held = await uploads.holdingOf(tx, wanted.ownerId);
        const exceeded = exceededLimit(held, quota);
        if (exceeded !== undefined) throw errors.UPLOAD_QUOTA_EXCEEDED(exceeded, held, quota);
        events.uploadCreated(tx, planned);
        return planned;
      }
      const made = await uploads.findByRequest(tx, wanted.ownerId, wanted.requestId);
      const of = made && (await assets.find(made.assetId, { ownerId: wanted.ownerId }, tx));
      const same =
        of?.fileName === fileName && of.sizeBytes === wanted.sizeBytes && of.protection === wanted.protection;
      if (made === undefined || !same) throw errors.UPLOAD_REQUEST_REUSED();
      return made;
    });
    return upload.state === "active" ? this.#begun(upload) : upload;
  }

  /** Throws `UPLOAD_NOT_FOUND`. */
  async load(id: string, scope: Scope): Promise<Upload> {
    const upload = await this.#options.uploads.find(id, scope);
    if (upload === undefined) throw errors.UPLOAD_NOT_FOUND();
    return upload;
  }

  /** Throws `UPLOAD_NOT_FOUND`, `UPLOAD_NOT_ACTIVE`, `UPLOAD_PART_INVALID`. */
  async signParts(
    id: string,
    scope: Scope,
    parts: readonly { readonly number: number; readonly sha256: string }[],
  ): Promise<{ readonly number: number; readonly request: SignedRequest }[]> {
    const { originals, clock, signedUrlTtlMs } = this.#options;
    const upload = await this.#begun(this.#active(await this.load(id, scope)));
    const outside = parts.find((part) => part.number > upload.partCount);
    if (outside !== undefined) throw errors.UPLOAD_PART_INVALID(outside.number, upload.partCount);
    const expiresAt = new Date(Math.min(clock.now().getTime() + signedUrlTtlMs, upload.expiresAt.getTime()));
    return Promise.all(
      parts.map(async ({ number, sha256 }) => ({
        number,
        request: await originals.signPart(originalKey(upload.assetId), upload.multipartId, {
          number,
          sizeBytes: partSizeOf(upload, number),
          sha256,
          expiresAt,
        }),
      })),
    );
  }

  /** Stored parts by number, from the one after `afterNumber` on. Throws `UPLOAD_NOT_FOUND`, `UPLOAD_NOT_ACTIVE`. */
  async listParts(
    id: string,
    scope: Scope,
    page: { readonly afterNumber: number; readonly limit: number },
  ): Promise<PartInfo[]> {
    const upload = this.#active(await this.load(id, scope));
    const stored = await this.#storedParts(upload);
    return stored.filter((part) => part.number > page.afterNumber).slice(0, page.limit);
  }

  /**
   * Hands the upload over to inspection; again after that it answers the same asset. Throws `UPLOAD_NOT_FOUND`,
   * `UPLOAD_NOT_ACTIVE`, `UPLOAD_PARTS_MISSING`, `UPLOAD_COMPLETED_OTHERWISE`.
   */
  async complete(id: string, scope: Scope, sha256: string): Promise<Asset> {
    const { db, assets, uploads, events, clock } = this.#options;
    const upload = await this.load(id, scope);
    if (upload.state === "completing" || upload.state === "completed") return this.#completed(upload, scope, sha256);
    this.#active(upload);
    const missing = missingParts(upload, await this.#storedParts(upload));
    if (missing.length > 0) throw errors.UPLOAD_PARTS_MISSING(missing);
    const asset = await db.tx(async (tx) => {
      const now = clock.now();
      const completing = await uploads.markCompleting(tx, id, sha256, now);
      if (completing === undefined) return undefined;
      events.uploadCompleted(tx, completing);
      return assets.markInspecting(tx, upload.assetId, now);
    });
    // Another call was first: it decides.
    return asset ?? this.#completed(await this.load(id, scope), scope, sha256);
  }

  /** Gives an unfinished upload up; again after that it changes nothing. Throws `UPLOAD_NOT_FOUND`, `UPLOAD_NOT_ACTIVE`. */
  async abort(id: string, scope: Scope): Promise<Upload> {
    const { db, uploads, events, clock } = this.#options;
    await this.load(id, scope);
    const aborted = await db.tx(async (tx) => {
      const upload = await uploads.markAborted(tx, id, clock.now());
      if (upload !== undefined) {
        events.uploadAborted(tx, upload);
        await this.#discard(tx, upload);
      }
      return upload;
    });
    if (aborted !== undefined) return aborted;
    const upload = await this.load(id, scope);
    if (upload.state === "completing" || upload.state === "completed") throw errors.UPLOAD_NOT_ACTIVE(upload.state);
    return upload;
  }

  /** Expires up to `limit` uploads whose time is up, and answers how many it were. */
  async expire(limit: number): Promise<number> {
    const { db, uploads, events, clock } = this.#options;
    return db.tx(async (tx) => {
      const expired = await uploads.expire(tx, clock.now(), limit);
      for (const upload of expired) {
        events.uploadExpired(tx, upload);
        await this.#discard(tx, upload);
      }
      return expired.length;
    });
  }

  /** When the next upload expires, where there is one. */
  nextExpiry(): Promise<Date | undefined> {
    return this.#options.uploads.nextExpiry();
  }

  async #discard(tx: Tx, upload: Upload): Promise<void> {
    const { assets, purges, clock } = this.#options;
    const now = clock.now();
    await assets.markDeleted(tx, upload.assetId, { purgeAt: now, now });
    await purges.add(tx, { assetId: upload.assetId, multipartId: upload.multipartId, until: now }, now);
  }

  #active(upload: Upload): Upload {
    if (upload.state !== "active") throw errors.UPLOAD_NOT_ACTIVE(upload.state);
    if (upload.expiresAt <= this.#options.clock.now()) throw errors.UPLOAD_NOT_ACTIVE("expired");
    return upload;
  }

  async #completed(upload: Upload, scope: Scope, sha256: string): Promise<Asset> {
    if (upload.state !== "completing" && upload.state !== "completed") throw errors.UPLOAD_NOT_ACTIVE(upload.state);
    if (upload.sha256 !== sha256) throw errors.UPLOAD_COMPLETED_OTHERWISE();
    const asset = await this.#options.assets.find(upload.assetId, scope);
    if (asset === undefined) throw errors.ASSET_NOT_FOUND();
    return asset;
  }

  async #storedParts(upload: Upload): Promise<PartInfo[]> {
    if (upload.multipartId === undefined) return [];
    return this.#options.originals.listParts(originalKey(upload.assetId), upload.multipartId);
  }

  /** The upload with a multipart upload of the store's, which a process that died may have left out. */
  async #begun(upload: Upload): Promise<Upload & { readonly multipartId: string }> {
    if (upload.multipartId !== undefined) return { ...upload, multipartId: upload.multipartId };
    const { originals, uploads } = this.#options;
    const key = originalKey(upload.assetId);
    const multipartId = await originals.createMultipart(key);
    if ((await uploads.setMultipartId(upload.id, multipartId)) !== undefined) return { ...upload, multipartId };
    await originals.abortMultipart(key, multipartId);
    const current = await this.load(upload.id, { ownerId: undefined });
    if (current.multipartId === undefined) throw errors.UPLOAD_NOT_ACTIVE(current.state);
    return { ...current, multipartId: current.multipartId };
  }
}
