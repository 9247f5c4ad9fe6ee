/** Opens one module with exactly what it declares. */

import type { DescService } from "@bufbuild/protobuf";
import type { EndedSessionFeed } from "#pkg/auth/ended-sessions";
import type { KeySet, KeySets } from "#pkg/auth/keysets";
import type { Clock } from "#pkg/clock/clock";
import type { ConfigSpec, ConfigValues } from "#pkg/config/spec";
import type { Logger, Metrics } from "#pkg/obs/obs";
import type { Route } from "#pkg/rpc/call";
import type { Dialer } from "#pkg/rpc/dial";
import type { TerritoryOf } from "#pkg/rpc/territory";
import type { Database } from "./database.ts";
import { checkProvided } from "./declared.ts";
import { openLogWriter } from "./event-log.ts";
import type { Consumer, Module, ModuleHost, OpenedModule, PortName, Reader, ServiceBinding } from "./module.ts";
import type { HostPorts } from "./ports.ts";

export interface ModuleContext {
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly keySets: KeySets;
  readonly scratch: string;
  readonly publicOrigin: string;
  readonly territoryOf: TerritoryOf;
  readonly config: ConfigValues<ConfigSpec>;
  readonly dialer: Dialer;
  readonly ports: HostPorts;
  readonly database: () => Promise<Database>;
}

/** A module that is open, with nothing optional left. */
export interface RunningModule extends AsyncDisposable {
  readonly name: string;
  readonly definition: Module;
  readonly log: Logger;
  readonly services: readonly ServiceBinding[];
  readonly routes: readonly Route[];
  readonly consumers: readonly Consumer[];
  readonly readers: readonly Reader[];
  readonly background: NonNullable<OpenedModule["background"]>;
  readonly issuer: string | undefined;
  readonly keySet: KeySet | undefined;
  readonly endedSessions: EndedSessionFeed | undefined;
  readonly ready: () => Promise<void>;
}

/** Rejects with a plain Error that names the module. */
export async function openModule(module: Module, context: ModuleContext): Promise<RunningModule> {
  try {
    const host = await hostFor(module, context);
    const opened = await module.open(host, context.config);
    try {
      checkProvided(module, opened);
    } catch (error) {
      await opened[Symbol.asyncDispose]?.();
      throw error;
    }
    return {
      name: module.name,
      definition: module,
      log: context.log,
      services: opened.services ?? [],
      routes: opened.routes ?? [],
      consumers: opened.consumers ?? [],
      readers: opened.readers ?? [],
      background: opened.background ?? [],
      issuer: module.issuer,
      keySet: opened.keySet,
      endedSessions: opened.endedSessions,
      ready: async () => opened.ready?.(),
      [Symbol.asyncDispose]: async () => opened[Symbol.asyncDispose]?.(),
    };
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    throw new Error(`${module.name} could not be opened: ${text}`, { cause: error });
  }
}

type AnyHost = ModuleHost<PortName, DescService, never, never>;

async function hostFor(module: Module, context: ModuleContext): Promise<AnyHost> {
  const ports: Partial<Record<PortName, unknown>> = {};
  for (const name of module.needs) {
    ports[name] =
      name === "postgres" ? await (await context.database()).pool(module.name) : await context.ports.open(name);
  }
  const events = module.needs.includes("postgres") ? await import("#pkg/eventbus/outbox") : undefined;
  const { clock, log, metrics, keySets, scratch, publicOrigin, territoryOf } = context;
  const host = {
    ...ports,
    ...(events === undefined
      ? {}
      : { outbox: events.openOutbox({ source: module.name, clock }), inbox: events.openInbox() }),
    records: openLogWriter(() => context.ports.open("eventlog")),
    name: module.name,
    clock,
    log,
    metrics,
    keySets,
    scratch,
    publicOrigin,
    territoryOf,
    dial: (service: DescService) => {
      if (!module.calls.some((declared) => declared.typeName === service.typeName)) {
        throw new Error(`${module.name} does not declare that it calls ${service.typeName}`);
      }
      return context.dialer.dial(service, module.name);
    },
  };
  return host as unknown as AnyHost;
}
