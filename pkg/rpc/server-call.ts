/** The serving side's state of one call: what the adapters fill in and the steps complete. */

import type { X509Certificate } from "node:crypto";
import type { Message } from "@bufbuild/protobuf";
import type { Span } from "#pkg/obs/trace";
import type { Call, Principal, Target } from "./call.ts";
import { errors } from "./errors.ts";

export interface ServerCallInit {
  readonly target: Target;
  readonly transport: Call["transport"];
  /** Which door it came in by; `inprocess` proves its peer by being a function call. */
  readonly via: "public" | "internal" | "inprocess";
  readonly peer: string | undefined;
  readonly remoteAddress: string;
  readonly headers: Readonly<Record<string, string>>;
  /** The verified certificate of the connection, asked for only where a peer may prove itself. */
  readonly certificate: () => X509Certificate | undefined;
  /** How long the caller waits, in milliseconds. */
  readonly timeoutMs: number | undefined;
  /** Aborted when the caller goes away; read at most once, when somebody first asks for the call's signal. */
  readonly source: () => AbortSignal | undefined;
  /** Tells the listener that the call had to be refused; undefined in-process. */
  readonly blame?: (cost: number) => void;
}

const ANYONE: Principal = { kind: "anyone" };

/** One call on its way through the chain. `finish` must be called when it has ended. */
export class ServerCall implements Call {
  readonly target: Target;
  readonly transport: Call["transport"];
  readonly via: ServerCallInit["via"];
  readonly remoteAddress: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly timeoutMs: number | undefined;
  readonly responseHeaders: Record<string, string> = {};
  peer: string | undefined;
  principal: Principal = ANYONE;
  deadline: Date | undefined = undefined;
  /** The decoded request; undefined for a raw route. */
  request: Message | undefined = undefined;
  /** Set by the trace step. */
  span: Span | undefined = undefined;
  startedAtMs = 0;
  readonly #certificate: () => X509Certificate | undefined;
  readonly blame: ((cost: number) => void) | undefined;
  readonly #source: () => AbortSignal | undefined;
  #controller: AbortController | undefined;
  #aborted: Error | undefined;
  #listener: ((reason: Error) => void) | undefined;
  #detach: (() => void) | undefined;

  constructor(init: ServerCallInit) {
    this.target = init.target;
    this.transport = init.transport;
    this.via = init.via;
    this.peer = init.peer;
    this.remoteAddress = init.remoteAddress;
    this.headers = init.headers;
    this.timeoutMs = init.timeoutMs;
    this.#certificate = init.certificate;
    this.blame = init.blame;
    this.#source = init.source;
  }

  get certificate(): X509Certificate | undefined {
    return this.#certificate();
  }

  get traceId(): string {
    return this.span?.traceId ?? "";
  }

  get signal(): AbortSignal {
    if (this.#controller !== undefined) return this.#controller.signal;
    this.#controller = new AbortController();
    if (this.#aborted !== undefined) this.#controller.abort(this.#aborted);
    else this.#watchSource();
    return this.#controller.signal;
  }

  /** Ends the call from outside: its deadline has passed, its caller has gone, or the host drains. */
  abort(reason: Error): void {
    if (this.#aborted !== undefined) return;
    this.#aborted = reason;
    this.#controller?.abort(reason);
    this.#listener?.(reason);
  }

  /** Why the call was aborted, if it was. */
  get abortReason(): Error | undefined {
    return this.#aborted;
  }

  /** Settles like `work`, or rejects with the reason as soon as the call is aborted. One at a time. */
  untilAborted<T>(work: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      if (this.#aborted !== undefined) {
        work.catch(() => {});
        return reject(this.#aborted);
      }
      this.#listener = reject;
      work.then(resolve, reject);
    });
  }

  /** Lets go of timers and listeners. */
  finish(): void {
    this.#listener = undefined;
    this.#detach?.();
    this.#detach = undefined;
  }

  #watchSource(): void {
    const source = this.#source();
    if (source === undefined) return;
    const onAbort = () => this.abort(errors.CALL_CANCELED(source.reason));
    if (source.aborted) {
      onAbort();
      return;
    }
    source.addEventListener("abort", onAbort, { once: true });
    this.#detach = () => source.removeEventListener("abort", onAbort);
  }
}
