/** Opens modules in one process: their ports, peers, listeners and background work, and closes them in reverse. */

import { mkdir, rm } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import type { DescService } from "@bufbuild/protobuf";
import type { Client } from "@connectrpc/connect";
import { type EndedSessionSource, newEndedSessions } from "#pkg/auth/ended-sessions";
import { errors as authErrors } from "#pkg/auth/errors";
import { newKeySets } from "#pkg/auth/keyset-client";
import type { KeySet } from "#pkg/auth/keysets";
import { VIEWER_ISSUER } from "#pkg/auth/viewer";
import type { Cache } from "#pkg/cache/cache";
import { type Clock, systemClock } from "#pkg/clock/clock";
import type { Environment } from "#pkg/config/load";
import type { EventBus } from "#pkg/eventbus/eventbus";
import type { EventLog } from "#pkg/eventlog/eventlog";
import { type MetricsRegistry, newMetrics } from "#pkg/obs/metrics";
import type { Logger } from "#pkg/obs/obs";
import { openIdTracer } from "#pkg/obs/trace";
import { Buckets } from "#pkg/rpc/buckets";
import { type ChainOptions, newChain } from "#pkg/rpc/chain";
import { newDialer } from "#pkg/rpc/dial";
import { errors } from "#pkg/rpc/errors";
import { ServingState } from "#pkg/rpc/health";
import { type Listener, type ListenOptions, listen } from "#pkg/rpc/listen";
import { LocalServices, newLocalService } from "#pkg/rpc/local";
import { givenProof, newRunSecret, secretProof } from "#pkg/rpc/loopback";
import { newProxies } from "#pkg/rpc/proxies";
import { type BoundRoute, bindRoute } from "#pkg/rpc/routes";
import { openTerritory } from "#pkg/rpc/territory";
import { originOf } from "#pkg/rpc/wire";
import { registerConsumers, startBackground } from "./background.ts";
import { type Children, startChildren } from "./children.ts";
import { ensureDataFolder } from "./data-folder.ts";
import { type Database, type GivenDatabase, openDatabase } from "./database.ts";
import { endedSessionsPath, endedSessionsRoutes } from "./ended-sessions.ts";
import { checkModules, inOrder } from "./graph.ts";
import { checkDeclared } from "./host-routes.ts";
import { jwksRoutes } from "./jwks.ts";
import { type HostState, Lifecycle } from "./lifecycle.ts";
import type { Module, ServiceBinding } from "./module.ts";
import { openModule, type RunningModule } from "./open-module.ts";
import { newPorts, schemaPlans } from "./ports.ts";
import { loadSettings, parseListen, type Settings, webRoot } from "./settings.ts";
import { openStatic } from "./static.ts";

export interface HostOptions {
  /** To open here. */
  readonly modules: readonly Module[];
  /** All that exist: whose addresses and settings may be configured, and whose tokens are verified. */
  readonly known: readonly Module[];
  readonly env: Environment;
  readonly log: Logger;
  readonly clock?: Clock;
  /** The script that starts isolated modules, by `--target=NAME`; without one they are opened here. */
  readonly script?: string;
  /** What a program that holds several hosts, or a part of the platform only, brings along. */
  readonly given?: Given;
}

/** Takes the place of what a host would make itself, or stands beside it. */
export interface Given {
  readonly database?: GivenDatabase;
  /** Counts calls in place of the host's own buckets and cache. */
  readonly limiting?: Pick<ChainOptions, "buckets" | "cache">;
  readonly metrics?: MetricsRegistry;
  /** Services that no opened module serves. */
  readonly services?: readonly { readonly module: string; readonly binding: ServiceBinding }[];
  /** Keys beside those of the opened modules, by issuer. */
  readonly keySets?: ReadonlyMap<string, KeySet>;
}

export interface Host extends AsyncDisposable {
  readonly state: HostState;
  readonly settings: Settings;
  /** Origin that clients reach the edge at. */
  readonly publicOrigin: string;
  /** `http://127.0.0.1:PORT` of each listener; undefined where it is off. */
  readonly publicUrl: string | undefined;
  readonly internalUrl: string | undefined;
  /** Resolves when a module or the host fails after it was opened. */
  readonly failed: Promise<Error>;
  /** A client as a module has it; `caller` undefined is a client from outside, in-process. */
  dial<S extends DescService>(service: S, caller: string | undefined): Client<S>;
  eventBus(): Promise<EventBus>;
  /** The cache. */
  cache(): Promise<Cache>;
  /** The event log. */
  eventLog(): Promise<EventLog>;
}

/**
 * Opens everything; resolves when it serves. Rejects with a plain Error that lists every wrong setting, names a module
 * that could not open, or with the error of the database or a listener; nothing is left open then.
 */
