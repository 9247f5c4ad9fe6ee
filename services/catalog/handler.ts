/** The catalog's contract onto its use cases. */

import type { CatalogService } from "#gen/matinee/catalog/v1/catalog_service_pb";
import type { Title as ProtoTitle } from "#gen/matinee/catalog/v1/title_pb";
import { decodePageToken, encodePageToken, loadPage, pageSizeOf } from "#pkg/aip/page";
import { idOf, requireId } from "#pkg/aip/resource-name";
import type { Call, Handler } from "#pkg/rpc/call";
import type { Browsing, RowChooser } from "./browsing.ts";
import {
  fromProtoChange,
  fromProtoFields,
  fromProtoKinds,
  fromProtoState,
  packageFromJson,
  seenToViewer,
  toProtoAvailability,
  toProtoHomeRow,
  toProtoSearchIndex,
  toProtoSeen,
  toProtoTitle,
} from "./convert.ts";
import type { ViewerContext } from "./domain/availability.ts";
import type { Viewers } from "./peers.ts";
import type { Rebuilding } from "./rebuilding.ts";
import type { Titles } from "./titles.ts";

export function catalogHandler(deps: {
  readonly titles: Titles;
  readonly browsing: Browsing;
  readonly rebuilding: Rebuilding;
  readonly rowsFor: (call: Call) => RowChooser;
  readonly viewers: Viewers;
  readonly territoryOf: (call: Call) => string;
  readonly rowItems: number;
}): Handler<typeof CatalogService> {
  const { titles, browsing, rebuilding, viewers } = deps;
  const studioOf = (call: Call): ViewerContext => ({
    territory: deps.territoryOf(call),
    tier: undefined,
    maximumAge: undefined,
  });
  const titleId = (name: string) => requireId("titles", name);

  return {
    async createTitle({ title, requestId }) {
      return { title: toProtoTitle(await titles.create(fromProtoFields(title as ProtoTitle), requestId)) };
    },

    async getTitle({ name }, call) {
      if (isOperator(call)) {
        return { title: toProtoSeen(browsing.see(await titles.get(titleId(name)), studioOf(call))) };
      }
      const viewer = await viewers.of(call);
      return { title: seenToViewer(await browsing.get(titleId(name), viewer), viewer.language) };
    },

    async batchGetTitles({ names }, call) {
      const viewer = await viewers.of(call);
      const seen = await browsing.getMany(names.map(titleId), viewer);
      return { titles: seen.map((one) => seenToViewer(one, viewer.language)) };
    },

    async listTitles(request, call) {
      const viewer = isOperator(call) ? undefined : await viewers.of(call);
      const state = viewer === undefined ? fromProtoState(request.state) : "published";
      const kinds = fromProtoKinds(request.kinds);
      const page = await loadPage(request, {
        parameters: [state ?? "", request.asset, kinds.join()],
        load: (limit, after) =>
          titles.list(
            { state, kinds, assetId: idOf("assets", request.asset), maximumAge: viewer?.maximumAge },
            limit,
            after && { at: new Date(String(after.at)), id: String(after.id) },
          ),
        cursorOf: (title) => ({ at: title.createdAt.toISOString(), id: title.id }),
      });
      return {
        titles: page.items.map((title) =>
          viewer === undefined
            ? toProtoSeen(browsing.see(title, studioOf(call)))
            : seenToViewer(browsing.see(title, viewer), viewer.language),
        ),
        nextPageToken: page.nextPageToken,
      };
    },

    async updateTitle({ title, updateMask }) {
      const { name, etag } = title as ProtoTitle;
      const change = fromProtoChange(title as ProtoTitle, updateMask?.paths ?? []);
      return { title: toProtoTitle(await titles.update(titleId(name), change, etag)) };
    },

    async publishTitle({ name, etag }) {
      return { title: toProtoTitle(await titles.publish(titleId(name), etag)) };
    },

    async unpublishTitle({ name, etag }) {
      return { title: toProtoTitle(await titles.unpublish(titleId(name), etag)) };
    },

    async deleteTitle({ name, etag }) {
      return { title: toProtoTitle(await titles.delete(titleId(name), etag)) };
    },

    async undeleteTitle({ name }) {
      return { title: toProtoTitle(await titles.undelete(titleId(name))) };
    },

    async searchTitles(request, call) {
      const parameters = [request.query, request.genres.join(), request.languages.join()];
      const after = decodePageToken(request.pageToken, parameters);
      const viewer = await viewers.of(call);
      const found = await browsing.search(
        {
          text: request.query,
          genres: request.genres,
          languages: request.languages,
          limit: pageSizeOf(request, 20, 100),
          cursor: after && String(after.cursor),
        },
        viewer,
      );
      return {
        hits: found.hits.map((hit) => ({ title: seenToViewer(hit, viewer.language), score: hit.score })),
        nextPageToken: found.cursor === undefined ? "" : encodePageToken({ cursor: found.cursor }, parameters),
        facetCounts: Object.entries(found.facetCounts).flatMap(([facet, counts]) =>
          counts.map(({ value, count }) => ({ facet, value, count })),
        ),
      };
    },

    async getSearchIndex() {
      return { searchIndex: toProtoSearchIndex(await rebuilding.find()) };
    },

    async rebuildSearchIndex() {
      return { searchIndex: toProtoSearchIndex(await rebuilding.want()) };
    },

    async getHome(_request, call) {
      const viewer = await viewers.of(call);
      const rows = await deps.rowsFor(call)(viewer.profileId, deps.rowItems);
      const shown = await browsing.home(rows, viewer);
      return { rows: shown.map((row) => toProtoHomeRow(row, viewer.language)) };
    },

    async checkAvailability(request) {
      const { territory, tier, maximumAge } = request;
      const checked = await browsing.check(titleId(request.title), { territory, tier, maximumAge });
      return {
        availability: toProtoAvailability(checked.availability),
        title: seenToViewer(checked, ""),
        ...(checked.packageJson === undefined ? {} : { package: packageFromJson(checked.packageJson) }),
      };
    },
  };
}

function isOperator(call: Call): boolean {
  return call.principal.kind === "user" && call.principal.permissions.includes("titles.read");
}
