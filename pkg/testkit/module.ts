/** Opens modules for a test: a real host on real embedded engines, with signed tokens and stand-ins for absent peers. */

import { randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  create,
  type DescMessage,
  type DescService,
  fromBinary,
  type MessageInitShape,
  type MessageShape,
  toBinary,
} from "@bufbuild/protobuf";
import type { GenService, GenServiceMethods } from "@bufbuild/protobuf/codegenv2";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import type { CallOptions, Client } from "@connectrpc/connect";
import { EventEnvelopeSchema } from "#gen/matinee/common/v1/event_pb";
import { openLogWriter } from "#pkg/app/event-log";
import { type Given, type Host, openHost } from "#pkg/app/host";
import type { Module, ServiceBinding } from "#pkg/app/module";
import { addressVariable } from "#pkg/app/settings";
import { generateSigningKey, type SigningKey, signToken, toPublicJwk } from "#pkg/auth/tokens";
import { PLAY_ISSUER, PLAY_TOKEN_USE, VIEWER_ISSUER } from "#pkg/auth/viewer";
import { type Clock, newId, systemClock } from "#pkg/clock/clock";
import { type LogLevel, newLogger, silentLogger } from "#pkg/obs/logger";
import { newMetrics } from "#pkg/obs/metrics";
import type { Db } from "#pkg/postgres/db";
import { openPool } from "#pkg/postgres/pool";
import { roleUrl } from "#pkg/postgres/roles";
import { methodName } from "#pkg/rpc/access";
import type { Handler } from "#pkg/rpc/call";
import { moduleOfService } from "#pkg/rpc/dial";
import { transportError } from "#pkg/rpc/errors";
import { headerRecord } from "#pkg/rpc/headers";
import { eventually } from "./eventually.ts";
import { quietLog, testPostgresUrl } from "./postgres.ts";

/** Who a test calls as. */
export type Caller =
  | {
      readonly kind: "user";
      readonly accountId: string;
      readonly profileId?: string;
      /** The sign-in session; one of its own for each token unless given. */
      readonly sessionId?: string;
      readonly roles: readonly ("creator" | "operator")[];
      readonly permissions: readonly string[];
    }
  | { readonly kind: "play_session"; readonly claims: Readonly<Record<string, unknown>> }
  | { readonly kind: "service"; readonly module: string };

type UserCaller = Extract<Caller, { kind: "user" }>;

interface Ids {
  readonly accountId?: string;
  readonly profileId?: string;
  readonly sessionId?: string;
}

/** A signed-in account without a profile. */
export function account(ids: Ids = {}): UserCaller {
  return { kind: "user", accountId: ids.accountId ?? newId(), roles: [], permissions: [] };
}

/** A signed-in account with a profile. */
export function profile(ids: Ids = {}): UserCaller {
  return {
    kind: "user",
    accountId: ids.accountId ?? newId(),
    profileId: ids.profileId ?? newId(),
    ...(ids.sessionId === undefined ? {} : { sessionId: ids.sessionId }),
    roles: [],
    permissions: [],
  };
}

/** An account that may upload. */
export function creator(ids: Ids = {}): UserCaller {
  return { ...profile(ids), roles: ["creator"] };
}

/** An account that runs the service, with these permissions. */
export function operator(permissions: readonly string[], ids: Ids = {}): UserCaller {
  return { ...profile(ids), roles: ["operator"], permissions };
}

/** The holder of a play token with these claims; `sub` is the session's id. */
export function playSession(claims: Readonly<Record<string, unknown>>): Extract<Caller, { kind: "play_session" }> {
  return { kind: "play_session", claims };
}

/** A message as a claim of a token carries it: base64url of its binary form. */
export function messageClaim<D extends DescMessage>(schema: D, message: MessageInitShape<D>): string {
  return Buffer.from(toBinary(schema, create(schema, message))).toString("base64url");
}

/** Another module, as itself. */
export function service(module: string): Caller {
  return { kind: "service", module };
}

/** A stand-in for a peer: what is not given answers `unimplemented`. */
export function fake<S extends GenService<GenServiceMethods>>(
  contract: S,
  handler: Partial<Handler<S>>,
): ServiceBinding {
  const whole: Record<string, unknown> = {};
  for (const method of contract.methods) {
    whole[method.localName] = Reflect.get(handler, method.localName) ?? (() => notFaked(methodName(method)));
  }
  return { service: contract, handler: whole };
}

function notFaked(name: string): never {
  throw transportError("unimplemented", `${name} is not faked in this test`);
}

export interface TestPlatformOptions {
  /** Stand-ins for services that are not opened, made with `fake`. */
  readonly fakes?: readonly ServiceBinding[];
  /** Environment variables. */
  readonly settings?: Readonly<Record<string, string>>;
  readonly clock?: Clock;
  /** With the limits of calls that the product has; unlimited unless given. */
  readonly limited?: true;
  /** Log lines to standard output, for the time of debugging. */
  readonly logLevel?: LogLevel;
  /** Other modules that exist, for their addresses. */
  readonly known?: readonly Module[];
}