export async function openHost(options: HostOptions): Promise<Host> {
  const { log, given = {} } = options;
  const clock = options.clock ?? systemClock;
  checkModules(options.known);
  const settings = loadSettings(options.modules, options.known, options.env);
  if (settings.mistakes.length > 0) throw new Error(settings.mistakes.join("\n"));
  const config = settings.host;
  await ensureDataFolder(resolve(config.data));
  const lifecycle = new Lifecycle();
  lifecycle.to("opening");
  await using stack = new AsyncDisposableStack();

  const tracer =
    config.otlpEndpoint === undefined
      ? openIdTracer()
      : (await import("#pkg/obs/otel")).openOtelTracer({ endpoint: config.otlpEndpoint, serviceName: "matinee" });
  stack.use(tracer);
  const metrics = given.metrics ?? newMetrics({ processMetrics: true });
  const secret = config.loopbackSecret ?? newRunSecret();
  const proof = config.loopbackProof === undefined ? secretProof(secret) : givenProof(config.loopbackProof);

  let database: Promise<Database> | undefined;
  const openDatabaseOnce = (): Promise<Database> => {
    database ??= openDatabase({
      config,
      log: log.child({ port: "postgres" }),
      given: given.database,
      onFailed: (error) => fail("postgres", error),
    });
    return database;
  };
  stack.defer(async () => (await database)?.[Symbol.asyncDispose]());
  const ports = stack.use(newPorts({ settings, clock, log, database: openDatabaseOnce }));
  const running: RunningModule[] = [];
  /** What an issuer in another process publishes; undefined where no address of it is known. */
  const publishedBy = (issuer: string, path: string) => {
    const module = options.known.find((candidate) => candidate.issuer === issuer)?.name ?? issuer;
    const address = settings.addressesOf(module)?.[0];
    const caller = options.modules[0]?.name;
    if (address === undefined) return undefined;
    const tls = proof.tls(caller, module);
    const url = `${originOf(address, tls !== undefined)}${path}`;
    return { url, headers: caller === undefined ? {} : proof.prove(caller), tls };
  };
  const keySets = newKeySets({
    clock,
    local: (issuer) => localKeySet(issuer, running, given),
    remote: (issuer) => publishedBy(issuer, `/.well-known/jwks/${issuer}.json`),
  });
  const endedSessions = newEndedSessions({
    clock,
    log,
    onEnded: (sessionIds) => chain.endStreamsOf(sessionIds, authErrors.SESSION_ENDED()),
  });
  const limiting = given.limiting ?? { buckets: new Buckets(clock), cache: await ports.open("cache") };
  const chain = newChain({
    clock,
    log,
    metrics,
    tracer,
    keySets,
    endedSessions,
    proof,
    ...limiting,
    rateLimit: { perSecond: config.rateLimitPerSecond, burst: config.rateLimitBurst },
    concurrency: { perCaller: config.maxCallsPerCaller, ofStrangers: config.maxStreamsOfStrangers },
  });
  const local = new LocalServices();
  const dialer = stack.use(newDialer({ local, chain, clock, tracer, proof, addressesOf: settings.addressesOf }));
  const state = new ServingState();

  function fail(name: string, cause: unknown): void {
    if (lifecycle.state === "draining" || lifecycle.state === "closed") return;
    log.error({ module: name, err: cause }, "module failed");
    lifecycle.fail(new Error(`${name} failed: ${cause instanceof Error ? cause.message : String(cause)}`, { cause }));
  }

  // Listeners are bound first: a taken port is found at once, and modules learn the origin.
  const proxies = newProxies(config.trustedProxies?.split(",").map((part) => part.trim()) ?? []);
  const limits = {
    maxConnections: config.maxConnections,
    maxConnectionsPerNetwork: config.maxConnectionsPerNetwork,
    maxRefusalsPerNetwork: config.maxRefusalsPerNetwork,
    idleTimeoutMs: config.connectionIdle,
    messageTimeoutMs: config.messageTimeout,
  };
  const publicListener = await bind("LISTEN", config.listen, {
    ...{ via: "public", proxies, log, metrics, limits },
  });
  const internalListener = await bind("INTERNAL_LISTEN", config.internalListen, {
    ...{ via: "internal", proxies, log, metrics, limits },
  });
  // Only where opening fails half-way; an open host drains them itself, in their turn.
  stack.defer(async () => {
    await Promise.all([publicListener?.drain(0), internalListener?.drain(0)]);
  });
  const publicOrigin = (config.publicOrigin ?? `http://localhost:${publicListener?.port ?? 0}`).replace(/\/$/, "");

  const territoryOf = await openTerritory({
    fallback: config.territory,
    header: config.territoryHeader,
    databasePath: config.territoryDatabase,
  });

  const apart = options.script !== undefined && options.modules.length > 1;
  const inside = options.modules.filter((module) => !(apart && module.isolated === true));
  const isolated = options.modules.filter((one) => !inside.includes(one));
  const plans = await schemaPlans(inside, settings);
  if (plans.length > 0) await (await openDatabaseOnce()).prepare(plans);
  for (const { module, binding } of given.services ?? []) {
    local.add(newLocalService(module, binding.service, binding.handler));
  }
  for (const module of inOrder(inside)) {
    const scratch = resolve(config.data, "scratch", [module.name, config.instance].filter(Boolean).join("-"));
    await rm(scratch, { recursive: true, force: true });
    await mkdir(dirname(scratch), { recursive: true });
    // Films in the clear lie here while they are worked on.
    await mkdir(scratch, { recursive: true, mode: 0o700 });
    const opened = await openModule(module, {
      clock,
      log: log.child({ module: module.name }),
      metrics,
      keySets,
      scratch,
      publicOrigin,
      territoryOf,
      config: settings.modules.get(module.name) ?? {},
      dialer,
      ports,
      database: openDatabaseOnce,
    });
    stack.use(opened);
    running.push(opened);
    for (const binding of opened.services) local.add(newLocalService(module.name, binding.service, binding.handler));
  }

  await registerConsumers(running, ports);
  const source = endedSessionsSource();
  if (source !== undefined && (publicListener !== undefined || internalListener !== undefined)) {
    const stopped = new AbortController();
    const following = endedSessions.follow(source, stopped.signal);
    stack.defer(async () => {
      stopped.abort();
      await following;
    });
  }
  const background = startBackground(running, {
    ...{ clock, log, tracer, metrics, ports, database: openDatabaseOnce, fail },
    concurrency: config.eventConcurrency,
  });
  stack.defer(() => background.stop(config.graceMs));
  const routes: readonly BoundRoute[] = [
    ...running.flatMap((module) => module.routes.map((route) => bindRoute(module.name, route))),
    ...jwksRoutes(running),
    ...endedSessionsRoutes(running, options.known),
    ...ports.routes().map(({ module, route }) => bindRoute(module, route)),
  ];
  checkDeclared(routes, options.known);
  const root = webRoot(config);
  const serving = {
    chain,
    metrics: () => metrics.print(),
    routes,
    services: local.all(),
    state,
    ready: async () => {
      for (const module of running) await module.ready();
    },
  };
  publicListener?.serve({
    ...serving,
    fallback: root === undefined ? undefined : await openStatic(root, clock),
  });
  internalListener?.serve({ ...serving, fallback: undefined });

  const children: Children = startChildren({
    modules: isolated,
    script: options.script ?? "",
    known: options.known,
    here: inside,
    settings,
    env: options.env,
    secret,
    internalAddress: internalListener === undefined ? undefined : `127.0.0.1:${internalListener.port}`,
    clock,
    log,
    fail,
  });
  const owned = stack.move();
  // Background work may have failed already; then the host is returned failed, and `failed` says why.
  if (lifecycle.failure === undefined) {
    lifecycle.to("running");
    state.set(true);
  }
  const publicUrl = publicListener === undefined ? undefined : `http://127.0.0.1:${publicListener.port}`;
  log.info({ modules: inside.map((module) => module.name), publicUrl }, "serving");

  let closed: Promise<void> | undefined;
  return {
    get state() {
      return lifecycle.state;
    },
    settings,
    publicOrigin,
    publicUrl,
    internalUrl: internalListener === undefined ? undefined : `http://127.0.0.1:${internalListener.port}`,
    failed: lifecycle.failed,
    dial: (service, caller) => dialer.dial(service, caller),
    eventBus: () => ports.open("eventbus"),
    cache: () => ports.open("cache"),
    eventLog: () => ports.open("eventlog"),
    [Symbol.asyncDispose]() {
      closed ??= close();
      return closed;
    },
  };

  /** The issuer of viewers' tokens where it runs here, else in its process; undefined where there is none. */
  function endedSessionsSource(): EndedSessionSource | undefined {
    const feed = running.find((module) => module.issuer === VIEWER_ISSUER)?.endedSessions;
    if (feed !== undefined) return { feed };
    return publishedBy(VIEWER_ISSUER, endedSessionsPath(VIEWER_ISSUER));
  }

  async function close(): Promise<void> {
    lifecycle.to("draining");
    state.set(false);
    if (config.drainMs > 0) await new Promise((done) => setTimeout(done, config.drainMs));
    await children.stop();
    state.close();
    // Who watches the health hears that it goes before the streams are ended.
    await new Promise((done) => setImmediate(done));
    chain.abort("streams", errors.DRAINING());
    const hard = setTimeout(() => chain.abort("all", errors.DRAINING()), Math.max(0, config.graceMs - 100));
    await Promise.all([publicListener?.drain(config.graceMs), internalListener?.drain(config.graceMs)]);
    clearTimeout(hard);
    await owned.disposeAsync();
    lifecycle.to("closed");
    log.info({}, "closed");
  }
}

async function bind(
  variable: string,
  address: string,
  options: Omit<ListenOptions, "host" | "port">,
): Promise<Listener | undefined> {
  const parsed = parseListen(variable, address);
  if (parsed === undefined) return undefined;
  try {
    return await listen({ ...options, ...parsed });
  } catch (error) {
    throw new Error(`${variable}: cannot listen on ${address}: ${error instanceof Error ? error.message : error}`, {
      cause: error,
    });
  }
}

function localKeySet(issuer: string, running: readonly RunningModule[], { keySets }: Given): KeySet | undefined {
  const sets = [running.find((module) => module.issuer === issuer)?.keySet, keySets?.get(issuer)].filter(
    (set) => set !== undefined,
  );
  if (sets.length === 0) return undefined;
  return { keys: async () => (await Promise.all(sets.map((set) => set.keys()))).flat() };
}
