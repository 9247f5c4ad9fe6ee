/** The packager contract: converts, calls, converts. */

import type { PackagerService } from "#gen/matinee/packager/v1/packager_service_pb";
import { idOf, requireId } from "#pkg/aip/resource-name";
import type { Handler } from "#pkg/rpc/call";
import { toPackageProto } from "./convert.ts";
import type { Packages } from "./packages.ts";

export function packagerHandler(packages: Packages): Handler<typeof PackagerService> {
  return {
    async getPackage(request) {
      return { package: toPackageProto(await packages.get(requireId("packages", request.name), request.revision)) };
    },

    async listPackages(request) {
      const page = await packages.list(request, { assetId: idOf("assets", request.asset) });
      return { packages: page.items.map(toPackageProto), nextPageToken: page.nextPageToken };
    },

    async retryPackage(request) {
      return { package: toPackageProto(await packages.retry(requireId("packages", request.name), request.revision)) };
    },
  };
}
