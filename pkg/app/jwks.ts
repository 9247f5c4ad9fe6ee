/** Publishes the public keys of the issuers that run here, at `/.well-known/jwks/{issuer}.json`. */

import { send } from "#pkg/http/send";
import { edge } from "#pkg/rpc/access";
import type { Route, RouteDeclaration } from "#pkg/rpc/call";
import { type BoundRoute, bindRoute } from "#pkg/rpc/routes";
import type { RunningModule } from "./open-module.ts";

const MAX_AGE_S = 60;

export function jwksRoute(issuer: string): RouteDeclaration {
  return { method: "GET", path: `/.well-known/jwks/${issuer}.json`, access: edge("anyone") };
}

export function jwksRoutes(modules: readonly RunningModule[]): readonly BoundRoute[] {
  return modules.flatMap(({ name, issuer, keySet }) => {
    if (issuer === undefined || keySet === undefined) return [];
    const route: Route = {
      ...jwksRoute(issuer),
      async handle(_request, response) {
        await send(response, {
          status: 200,
          headers: {
            "content-type": "application/jwk-set+json",
            "cache-control": `public, max-age=${MAX_AGE_S}`,
            "x-content-type-options": "nosniff",
          },
          body: JSON.stringify({ keys: await keySet.keys() }),
        });
      },
    };
    return [bindRoute(name, route)];
  });
}
