/** `grpc.health.v1`: whether the process serves, for load balancers and people. */

import { create } from "@bufbuild/protobuf";
import {
  Health,
  type HealthCheckRequest,
  HealthCheckResponseSchema,
  HealthCheckResponse_ServingStatus as Status,
} from "#gen/grpc/health/v1/health_pb";
import type { AccessRule, Call } from "./call.ts";
import { errors } from "./errors.ts";
import { type LocalService, newLocalService } from "./local.ts";

/** Serving or not, told to those who watch. */
export class ServingState {
  #serving = false;
  #closed = false;
  readonly #watchers = new Set<() => void>();

  get serving(): boolean {
    return this.#serving;
  }

  set(serving: boolean): void {
    if (this.#serving === serving) return;
    this.#serving = serving;
    for (const wake of this.#watchers) wake();
  }

  /** Ends the streams of those who watch: the process takes no more calls. */
  close(): void {
    this.#closed = true;
    for (const wake of this.#watchers) wake();
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** Resolves at the next change or when the signal is aborted. */
  changed(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        this.#watchers.delete(done);
        signal.removeEventListener("abort", done);
        resolve();
      };
      if (signal.aborted) return resolve();
      this.#watchers.add(done);
      signal.addEventListener("abort", done, { once: true });
    });
  }
}

/** `services` are the full names that can be asked for; the empty name is the whole process. */
export function healthService(state: ServingState, services: readonly string[], access: AccessRule): LocalService {
  const names = new Set(["", ...services]);
  const answer = (name: string) =>
    create(HealthCheckResponseSchema, {
      status: names.has(name) ? (state.serving ? Status.SERVING : Status.NOT_SERVING) : Status.SERVICE_UNKNOWN,
    });
  const handler = {
    async check(request: HealthCheckRequest) {
      if (!names.has(request.service)) throw errors.HEALTH_UNKNOWN();
      return answer(request.service);
    },
    async list() {
      return { statuses: Object.fromEntries([...names].map((name) => [name, answer(name)])) };
    },
    async *watch(request: HealthCheckRequest, call: Call) {
      while (!call.signal.aborted) {
        yield answer(request.service);
        if (state.closed) throw errors.DRAINING();
        await state.changed(call.signal);
      }
    },
  };
  return newLocalService("host", Health, handler, access);
}
