/** What probes and scrapers ask a process over plain HTTP; declared like every other route. */

import { edge } from "./access.ts";
import type { RouteDeclaration } from "./call.ts";
import { draining } from "./errors.ts";
import type { ServingState } from "./health.ts";
import { type BoundRoute, bindRoute } from "./routes.ts";

/** Several balancers may look in at once, each every second. */
const access = { ...edge("anyone"), rateLimit: { perSecond: 50, burst: 100 } };

export const livenessRoute: RouteDeclaration = { method: "GET", path: "/healthz", access };
export const readinessRoute: RouteDeclaration = { method: "GET", path: "/readyz", access };
export const metricsRoute: RouteDeclaration = { method: "GET", path: "/metrics", access, inside: true };

export interface ProbeOptions {
  readonly state: ServingState;
  /** Throws while something that the process needs is missing; its message is shown at `/readyz`. */
  readonly ready: () => Promise<void>;
  /** Prometheus text. */
  readonly metrics: () => Promise<string>;
}

export function probeRoutes({ state, ready, metrics }: ProbeOptions): readonly BoundRoute[] {
  return [
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
    bindRoute("host", {
      ...metricsRoute,
      handle: async (_request, response) => sendText(response, 200, await metrics()),
    }),
  ];
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
