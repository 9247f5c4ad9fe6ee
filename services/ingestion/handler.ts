/** The contract's methods: convert, call, convert. */

import type { IngestionService } from "#gen/matinee/ingestion/v1/ingestion_service_pb";
import { loadPage } from "#pkg/aip/page";
import { requireId } from "#pkg/aip/resource-name";
import type { Call, Handler } from "#pkg/rpc/call";
import { userOf } from "#pkg/rpc/principal";
import type { Assets } from "./assets.ts";
import {
  fromAssetState,
  fromProtection,
  toListedAsset,
  toProtoAsset,
  toProtoSignedPart,
  toProtoStoredPart,
  toProtoUpload,
} from "./convert.ts";
import type { Scope } from "./domain/asset.ts";
import type { Uploads } from "./uploads.ts";

const PARTS_PAGE = 1000;

export function ingestionHandler(uploads: Uploads, assets: Assets): Handler<typeof IngestionService> {
  return {
    async createUpload(request, call) {
      const upload = await uploads.create({
        ownerId: userOf(call).accountId,
        requestId: request.requestId,
        fileName: request.fileName,
        sizeBytes: Number(request.sizeBytes),
        protection: fromProtection(request.protection),
      });
      return { upload: toProtoUpload(upload) };
    },

    async getUpload(request, call) {
      return { upload: toProtoUpload(await uploads.load(uploadId(request), scopeOf(call, "assets.write"))) };
    },

    async signUploadParts(request, call) {
      const signed = await uploads.signParts(uploadId(request), scopeOf(call, "assets.write"), request.parts);
      return { parts: signed.map((part) => toProtoSignedPart(part.number, part.request)) };
    },

    async listUploadParts(request, call) {
      const scope = scopeOf(call, "assets.write");
      const page = await loadPage(request, {
        parameters: [request.name],
        fallbackSize: PARTS_PAGE,
        maxSize: PARTS_PAGE,
        load: (limit, after) =>
          uploads.listParts(uploadId(request), scope, { afterNumber: Number(after?.number ?? 0), limit }),
        cursorOf: (part) => ({ number: part.number }),
      });
      return { parts: page.items.map(toProtoStoredPart), nextPageToken: page.nextPageToken };
    },

    async completeUpload(request, call) {
      const asset = await uploads.complete(uploadId(request), scopeOf(call, "assets.write"), request.sha256);
      return { asset: toProtoAsset(asset) };
    },

    async abortUpload(request, call) {
      return { upload: toProtoUpload(await uploads.abort(uploadId(request), scopeOf(call, "assets.write"))) };
    },

    async getAsset(request, call) {
      return { asset: toProtoAsset(await assets.load(assetId(request), scopeOf(call, "assets.read"))) };
    },

    async listAssets(request, call) {
      const scope = scopeOf(call, "assets.read");
      const page = await loadPage(request, {
        parameters: [request.state],
        load: (limit, after) =>
          assets.list(scope, fromAssetState(request.state), {
            afterId: after === undefined ? undefined : String(after.id),
            limit,
          }),
        cursorOf: (asset) => ({ id: asset.id }),
      });
      return { assets: page.items.map(toListedAsset), nextPageToken: page.nextPageToken };
    },

    async deleteAsset(request, call) {
      return { asset: toProtoAsset(await assets.delete(assetId(request), scopeOf(call, "assets.write"), request)) };
    },
  };
}

/** Operators with the permission and modules reach every asset, everyone else their own. */
function scopeOf(call: Call, permission: string): Scope {
  const { principal } = call;
  if (principal.kind === "service") return { ownerId: undefined };
  const user = userOf(call);
  const reachesAll = user.roles.includes("operator") && user.permissions.includes(permission);
  return { ownerId: reachesAll ? undefined : user.accountId };
}

function uploadId(request: { readonly name: string }): string {
  return requireId("uploads", request.name);
}

function assetId(request: { readonly name: string }): string {
  return requireId("assets", request.name);
}
