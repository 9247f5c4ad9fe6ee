/** Between the contract of the profile service and its domain. */

import type { MessageInitShape } from "@bufbuild/protobuf";
import { durationFromMs, timestampFromDate } from "@bufbuild/protobuf/wkt";
import {
  type AccountSchema,
  type ProfileSchema,
  Account_Role as ProtoRole,
  type SessionTokensSchema,
} from "#gen/matinee/profile/v1/account_pb";
import type { ListItemSchema, ResumePointSchema, ViewerSchema } from "#gen/matinee/profile/v1/viewer_pb";
import type { SignedIn, Tokens } from "./accounts.ts";
import type { Account, ListItem, Profile, ResumePoint } from "./domain/account.ts";
import type { Viewer } from "./viewing.ts";

export function toProtoAccount(account: Account): MessageInitShape<typeof AccountSchema> {
  return {
    name: `accounts/${account.id}`,
    email: account.email,
    roles: account.roles.map((role) => (role === "operator" ? ProtoRole.OPERATOR : ProtoRole.CREATOR)),
    tier: account.tier,
    createTime: timestampFromDate(account.createdAt),
  };
}

export function toProtoProfile(profile: Profile): MessageInitShape<typeof ProfileSchema> {
  return {
    name: `profiles/${profile.id}`,
    account: `accounts/${profile.accountId}`,
    displayName: profile.displayName,
    language: profile.language,
    maximumAge: profile.maximumAge,
    createTime: timestampFromDate(profile.createdAt),
  };
}

export function toProtoTokens(tokens: Tokens): MessageInitShape<typeof SessionTokensSchema> {
  return {
    accessToken: tokens.accessToken,
    accessTokenExpireTime: timestampFromDate(tokens.accessTokenExpiresAt),
    refreshToken: tokens.refreshToken,
    refreshTokenExpireTime: timestampFromDate(tokens.refreshTokenExpiresAt),
  };
}

export function toProtoSignedIn(signedIn: SignedIn) {
  return {
    account: toProtoAccount(signedIn.account),
    tokens: toProtoTokens(signedIn.tokens),
    ...(signedIn.profile === undefined ? {} : { profile: toProtoProfile(signedIn.profile) }),
  };
}

export function toProtoListItem(item: ListItem): MessageInitShape<typeof ListItemSchema> {
  return { title: `titles/${item.titleId}`, createTime: timestampFromDate(item.createdAt) };
}

export function toProtoResumePoint(point: ResumePoint): MessageInitShape<typeof ResumePointSchema> {
  return {
    title: `titles/${point.titleId}`,
    position: durationFromMs(point.positionMs),
    duration: durationFromMs(point.durationMs),
    isFinished: point.isFinished,
    updateTime: timestampFromDate(point.updatedAt),
  };
}

export function toProtoViewer({ profile, plan }: Viewer): MessageInitShape<typeof ViewerSchema> {
  return {
    account: `accounts/${profile.accountId}`,
    profile: `profiles/${profile.id}`,
    tier: plan.tier,
    maxHeight: plan.maxHeight,
    maxStreams: plan.maxStreams,
    maximumAge: profile.maximumAge,
    language: profile.language,
  };
}
