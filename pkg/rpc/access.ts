/** Access rules: read from the contract's method options, or written beside a raw route. */

import { type DescMethod, getOption, hasOption } from "@bufbuild/protobuf";
import { access, Exposure as ProtoExposure, Principal as ProtoPrincipal } from "#gen/matinee/options/v1/access_pb";
import type { AccessRule, PrincipalKind } from "./call.ts";

const KINDS: ReadonlyMap<number, PrincipalKind> = new Map<number, PrincipalKind>([
  [ProtoPrincipal.ANYONE, "anyone"],
  [ProtoPrincipal.ACCOUNT, "account"],
  [ProtoPrincipal.PROFILE, "profile"],
  [ProtoPrincipal.CREATOR, "creator"],
  [ProtoPrincipal.OPERATOR, "operator"],
  [ProtoPrincipal.PLAY_SESSION, "play_session"],
  [ProtoPrincipal.SERVICE, "service"],
]);

/** `matinee.catalog.v1.CatalogService/GetTitle`. */
export function methodName(method: DescMethod): string {
  return `${method.parent.typeName}/${method.name}`;
}

/** The rule that a method carries. Throws a plain Error where it has none or an incomplete one: a mistake in the contract. */
export function accessOf(method: DescMethod): AccessRule {
  const name = methodName(method);
  if (!hasOption(method, access)) throw new Error(`${name} has no access option`);
  const option = getOption(method, access);
  if (option.exposure !== ProtoExposure.EDGE && option.exposure !== ProtoExposure.INTERNAL) {
    throw new Error(`${name} does not say its exposure`);
  }
  const rule: AccessRule = {
    exposure: option.exposure === ProtoExposure.EDGE ? "edge" : "internal",
    principals: option.principals.map((principal) => {
      const kind = KINDS.get(principal);
      if (kind === undefined) throw new Error(`${name} names an unknown principal`);
      return kind;
    }),
    permissions: option.permissions,
    callers: option.callers,
    rateLimit: option.rateLimit && {
      ...{ perSecond: option.rateLimit.perSecond, burst: option.rateLimit.burst },
      isShared: true,
    },
  };
  checkAccess(name, rule);
  return rule;
}

/** Throws a plain Error where a rule admits nobody or contradicts itself. */
export function checkAccess(name: string, rule: AccessRule): void {
  if (rule.principals.length === 0) throw new Error(`${name} admits nobody`);
  if (rule.callers.length === 0 && (rule.principals.includes("service") || rule.exposure === "internal")) {
    throw new Error(`${name} must name the modules that call it`);
  }
  if (rule.callers.length > 0 && !rule.principals.includes("service") && rule.exposure === "edge") {
    throw new Error(`${name} names callers that it does not admit`);
  }
  if (rule.rateLimit !== undefined && !(rule.rateLimit.perSecond > 0 && rule.rateLimit.burst >= 1)) {
    throw new Error(`${name} has a rate limit that lets nothing through`);
  }
}

/** The rule of a raw route that clients reach: `edge("profile", "play_session")`. */
export function edge(...principals: readonly PrincipalKind[]): AccessRule {
  return { exposure: "edge", principals, permissions: [], callers: [], rateLimit: undefined };
}

/** The rule of a raw route that only the named modules reach, as themselves. */
export function internal(...callers: readonly string[]): AccessRule {
  return { exposure: "internal", principals: ["service"], permissions: [], callers, rateLimit: undefined };
}
