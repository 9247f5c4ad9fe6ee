/** What a module is: a value that says what it serves, calls, needs, emits and consumes, and how it opens. */

import type { DescMessage, DescService, MessageInitShape, MessageShape } from "@bufbuild/protobuf";
import type { GenService, GenServiceMethods } from "@bufbuild/protobuf/codegenv2";
import type { Client } from "@connectrpc/connect";
import type { EventEnvelope } from "#gen/matinee/common/v1/event_pb";
import type { EndedSessionFeed } from "#pkg/auth/ended-sessions";
import type { KeySet, KeySets } from "#pkg/auth/keysets";
import type { Clock } from "#pkg/clock/clock";
import type { ConfigSpec, ConfigValues } from "#pkg/config/spec";
import type { Logger, Metrics } from "#pkg/obs/obs";
import type { Db, Tx } from "#pkg/postgres/db";
import type { Call, Handler, Route, RouteDeclaration } from "#pkg/rpc/call";
import type { OpenPorts } from "./port-table.ts";

/** Everything that a module can ask its host for; bus and log come with what it says and hears. */
export interface Ports extends Omit<OpenPorts, "eventbus" | "eventlog"> {
  /** The module's own schema; also brings `outbox` and `inbox`. */
  readonly postgres: Db;
}

export type PortName = keyof Ports;

/** Puts events into the transaction that makes them true; the host relays them to the bus after the commit. */
export interface Outbox<Emits extends DescMessage> {
  /**
   * `key` groups events about the same thing. Emit while `tx` holds the lock of what changed: then the later of two
   * changes has the larger version. Returns the event's id. Throws `EVENT_INVALID` for what no bus could carry.
   */
  emit<E extends Emits>(tx: Tx, event: E, message: MessageInitShape<E>, key: string): Promise<string>;
}

/** Appends records to the event log: streams that grow with viewers, which no outbox and no bus could carry. */
export interface LogWriter<Appends extends DescMessage> {
  /** Records with one key keep their order. Resolves once all are durable; when it throws, some of them may be. */
  append<R extends Appends>(
    record: R,
    entries: readonly { readonly key: string; readonly message: MessageInitShape<R> }[],
  ): Promise<void>;
}

/** Remembers which events a consumer has handled. */
export interface Inbox {
  /** True the first time in this schema; the mark commits or rolls back with `tx`. */
  firstTime(tx: Tx, eventId: string): Promise<boolean>;
}

/** What every module has, whatever it declares. */
export interface Common {
  /** The module's name. */
  readonly name: string;
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: Metrics;
  /** Public keys of every issuer in the system, to verify signed claims with. */
  readonly keySets: KeySets;
  /** The folder for scratch files of this module; emptied at start. */
  readonly scratch: string;
  /** Origin that clients reach the edge at, such as `http://localhost:8080`, without a trailing slash. */
  readonly publicOrigin: string;
  /** Where a caller is, ISO 3166-1 alpha-2; never the caller's own word. */
  readonly territoryOf: (call: Call) => string;
}

export type ModuleHost<
  Needs extends PortName,
  Calls extends DescService,
  Emits extends DescMessage,
  Appends extends DescMessage,
> = Common &
  Pick<Ports, Needs> &
  ("postgres" extends Needs ? { readonly outbox: Outbox<Emits>; readonly inbox: Inbox } : unknown) & {
    readonly records: LogWriter<Appends>;
    /** A client for a declared service; the same in one process and over the wire. */
    dial<S extends Calls>(service: S): Client<S>;
  };

/** A consumer of one declared event type. */
export interface Consumer {
  readonly event: DescMessage;
  readonly handle: (event: EventEnvelope, message: never, signal: AbortSignal) => Promise<void>;
}

/** Pairs an event type with what to do; must be idempotent by `event.id`, or order by `event.version`. */
export function consume<E extends DescMessage>(
  event: E,
  handle: (event: EventEnvelope, message: MessageShape<E>, signal: AbortSignal) => Promise<void>,
): Consumer {
  return { event, handle: handle as Consumer["handle"] };
}

