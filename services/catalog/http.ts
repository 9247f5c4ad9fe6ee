/** Pictures of titles over HTTP. */

import { pipeline } from "node:stream/promises";
import type { BlobStore } from "#pkg/blobstore/blobstore";
import { edge } from "#pkg/rpc/access";
import type { RouteDeclaration, RouteHandler } from "#pkg/rpc/call";
import { artworkNotFound } from "./errors.ts";
import type { TitleStore } from "./store/title-store.ts";

/** Anyone may ask: the file's name is the hash of the picture, which only who saw the title knows. */
export const artworkRoute: RouteDeclaration = {
  method: "GET",
  path: "/images/{title}/{file}",
  access: edge("anyone"),
};

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

export function artworkHandler(deps: { readonly store: TitleStore; readonly images: BlobStore }): RouteHandler {
  return async (_request, response, call, params) => {
    const { title: titleId = "", file = "" } = params;
    const title = UUID.test(titleId) ? await deps.store.find(titleId) : undefined;
    const still = title?.stills.find(({ key }) => key.endsWith(`/${file}`));
    const blob = still && (await deps.images.find(still.key));
    if (blob === undefined) throw artworkNotFound();
    response.writeHead(200, {
      "content-type": "image/jpeg",
      "content-length": blob.sizeBytes,
      "cache-control": "public, max-age=31536000, immutable",
      "x-content-type-options": "nosniff",
    });
    await pipeline(await deps.images.get(blob.key, { signal: call.signal }), response);
  };
}
