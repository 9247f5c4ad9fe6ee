/** What probes and scrapers ask a process over plain HTTP; declared like every other route. */

import type { ServerResponse } from "node:http";
import { edge } from "./access.ts";
import type { RouteDeclaration } from "./call.ts";
import { draining } from "./errors.ts";
import type { ServingState } from "./health.ts";
import { type BoundRoute, bindRoute } from "./routes.ts";

/** Several balancers may look in at once, each every second. */
const access = { ...edge("anyone"), rateLimit: { perSecond: 50, burst: 100 } };

export const livenessRoute: RouteDeclaration = { method: "GET", path: "/healthz", access };
export const readinessRoute: RouteDeclaration = { method: "GET", path: "/readyz", access };
/** Only on the internal listener. */
export const metricsRoute: RouteDeclaration = { method: "GET", path: "/metrics", access };

export interface ProbeOptions {
  readonly state: ServingState;
  /** Throws while something that the process needs is missing; its message is shown at `/readyz`. */
  readonly ready: () => Promise<void>;
  /** Prometheus text; undefined where it is not shown. */
  readonly metrics: (() => Promise<string>) | undefined;
}

export function probeRoutes({ state, ready, metrics }: ProbeOptions): readonly BoundRoute[] {
  const probes = [
    bindRoute("host", { ...livenessRoute, handle: async (_request, response) => sendText(response, 200, "ok") }),
    bindRoute("host", {
      ...readinessRoute,
      async handle(_request, response) {
        try {
          if (!state.serving) throw draining();
          await ready();
          sendText(response, 200, "ready");
        } catch (error) {
          sendText(response, 503, error instanceof Error ? error.message : "not ready");
        }
      },
    }),
  ];
  if (metrics === undefined) return probes;
  const handle = async (_request: unknown, response: ServerResponse) => sendText(response, 200, await metrics());
  return [...probes, bindRoute("host", { ...metricsRoute, handle })];
}

/** What the responses of HTTP/1.1 and HTTP/2 have in common. */
interface Answer {
  statusCode: number;
  setHeader(name: string, value: string): unknown;
  end(text: string): unknown;
}

/** Plain text that nobody keeps. */
export function sendText(response: Answer, status: number, text: string): void {
  response.statusCode = status;
  response.setHeader("content-type", "text/plain; charset=utf-8");
  response.setHeader("cache-control", "no-store");
  response.setHeader("x-content-type-options", "nosniff");
  response.end(`${text}\n`);
}