/** A record as a reader gets it. */
export interface ReadRecord<R extends DescMessage> {
  readonly key: string;
  readonly message: MessageShape<R>;
  readonly appendedAt: Date;
}

/** A reader of one declared record type. */
export interface Reader {
  readonly record: DescMessage;
  readonly handle: (batch: readonly never[], signal: AbortSignal) => Promise<void>;
}

/** Pairs a record type with what to do with a batch; a batch may come again, and must then change nothing. */
export function read<R extends DescMessage>(
  record: R,
  handle: (batch: readonly ReadRecord<R>[], signal: AbortSignal) => Promise<void>,
): Reader {
  return { record, handle: handle as Reader["handle"] };
}

/** A service's implementation paired with its contract. */
export interface ServiceBinding {
  readonly service: DescService;
  readonly handler: object;
}

/** Pairs a contract with its implementation. */
export function serve<S extends GenService<GenServiceMethods>>(service: S, handler: Handler<S>): ServiceBinding {
  return { service, handler };
}

/** An opened module. Disposal releases only what `open` itself opened. */
export interface OpenedModule extends Partial<AsyncDisposable> {
  readonly services?: readonly ServiceBinding[];
  /** One for each declared route. */
  readonly routes?: readonly Route[];
  /** One for each declared event. */
  readonly consumers?: readonly Consumer[];
  /** One for each declared record. */
  readonly readers?: readonly Reader[];
  /** Background work; each runs until the signal is aborted. One that throws fails the process. */
  readonly background?: readonly { readonly name: string; readonly run: (signal: AbortSignal) => Promise<void> }[];
  /** The module's own public keys, where it declares `issuer`. */
  readonly keySet?: KeySet;
  /** Sessions whose tokens must not be taken any more, where it declares `issuer` and ends sessions early. */
  readonly endedSessions?: EndedSessionFeed;
  /** Throws while the module cannot serve. */
  readonly ready?: () => Promise<void>;
}

export interface ModuleDefinition<
  Needs extends PortName = PortName,
  Calls extends DescService = DescService,
  Emits extends DescMessage = DescMessage,
  Spec extends ConfigSpec = ConfigSpec,
  Appends extends DescMessage = DescMessage,
> {
  /** Also the schema, the login role, the consumer group and, in capitals, the prefix of its settings. */
  readonly name: string;
  /** One line for the graph and for `--help`. */
  readonly summary: string;
  /** What it owns, for the graph. */
  readonly owns: readonly string[];
  readonly config: Spec;
  readonly serves: readonly DescService[];
  readonly routes: readonly RouteDeclaration[];
  readonly calls: readonly Calls[];
  readonly needs: readonly Needs[];
  readonly emits: readonly Emits[];
  readonly consumes: readonly DescMessage[];
  /** What it appends to the event log; the topic is the type's name. */
  readonly appends?: readonly Appends[];
  /** What it reads of the event log, as the consumer group of its name. */
  readonly reads?: readonly DescMessage[];
  /** The folder of `NNNN_what.sql`, where it needs postgres. */
  readonly migrations?: URL;
  /** Set where it signs claims: its name among the key sets. */
  readonly issuer?: string;
  /** Runs as child processes of a host that holds other modules too, because it meets hostile input. */
  readonly isolated?: boolean;
  open(host: ModuleHost<Needs, Calls, Emits, Appends>, config: ConfigValues<Spec>): Promise<OpenedModule>;
}

/** Types `host` as exactly the declared ports, services and events, so that the graph cannot lie. */
export function defineModule<
  const Needs extends PortName = never,
  const Calls extends DescService = never,
  const Emits extends DescMessage = never,
  const Spec extends ConfigSpec = ConfigSpec,
  const Appends extends DescMessage = never,
>(definition: ModuleDefinition<Needs, Calls, Emits, Spec, Appends>): Module {
  return definition as unknown as Module;
}

/** A module of any shape, as the host sees it. */
export type Module = ModuleDefinition<PortName, DescService, DescMessage, ConfigSpec, DescMessage>;
