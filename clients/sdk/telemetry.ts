/** Player events of one play: numbered, batched, and kept until the service has stored them, within a bound. */

import type { MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { backoffMs, newRequestId, nowMs, sleep } from "./clock.ts";
import { isTransient, toMatineeError } from "./errors.ts";
import type { PlayerEvent, PlayerEventSchema } from "./gen/matinee/telemetry/v1/player_event_pb.ts";
import { TelemetryService } from "./gen/matinee/telemetry/v1/telemetry_service_pb.ts";
import type { Platform } from "./platform.ts";
import { fromSeconds } from "./time.ts";

type EventInit = MessageInitShape<typeof PlayerEventSchema>;
/** What happened, as the contract's oneof. */
export type PlayerHappening =
  Exclude<PlayerEvent["event"], { case: undefined }> extends infer Case
    ? Case extends { case: infer Name; value: infer Value }
      ? { readonly case: Name; readonly value: Omit<Value, "$typeName" | "$unknown"> }
      : never
    : never;

/** The start of a play is what matters most, and a browser that crashes tells no more. */
const FIRST_FLUSH_MS = 2_000;
const FLUSH_MS = 10_000;
/** The contract takes 200 in a batch. */
const BATCH_EVENTS = 100;
/** About an hour of samples; the oldest samples make room first. */
const MAX_EVENTS = 500;
/** Leaves room below the 64 kB that a request of a closing page may have. */
const LAST_EVENTS = 60;
const FIRST_BACKOFF_MS = 2_000;
const MAX_BACKOFF_MS = 60_000;

export interface TelemetryOptions {
  readonly platform: Platform;
  /** `playSessions/{uuid}`. */
  readonly playSession: string;
  /** The play token as it is now. */
  readonly token: () => string;
  readonly signal: AbortSignal;
}

export class Telemetry {
  readonly #options: TelemetryOptions;
  #waiting: EventInit[] = [];
  #sequence = 0;
  #failures = 0;
  #flushing: Promise<void> | undefined;

  constructor(options: TelemetryOptions) {
    this.#options = options;
    void this.#run();
  }

  record(happening: PlayerHappening, positionSeconds: number): void {
    this.#waiting.push({
      id: newRequestId(),
      sequence: this.#sequence++,
      occurTime: timestampFromMs(nowMs()),
      position: fromSeconds(positionSeconds),
      event: happening as NonNullable<EventInit["event"]>,
    });
    while (this.#waiting.length > MAX_EVENTS) {
      const sample = this.#waiting.findIndex(({ event }) => event?.case === "sample");
      this.#waiting.splice(Math.max(0, sample), 1);
    }
  }

  /** Sends what waits; a failure keeps it for the next time. */
  flush(): Promise<void> {
    this.#flushing ??= this.#send().finally(() => {
      this.#flushing = undefined;
    });
    return this.#flushing;
  }

  /** Sends what waits with a request that outlives the page. */
  flushLast(): void {
    const { platform, playSession, token } = this.#options;
    const events = this.#waiting.splice(0, LAST_EVENTS);
    if (events.length === 0) return;
    platform.sendLast(TelemetryService.method.recordPlayerEvents, { playSession, events }, token());
  }

  async #run(): Promise<void> {
    const { signal } = this.#options;
    for (let wait = FIRST_FLUSH_MS; !signal.aborted; ) {
      await sleep(wait, signal).catch(() => undefined);
      if (signal.aborted) return;
      await this.flush();
      wait = this.#failures === 0 ? FLUSH_MS : backoffMs(this.#failures, FIRST_BACKOFF_MS, MAX_BACKOFF_MS);
    }
  }

  async #send(): Promise<void> {
    const { platform, playSession, token } = this.#options;
    while (this.#waiting.length > 0) {
      const events = this.#waiting.slice(0, BATCH_EVENTS);
      try {
        const headers = { authorization: `Bearer ${token()}` };
        await platform.client(TelemetryService).recordPlayerEvents({ playSession, events }, { headers });
        this.#failures = 0;
      } catch (cause) {
        const error = toMatineeError(cause);
        // The token is renewed by the next heartbeat; other refusals would refuse these events for ever.
        if (isTransient(error) || error.reason === "UNREACHABLE" || error.reason === "TOKEN_EXPIRED") {
          this.#failures += 1;
          return;
        }
      }
      const done = new Set(events);
      this.#waiting = this.#waiting.filter((event) => !done.has(event));
    }
  }
}
