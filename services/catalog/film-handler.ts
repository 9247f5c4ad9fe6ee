/** The contract of films: convert, call, convert. */

import type { FilmService } from "#gen/matinee/catalog/v1/film_service_pb";
import { loadPage } from "#pkg/aip/page";
import { requireId } from "#pkg/aip/resource-name";
import type { Call, Handler } from "#pkg/rpc/call";
import { userOf } from "#pkg/rpc/principal";
import { filmName, fromProtoGroup, toProtoFilm } from "./film-convert.ts";
import type { FilmScope, Films } from "./films.ts";

export function filmHandler(films: Films): Handler<typeof FilmService> {
  return {
    async getFilm({ name }, call) {
      const seen = await films.get(requireId("films", name), scopeOf(call));
      return { film: toProtoFilm(seen, seesDrafts(call)) };
    },

    async listFilms(request, call) {
      const scope = scopeOf(call);
      const group = fromProtoGroup(request.group);
      // Whether a draft was made of a film is told only to those who see drafts.
      if (group === "draft" && !seesDrafts(call)) return {};
      const page = await loadPage(request, {
        parameters: [request.group, request.query],
        load: (limit, after) =>
          films.list(
            { ...scope, group, query: request.query },
            limit,
            after && { at: new Date(String(after.at)), id: String(after.id) },
          ),
        cursorOf: ({ film }) => ({ at: film.createdAt.toISOString(), id: film.id }),
      });
      return {
        films: page.items.map((seen) => toProtoFilm(seen, seesDrafts(call))),
        nextPageToken: page.nextPageToken,
      };
    },

    async *watchFilms(_request, call) {
      for await (const change of films.watch(userOf(call).accountId, scopeOf(call), call.signal)) {
        if (change === undefined) yield {};
        else yield "gone" in change ? { gone: filmName(change.gone) } : { film: toProtoFilm(change, seesDrafts(call)) };
      }
    },
  };
}

/** Operators with the permission see every film, everyone else their own. */
function scopeOf(call: Call): FilmScope {
  const user = userOf(call);
  const seesAll = user.roles.includes("operator") && user.permissions.includes("assets.read");
  return { ownerId: seesAll ? undefined : user.accountId };
}

function seesDrafts(call: Call): boolean {
  return userOf(call).permissions.includes("titles.read");
}