export interface TestPlatform extends AsyncDisposable {
  readonly host: Host;
  /** The public listener, such as `http://127.0.0.1:40001`. */
  readonly url: string;
  /** The internal listener. */
  readonly internalUrl: string;
  /** The folder of everything that the host keeps. */
  readonly data: string;
  /** An in-process client with the whole chain; without `as` nobody is signed in. Rejects with AppErrors. */
  client<S extends DescService>(service: S, options?: { readonly as?: Caller }): Client<S>;
  /** A bearer token, good for an hour of the platform's clock. */
  token(caller: Exclude<Caller, { kind: "service" }>, options?: { readonly lifeMs?: number }): Promise<string>;
  /** An event as another module says it, of a larger version than the one before unless given; resolves with its id once it is durable. */
  publish<E extends DescMessage>(
    event: E,
    message: MessageInitShape<E>,
    about?: { readonly id?: string; readonly key?: string; readonly occurredAt?: Date; readonly version?: bigint },
  ): Promise<string>;
  /** A record on the event log as another module appends it; resolves once it is durable. */
  append<R extends DescMessage>(record: R, message: MessageInitShape<R>, key?: string): Promise<void>;
  /** Resolves when every opened module that wants the event has handled it, whatever came of it. */
  untilHandled(eventId: string): Promise<void>;
  /** A module's schema, or that of a port such as `port-eventbus`, to look at what is kept. */
  database(name: string): Db;
  /** What the opened modules have emitted or appended of a type so far, in the order in which they did. */
  events<E extends DescMessage>(event: E): readonly MessageShape<E>[];
  /** The first event of the type that matches, waited for. */
  nextEvent<E extends DescMessage>(event: E, matches?: (message: MessageShape<E>) => boolean): Promise<MessageShape<E>>;
}

const UNLIMITED: NonNullable<Given["limiting"]> = {
  buckets: { take: () => 0, wait: () => 0 },
  cache: { takeToken: async () => ({ retryAfterMs: 0 }) },
};

const roleSecret = randomBytes(32);
let opened = 0;

