/** The packager contract: converts, calls, converts. */

import type { PackagerService } from "#gen/matinee/packager/v1/packager_service_pb";
import { idOf, requireRevision } from "#pkg/aip/resource-name";
import type { Handler } from "#pkg/rpc/call";
import { toProtoPackage } from "./convert.ts";
import type { Packages } from "./packages.ts";

export function packagerHandler(packages: Packages): Handler<typeof PackagerService> {
  return {
    async getPackage(request) {
      const { id, revision } = requireRevision("packages", request.name);
      return { package: toProtoPackage(await packages.get(id, revision)) };
    },

    async listPackages(request) {
      const page = await packages.list(request, { assetId: idOf("assets", request.asset) });
      return { packages: page.items.map(toProtoPackage), nextPageToken: page.nextPageToken };
    },

    async retryPackage(request) {
      const { id, revision } = requireRevision("packages", request.name);
      return { package: toProtoPackage(await packages.retry(id, Number(revision))) };
    },
  };
}
