/** The profile service's contract onto its use cases. */

import type { ProfileService } from "#gen/matinee/profile/v1/profile_service_pb";
import { loadPage } from "#pkg/aip/page";
import { idOf, requireId } from "#pkg/aip/resource-name";
import type { Handler } from "#pkg/rpc/call";
import { networkOf } from "#pkg/rpc/network";
import { profileOf, userOf } from "#pkg/rpc/principal";
import type { Accounts } from "./accounts.ts";
import {
  toProtoAccount,
  toProtoListItem,
  toProtoProfile,
  toProtoResumePoint,
  toProtoSignedIn,
  toProtoTokens,
  toProtoViewer,
} from "./convert.ts";
import { errors } from "./errors.ts";
import type { Viewing } from "./viewing.ts";

export function profileHandler(deps: {
  readonly accounts: Accounts;
  readonly viewing: Viewing;
}): Handler<typeof ProfileService> {
  const { accounts, viewing } = deps;
  return {
    async signUp(request, call) {
      return toProtoSignedIn(await accounts.signUp(request, networkOf(call.remoteAddress)));
    },

    async signIn({ email, password }, call) {
      return toProtoSignedIn(await accounts.signIn(email, password, networkOf(call.remoteAddress)));
    },

    async refreshSession({ refreshToken, profile }) {
      const refreshed = await accounts.refresh(refreshToken, idOf("profiles", profile));
      return {
        tokens: toProtoTokens(refreshed.tokens),
        ...(refreshed.profile === undefined ? {} : { profile: toProtoProfile(refreshed.profile) }),
      };
    },

    async signOut({ isEverywhere }, call) {
      const { accountId, sessionId } = userOf(call);
      await accounts.signOut(accountId, sessionId, isEverywhere ? "everywhere" : "session");
      return {};
    },

    async getAccount(_request, call) {
      return { account: toProtoAccount(await accounts.getAccount(userOf(call).accountId)) };
    },

    async listProfiles(request, call) {
      const { accountId } = userOf(call);
      const page = await loadPage(request, {
        parameters: [],
        load: (limit, after) => viewing.listProfiles(accountId, limit, after && String(after.id)),
        cursorOf: ({ id }) => ({ id }),
      });
      return { profiles: page.items.map(toProtoProfile), nextPageToken: page.nextPageToken };
    },

    async deleteAccount({ proof }, call) {
      const password = proof.case === "password" ? proof.value : "";
      await accounts.deleteAccount(userOf(call).accountId, password, networkOf(call.remoteAddress));
      return {};
    },

    async addListItem({ title }, call) {
      const item = await viewing.addListItem(profileOf(call).profileId, requireId("titles", title));
      return { item: toProtoListItem(item) };
    },

    async removeListItem({ title }, call) {
      await viewing.removeListItem(profileOf(call).profileId, requireId("titles", title));
      return {};
    },

    async listListItems(request, call) {
      const { profileId } = profileOf(call);
      const page = await loadPage(request, {
        parameters: [],
        load: (limit, after) => viewing.listListItems(profileId, limit, afterOf(after)),
        cursorOf: ({ createdAt, titleId }) => ({ at: createdAt.toISOString(), id: titleId }),
      });
      return { items: page.items.map(toProtoListItem), nextPageToken: page.nextPageToken };
    },

    async listResumePoints(request, call) {
      const { profileId } = profileOf(call);
      const titleId = idOf("titles", request.title);
      if (titleId !== undefined) {
        const point = await viewing.findResumePoint(profileId, titleId);
        return { resumePoints: point === undefined ? [] : [toProtoResumePoint(point)] };
      }
      const page = await loadPage(request, {
        parameters: [],
        load: (limit, after) => viewing.listResumePoints(profileId, limit, afterOf(after)),
        cursorOf: (point) => ({ at: point.updatedAt.toISOString(), id: point.titleId }),
      });
      return { resumePoints: page.items.map(toProtoResumePoint), nextPageToken: page.nextPageToken };
    },

    async getViewer(request, call) {
      const { accountId, profileId } = profileOf(call);
      // Whoever passes the token on may have mixed up two people.
      const isOwn = requireId("accounts", request.account) === accountId;
      if (!isOwn || requireId("profiles", request.profile) !== profileId) throw errors.PROFILE_NOT_FOUND();
      const viewer = await viewing.getViewer(accountId, profileId, idOf("titles", request.title));
      return {
        viewer: toProtoViewer(viewer),
        ...(viewer.resumePoint === undefined ? {} : { resumePoint: toProtoResumePoint(viewer.resumePoint) }),
      };
    },
  };
}

function afterOf(cursor: { readonly [key: string]: string | number } | undefined) {
  return cursor && { at: new Date(String(cursor.at)), titleId: String(cursor.id) };
}
