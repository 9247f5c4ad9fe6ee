/** Player events of one view, from the click on play on: numbered, batched, and kept until the service has stored them, within a bound. */

import type { MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { backoffMs, newRequestId, nowMs, sleep } from "./clock.ts";
import { isTransient, type MatineeError, toMatineeError } from "./errors.ts";
import type { PlayerEvent, PlayerEventSchema } from "./gen/matinee/telemetry/v1/player_event_pb.ts";
import {
  type RecordPlayerEventsRequestSchema,
  TelemetryService,
} from "./gen/matinee/telemetry/v1/telemetry_service_pb.ts";
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
/** A start that failed is worth telling while the network may come back, and no longer. */
const VIEW_MS = 10 * 60_000;
/** The contract's bounds. */
const MAX_CODE = 64;
const MAX_MESSAGE = 1000;
/** Refusals that the rules mean; see also `isMeant`. */
const MEANT = new Set(["STREAM_LIMIT_REACHED", "LICENSE_RIGHTS_ENDED", "LICENSE_TERRITORY"]);
/** Ends of a play that somebody or a rule wanted. */
const MEANT_ENDS = new Set("rights_ended replaced unavailable signed_out account_deleted ended_elsewhere".split(" "));

export interface TelemetryOptions {
  readonly platform: Platform;
  /** What the viewer wants to see, `titles/{uuid}`. */
  readonly title: string;
  /** UUID made when play was pressed, the same one however often that click is tried; made here where it is not given. */
  readonly viewId?: string;
}

/** The play that a start came to. */
export interface ToldPlay {
  /** `playSessions/{uuid}`. */
  readonly playSession: string;
  /** The play token as it is now. */
  readonly token: () => string;
  /** Aborted with the play. */
  readonly signal: AbortSignal;
}

/** As whom events are told. */
interface Teller {
  readonly about: Pick<BatchInit, "playSession"> | Pick<BatchInit, "viewId" | "title">;
  /** Undefined for the viewer's own. */
  readonly token: () => string | undefined;
}

type BatchInit = MessageInitShape<typeof RecordPlayerEventsRequestSchema>;

/** Keeps what happens until it is known as whom to tell it: as the play that the start comes to, or as a view without. */
export class Telemetry {
  readonly #options: Required<TelemetryOptions>;
  #teller: Teller | undefined;
  #waiting: EventInit[] = [];
  #sequence = 0;
  #failures = 0;
  #flushing: Promise<void> | undefined;

  constructor(options: TelemetryOptions) {
    this.#options = { viewId: newRequestId(), ...options };
  }

  /** The start came to this play: tells as it until it is over. */
  tellAsPlay({ playSession, token, signal }: ToldPlay): void {
    this.#teller = { about: { playSession }, token };
    void this.#run(FIRST_FLUSH_MS, signal, () => false);
  }

  /** The start came to no play: tells what has happened as the viewer's profile. Of a play it does nothing. */
  tellAsView(): void {
    if (this.#teller !== undefined) return;
    this.#teller = this.#asView();
    void this.#run(0, AbortSignal.timeout(VIEW_MS), () => this.#waiting.length === 0);
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

  /** Playing stopped for good, `elapsedMs` after play was pressed where no picture was shown before. */
  recordFailure(error: MatineeError, positionSeconds: number, elapsedMs?: number): void {
    const value = {
      code: error.reason.slice(0, MAX_CODE),
      message: error.message.slice(0, MAX_MESSAGE),
      isFatal: true,
      isBusinessException: isMeant(error),
      ...(elapsedMs !== undefined && { elapsedTime: fromSeconds(elapsedMs / 1000) as never }),
    };
    this.record({ case: "playerError", value }, positionSeconds);
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
    const { about, token } = this.#teller ?? this.#asView();
    const events = this.#waiting.splice(0, LAST_EVENTS);
    if (events.length === 0) return;
    this.#options.platform.sendLast(TelemetryService.method.recordPlayerEvents, { ...about, events }, token());
  }

  #asView(): Teller {
    const { viewId, title } = this.#options;
    return { about: { viewId, title }, token: () => undefined };
  }

  async #run(firstWaitMs: number, signal: AbortSignal, isDone: () => boolean): Promise<void> {
    for (let wait = firstWaitMs; !signal.aborted; ) {
      await sleep(wait, signal).catch(() => undefined);
      if (signal.aborted) return;
      await this.flush();
      if (isDone()) return;
      wait = this.#failures === 0 ? FLUSH_MS : backoffMs(this.#failures, FIRST_BACKOFF_MS, MAX_BACKOFF_MS);
    }
  }

  async #send(): Promise<void> {
    const teller = this.#teller;
    if (teller === undefined) return;
    const client = this.#options.platform.client(TelemetryService);
    while (this.#waiting.length > 0) {
      const events = this.#waiting.slice(0, BATCH_EVENTS);
      try {
        const token = teller.token();
        const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
        await client.recordPlayerEvents({ ...teller.about, events }, { headers });
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

/** Refused or ended by the rules (rights, territory, plan, maturity, streams at once), which is no failure of ours. */
export function isMeant({ reason, metadata }: MatineeError): boolean {
  // Published without a package that plays: the one reason of availability that nobody wanted.
  if (reason === "TITLE_NOT_PLAYABLE" || metadata.availability === "TITLE_NOT_PLAYABLE") return false;
  return reason.startsWith("TITLE_") || MEANT.has(reason) || MEANT_ENDS.has(metadata.end_reason ?? "");
}