/** Opens modules in this process with a database, ports and folders of their own. */
export async function openModules(
  modules: readonly Module[],
  options: TestPlatformOptions = {},
): Promise<TestPlatform> {
  const clock = options.clock ?? systemClock;
  await using stack = new AsyncDisposableStack();
  const data = await mkdtemp(join(tmpdir(), "matinee-test-"));
  stack.defer(() => rm(data, { recursive: true, force: true }));
  const key = await generateSigningKey();
  const keySet = { keys: async () => [toPublicJwk(key)] };
  const usesDatabase = modules.some((one) =>
    [one.needs, one.emits, one.consumes, one.appends, one.reads].some((used) => (used ?? []).length > 0),
  );
  opened += 1;
  const number = opened;
  const nameOf = (name: string) => `${name}-m${number}`;
  const adminUrl = usesDatabase ? await testPostgresUrl() : "postgres://unused";
  const pools = new Map<string, Db>();
  stack.defer(async () => {
    for (const pool of pools.values()) await pool[Symbol.asyncDispose]();
  });
  const database = (name: string): Db => {
    const pool = pools.get(name) ?? openPool({ url: roleUrl(adminUrl, roleSecret, nameOf(name)), name, log: quietLog });
    pools.set(name, pool);
    return pool;
  };
  const host = stack.use(
    await openHost({
      modules,
      known: [...modules, ...(options.known ?? [])],
      env: {
        LISTEN: "127.0.0.1:0",
        INTERNAL_LISTEN: "127.0.0.1:0",
        WEB_ROOT: "off",
        DATA: data,
        GRACE_MS: "2s",
        ...(options.limited === true
          ? {}
          : { MAX_REFUSALS_PER_NETWORK: "1000000", MAX_CONNECTIONS_PER_NETWORK: "100000" }),
        ...options.settings,
      },
      log:
        options.logLevel === undefined ? silentLogger : await newLogger({ level: options.logLevel, format: "pretty" }),
      clock,
      given: {
        database: { adminUrl, roleSecret, nameOf },
        metrics: newMetrics({ processMetrics: false }),
        services: (options.fakes ?? []).map((binding) => ({ module: moduleOfService(binding.service), binding })),
        // Of an issuer at an address its own keys are read; tokens of the test's are not its.
        keySets: new Map(
          [VIEWER_ISSUER, PLAY_ISSUER]
            .filter((issuer) => options.settings?.[addressVariable(issuer)] === undefined)
            .map((issuer) => [issuer, keySet]),
        ),
        ...(options.limited === true ? {} : { limiting: UNLIMITED }),
      },
    }),
  );
  const observed = new Map<string, { readonly id: string; readonly version: bigint; readonly value: Uint8Array }[]>();
  const wakers = new Set<() => void>();
  const emitted = [...new Set(modules.flatMap((one) => one.emits.map((event) => event.typeName)))];
  if (emitted.length > 0) {
    const controller = new AbortController();
    const bus = await host.eventBus();
    await bus.register("testkit", emitted);
    const ended = bus.subscribe(
      {
        consumer: "testkit",
        types: emitted,
        async handle({ id, type, version, data: value }) {
          const list = observed.get(type) ?? [];
          observed.set(type, list);
          if (!list.some((known) => known.id === id)) list.push({ id, version, value });
          for (const wake of wakers) wake();
        },
      },
      controller.signal,
    );
    stack.defer(async () => {
      controller.abort();
      await ended;
    });
  }
  for (const record of new Set(modules.flatMap((one) => one.appends ?? []))) {
    const controller = new AbortController();
    const log = await host.eventLog();
    const ended = log.consume(
      record.typeName,
      "testkit",
      async (batch) => {
        const list = observed.get(record.typeName) ?? [];
        observed.set(record.typeName, list);
        for (const { partition, offset, value } of batch) {
          const id = `${partition}-${offset}`;
          if (value !== undefined && !list.some((known) => known.id === id)) list.push({ id, version: 0n, value });
        }
        for (const wake of wakers) wake();
      },
      controller.signal,
    );
    stack.defer(async () => {
      controller.abort();
      await ended;
    });
  }
  const sign = (caller: Exclude<Caller, { kind: "service" }>, lifeMs = 3_600_000) =>
    signFor(caller, key, clock, lifeMs);
  const events = <E extends DescMessage>(event: E): MessageShape<E>[] =>
    (observed.get(event.typeName) ?? [])
      .toSorted((a, b) => Number(a.version - b.version))
      .map(({ value }) => fromBinary(event, value));
  const owned = stack.move();
  let published = 0n;

  return {
    host,
    url: host.publicUrl ?? "",
    internalUrl: host.internalUrl ?? "",
    data,
    client(contract, { as } = {}) {
      if (as?.kind === "service") return host.dial(contract, as.module);
      const inner = host.dial(contract, undefined);
      return as === undefined ? inner : withToken(contract, inner, () => sign(as));
    },
    token: (caller, { lifeMs } = {}) => sign(caller, lifeMs),
    async publish(event, message, about = {}) {
      published += 1n;
      const envelope = create(EventEnvelopeSchema, {
        id: about.id ?? newId(),
        type: event.typeName,
        source: event.typeName.split(".")[1] ?? "test",
        key: about.key ?? newId(),
        occurTime: timestampFromDate(about.occurredAt ?? clock.now()),
        version: about.version ?? published,
        data: toBinary(event, create(event, message)),
      });
      const bus = await host.eventBus();
      await bus.publish([envelope]);
      return envelope.id;
    },
    append: (record, message, recordKey = newId()) =>
      openLogWriter(() => host.eventLog()).append(record, [{ key: recordKey, message }]),
    async untilHandled(eventId) {
      await eventually("the event is handled", async () => {
        const left = await database("port-eventbus").query("select from deliveries where event_id = $1", [eventId]);
        return left.length === 0;
      });
    },
    database,
    events,
    async nextEvent(event, matches = () => true) {
      for (;;) {
        const found = events(event).find(matches);
        if (found !== undefined) return found;
        await new Promise<void>((resolve) => {
          const wake = () => {
            wakers.delete(wake);
            resolve();
          };
          wakers.add(wake);
        });
      }
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

/** The same client with a bearer token on each call. */
function withToken<S extends DescService>(contract: S, inner: Client<S>, token: () => Promise<string>): Client<S> {
  const methods = inner as unknown as Record<string, (request: unknown, options?: CallOptions) => unknown>;
  const signed = async (options: CallOptions | undefined): Promise<CallOptions> => ({
    ...options,
    headers: { authorization: `Bearer ${await token()}`, ...headerRecord(options?.headers) },
  });
  const result: Record<string, unknown> = {};
  for (const method of contract.methods) {
    const call = methods[method.localName];
    if (call === undefined) continue;
    result[method.localName] =
      method.methodKind === "unary"
        ? async (request: unknown, options?: CallOptions) => call(request, await signed(options))
        : async function* (request: unknown, options?: CallOptions) {
            yield* call(request, await signed(options)) as AsyncIterable<unknown>;
          };
  }
  return result as Client<S>;
}

function signFor(
  caller: Exclude<Caller, { kind: "service" }>,
  key: SigningKey,
  clock: Clock,
  lifeMs: number,
): Promise<string> {
  const issuedAt = clock.now();
  const expiresAt = new Date(issuedAt.getTime() + lifeMs);
  if (caller.kind === "play_session") {
    const { sub = newId(), ...claims } = caller.claims;
    return signToken(key, {
      issuer: PLAY_ISSUER,
      subject: String(sub),
      issuedAt,
      expiresAt,
      claims: { use: PLAY_TOKEN_USE, ...claims },
    });
  }
  const { accountId, profileId, sessionId = newId(), roles, permissions } = caller;
  return signToken(key, {
    issuer: VIEWER_ISSUER,
    subject: accountId,
    issuedAt,
    expiresAt,
    claims: { sid: sessionId, ...(profileId === undefined ? {} : { pid: profileId }), roles, permissions },
  });
}
