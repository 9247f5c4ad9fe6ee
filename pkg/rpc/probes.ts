/** What probes and scrapers ask a process over plain HTTP; declared like every other route. */

import { edge } from "./access.ts";
import type { RouteDeclaration } from "./call.ts";
import { errors } from "./errors.ts";
import type { ServingState } from "./health.ts";
import { type BoundRoute, bindRoute } from "./routes.ts";

/** However many ask, what the process needs is looked at this often at most: each look asks database, stores and cache. */
const READY_LIFE_MS = 250;

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
  const look = shared(ready);
  return [
    bindRoute("host", { ...livenessRoute, handle: async (_request, response) => sendText(response, 200, "ok") }),
    bindRoute("host", {
      ...readinessRoute,
      async handle(_request, response) {
        try {
          if (!state.serving) throw errors.DRAINING();
          await look();
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

/** One look for all who ask while it is made and shortly after. */
function shared(look: () => Promise<void>): () => Promise<void> {
  let latest: Promise<void> | undefined;
  return () => {
    if (latest !== undefined) return latest;
    const made = look();
    latest = made;
    const forget = () => {
      setTimeout(() => {
        latest = undefined;
      }, READY_LIFE_MS).unref();
    };
    made.then(forget, forget);
    return made;
  };
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
