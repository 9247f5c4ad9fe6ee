/** The ports of a host, each opened from its URL when the first module needs it. */

import { resolve } from "node:path";
import type { Clock } from "#pkg/clock/clock";
import type { Logger } from "#pkg/obs/obs";
import type { MigrationSet } from "#pkg/postgres/migrate";
import type { Route } from "#pkg/rpc/call";
import type { Database } from "./database.ts";
import type { Module } from "./module.ts";
import { type OpenablePort, type OpenPorts, PORT_NAMES, PORTS } from "./port-table.ts";
import { loadSecret } from "./secrets.ts";
import type { HostConfig, Settings } from "./settings.ts";

export interface HostPorts extends AsyncDisposable {
  /** Opens once, whoever asks and however often at the same time. */
  open<N extends OpenablePort>(name: N): Promise<OpenPorts[N]>;
  /** The HTTP faces of the ports that were opened, with the port's name. */
  routes(): readonly { readonly module: string; readonly route: Route }[];
}

export interface PortsOptions {
  readonly settings: Settings;
  readonly clock: Clock;
  readonly log: Logger;
  readonly database: () => Promise<Database>;
}

export function newPorts(options: PortsOptions): HostPorts {
  const { settings, clock, log } = options;
  const owned = new AsyncDisposableStack();
  const routes: { readonly module: string; readonly route: Route }[] = [];
  const opened = new Map<OpenablePort, Promise<AsyncDisposable>>();

  async function open(name: OpenablePort): Promise<AsyncDisposable> {
    const port = await PORTS[name].open(settings.portUrls[name], {
      name,
      clock,
      log: log.child({ port: name }),
      postgres: async () => (await options.database()).pool(schemaOf(name)),
      signingSecret: () => signingSecret(settings.host),
      serve: (added) => routes.push(...added.map((route) => ({ module: name, route }))),
    });
    return owned.use<AsyncDisposable>(port);
  }

  return {
    open<N extends OpenablePort>(name: N) {
      let pending = opened.get(name);
      if (pending === undefined) {
        pending = open(name);
        opened.set(name, pending);
      }
      return pending as Promise<OpenPorts[N]>;
    },
    routes: () => routes,
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

function schemaOf(name: OpenablePort): string {
  return `port-${name}`;
}

/** A process of one isolated module, which its host starts, serves no store's URLs and is not to know how they are signed. */
async function signingSecret(config: HostConfig): Promise<Uint8Array | undefined> {
  if (config.blobstoreSecret !== undefined) return Buffer.from(config.blobstoreSecret);
  if (config.loopbackProof !== undefined) return undefined;
  return loadSecret(resolve(config.data, "secrets", "blobstore"));
}

/** True where the module says or hears events. */
export function usesEventBus(module: Module): boolean {
  return module.emits.length > 0 || module.consumes.length > 0;
}

/** What the module names, and what follows from what it says and hears. */
export function portsOf(module: Module): readonly OpenablePort[] {
  const usesEventLog = (module.appends ?? []).length > 0 || (module.reads ?? []).length > 0;
  return PORT_NAMES.filter((name) => {
    if (name === "eventbus") return usesEventBus(module);
    return name === "eventlog" ? usesEventLog : module.needs.includes(name);
  });
}

/** What must be migrated for these modules: their schemas and those of the ports that live in the database. */
export async function schemaPlans(
  modules: readonly Module[],
  { portUrls }: Settings,
): Promise<readonly { readonly name: string; readonly sets: readonly MigrationSet[] }[]> {
  const plans: { readonly name: string; readonly sets: readonly MigrationSet[] }[] = [];
  for (const name of new Set(modules.flatMap(portsOf))) {
    const sets = (await PORTS[name].migrations?.(portUrls[name])) ?? [];
    if (sets.length > 0) plans.push({ name: schemaOf(name), sets });
  }
  const services = modules.filter((module) => module.needs.includes("postgres"));
  if (services.length === 0) return plans;
  const { outboxMigrations } = await import("#pkg/postgres/migrate");
  return [
    ...plans,
    ...services.map((module) => ({
      name: module.name,
      sets: [
        outboxMigrations,
        ...(module.migrations === undefined ? [] : [{ source: "module", directory: module.migrations }]),
      ],
    })),
  ];
}
