/** Every raw route that a host of these modules can have, declared: the modules' own, and those that the host adds. */

import { VIEWER_ISSUER } from "#pkg/auth/viewer";
import { filePartRouteDeclaration } from "#pkg/blobstore/file-upload";
import type { RouteDeclaration } from "#pkg/rpc/call";
import { livenessRoute, metricsRoute, readinessRoute } from "#pkg/rpc/probes";
import type { BoundRoute } from "#pkg/rpc/routes";
import { endedSessionsRoute } from "./ended-sessions.ts";
import { jwksRoute } from "./jwks.ts";
import type { Module } from "./module.ts";
import { portsOfKind } from "./port-table.ts";

export interface DeclaredRoute {
  /** Who answers: a module, a blob store, or the host itself. */
  readonly module: string;
  readonly route: RouteDeclaration;
}

/** `modules` are all that exist. */
export function declaredRoutes(modules: readonly Module[]): readonly DeclaredRoute[] {
  const issuers = modules.flatMap(({ name, issuer }) => (issuer === undefined ? [] : [{ module: name, issuer }]));
  return [
    ...modules.flatMap(({ name, routes }) => routes.map((route) => ({ module: name, route }))),
    ...[livenessRoute, readinessRoute, metricsRoute].map((route) => ({ module: "host", route })),
    ...issuers.map(({ module, issuer }) => ({ module, route: jwksRoute(issuer) })),
    ...issuers
      .filter(({ issuer }) => issuer === VIEWER_ISSUER)
      .map(({ module, issuer }) => ({ module, route: endedSessionsRoute(issuer, modules) })),
    ...portsOfKind("blobs").map((store) => ({ module: store, route: filePartRouteDeclaration(store) })),
  ];
}

/** Throws a plain Error where a route is served that is not declared, or for others than is declared. */
export function checkDeclared(routes: readonly BoundRoute[], modules: readonly Module[]): void {
  const declared = new Map(declaredRoutes(modules).map(({ route }) => [`${route.method} ${route.path}`, route.access]));
  for (const { route, target } of routes) {
    const access = declared.get(target.name);
    if (access === undefined) throw new Error(`${target.name} is served and not declared`);
    if (JSON.stringify(access) !== JSON.stringify(route.access)) {
      throw new Error(`${target.name} is declared for other callers than it is served to`);
    }
  }
}
