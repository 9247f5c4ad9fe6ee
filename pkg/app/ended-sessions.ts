/** Publishes to other processes which sign-in sessions have ended, at `/ended-sessions/{issuer}` on the internal listener. */

import { internal } from "#pkg/rpc/access";
import type { Route, RouteDeclaration } from "#pkg/rpc/call";
import { type BoundRoute, bindRoute } from "#pkg/rpc/routes";
import type { Module } from "./module.ts";
import type { RunningModule } from "./open-module.ts";

/** Where the issuer's list is. */
export function endedSessionsPath(issuer: string): string {
  return `/ended-sessions/${issuer}`;
}

/** For every module that exists, since each of them verifies tokens. */
export function endedSessionsRoute(issuer: string, known: readonly Module[]): RouteDeclaration {
  const access = internal(...known.map((module) => module.name));
  return { method: "GET", path: endedSessionsPath(issuer), access };
}

export function endedSessionsRoutes(
  running: readonly RunningModule[],
  known: readonly Module[],
): readonly BoundRoute[] {
  return running.flatMap(({ name, issuer, endedSessions }) => {
    if (issuer === undefined || endedSessions === undefined) return [];
    const route: Route = {
      ...endedSessionsRoute(issuer, known),
      async handle(request, response) {
        const since = new URL(request.url ?? "/", "http://internal").searchParams.get("since");
        const answer = await endedSessions.since(since ?? undefined);
        response.setHeader("content-type", "application/json");
        response.setHeader("cache-control", "no-store");
        response.end(JSON.stringify(answer));
      },
    };
    return [bindRoute(name, route)];
  });
}
