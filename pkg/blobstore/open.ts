/** Opens the blob store that a URL names, loading only that adapter. */

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { errors } from "./errors.ts";
import type { OpenBlobStoreOptions, OpenedBlobStore } from "./opened.ts";

/**
 * `file:///folder` (a relative `file:./folder` counts from the working directory) keeps objects in a folder;
 * `memory:` keeps them in a temporary folder until the store is disposed. `s3://bucket/prefix` keeps them in a bucket of
 * Amazon S3, with the credentials and in the region that the SDK finds; `?region=…` names another region, `&endpoint=…`
 * something else that speaks the protocol, `&path-style=true` that it wants the bucket in the path.
 */
export async function openBlobStore(url: string, options: OpenBlobStoreOptions): Promise<OpenedBlobStore> {
  const scheme = url.slice(0, url.indexOf(":") + 1);
  switch (scheme) {
    case "file:": {
      const { openFileBlobStore } = await import("./file.ts");
      const folder = fileURLToPath(new URL(url, pathToFileURL(`${process.cwd()}/`)));
      return openFileBlobStore({ ...options, folder });
    }
    case "memory:": {
      const { openFileBlobStore } = await import("./file.ts");
      const folder = await mkdtemp(join(tmpdir(), "matinee-blobs-"));
      const onDispose = () => rm(folder, { recursive: true, force: true });
      return openFileBlobStore({ ...options, folder, onDispose });
    }
    case "s3:": {
      const { openS3BlobStore } = await import("./s3.ts");
      return openS3BlobStore({ ...options, url });
    }
    default:
      throw errors.BLOB_STORE_URL_UNSUPPORTED(scheme);
  }
}
