/** The license contract: converts, calls, converts. */

import type { LicenseService } from "#gen/matinee/license/v1/license_service_pb";
import { idOf, requireId } from "#pkg/aip/resource-name";
import type { Handler } from "#pkg/rpc/call";
import type { ContentKeys } from "./content-keys.ts";
import { toKeyClasses, toProtoContentKey, toProtoRecord, toProtoStatus } from "./convert.ts";
import type { KeySystems } from "./drm/systems.ts";
import type { Records } from "./records.ts";

export function licenseServiceHandler(use: {
  readonly contentKeys: ContentKeys;
  readonly records: Records;
  readonly systems: KeySystems;
}): Handler<typeof LicenseService> {
  return {
    async ensureContentKeys(request) {
      const assetId = requireId("assets", request.content);
      const keys = await use.contentKeys.ensure(assetId, toKeyClasses(request.trackClasses), request.cryptoPeriod);
      using opened = new DisposableStack();
      return { contentKeys: keys.map((key) => toProtoContentKey(key, opened.use(key.key))) };
    },

    async recordContentKeyIvs(request) {
      const of = {
        assetId: requireId("assets", request.content),
        packageId: requireId("packages", request.package),
        revision: request.revision,
      };
      await use.contentKeys.recordIvs(of, request.ivs);
      return {};
    },

    async listLicenseRecords(request) {
      const page = await use.records.list(request, {
        assetId: idOf("assets", request.asset),
        playSessionId: idOf("playSessions", request.playSession),
      });
      return { licenseRecords: page.items.map(toProtoRecord), nextPageToken: page.nextPageToken };
    },

    async listKeySystems(_request, { principal }) {
      const isViewer = principal.kind === "user" && !principal.permissions.includes("licenses.read");
      const systems = isViewer ? use.systems.listForViewers() : use.systems.list();
      return { keySystems: systems.map(toProtoStatus) };
    },
  };
}
