/** Pictures of titles, and of films without one, over HTTP. */

import type { BlobStore } from "#pkg/blobstore/blobstore";
import { isAppError } from "#pkg/errors/errors";
import { send } from "#pkg/http/send";
import { edge } from "#pkg/rpc/access";
import type { RouteDeclaration, RouteHandler } from "#pkg/rpc/call";
import { errors } from "./errors.ts";
import type { TitleStore } from "./store/title-store.ts";

/** Anyone may ask: the file's name is the hash of the picture, which only who saw the title knows. */
export const artworkRoute: RouteDeclaration = {
  method: "GET",
  path: "/images/{id}/{file}",
  access: edge("anyone"),
};

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

export function artworkHandler(deps: { readonly store: TitleStore; readonly images: BlobStore }): RouteHandler {
  return async (request, response, call, params) => {
    const { id = "", file = "" } = params;
    const stills = UUID.test(id) ? await deps.store.findStills(id) : [];
    const pictures = stills.flatMap((still) => [still, ...still.sizes, ...still.webp]);
    const picture = pictures.find(({ key }) => key.endsWith(`/${file}`));
    if (picture === undefined) throw errors.ARTWORK_NOT_FOUND();
    // The file's name is the hash of what is in it.
    const headers = {
      "content-type": file.endsWith(".webp") ? "image/webp" : "image/jpeg",
      "cache-control": "public, max-age=31536000, immutable",
      "x-content-type-options": "nosniff",
      etag: `"${file}"`,
    };
    if (request.headers["if-none-match"] === headers.etag) return send(response, { status: 304, headers });
    const { info, body } = await deps.images.get(picture.key, { signal: call.signal }).catch((error: unknown) => {
      throw isAppError(error, "BLOB_NOT_FOUND") ? errors.ARTWORK_NOT_FOUND() : error;
    });
    await send(response, { status: 200, headers: { ...headers, "content-length": info.sizeBytes }, body });
  };
}
