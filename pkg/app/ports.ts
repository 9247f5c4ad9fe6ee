/** The ports of a host, each opened from its URL when the first module needs it. */

import { resolve } from "node:path";
import type { BlobStore } from "#pkg/blobstore/blobstore";
import type { Cache } from "#pkg/cache/cache";
import type { Clock } from "#pkg/clock/clock";
import type { EventBus } from "#pkg/eventbus/eventbus";
import type { EventLog } from "#pkg/eventlog/eventlog";
import type { Keys } from "#pkg/keys/keys";
import type { Logger } from "#pkg/obs/obs";
import type { MigrationSet } from "#pkg/postgres/migrate";
import type { Queue } from "#pkg/queue/queue";
import type { Route } from "#pkg/rpc/call";
import type { SearchIndex } from "#pkg/search/search";
import type { Database } from "./database.ts";
import type { BlobStoreName, Module, PortName } from "./module.ts";
import { loadSecret } from "./secrets.ts";
import { blobStoreUrl, type HostConfig, keysUrl } from "./settings.ts";

export interface HostPorts extends AsyncDisposable {
  blobStore(name: BlobStoreName): Promise<BlobStore>;
  queue(): Promise<Queue>;
  eventBus(): Promise<EventBus>;
  eventLog(): Promise<EventLog>;
  search(): Promise<SearchIndex>;
  cache(): Promise<Cache>;
  keys(): Promise<Keys>;
  /** The HTTP faces of the blob stores that were opened, with the store's name. */
  routes(): readonly { readonly module: string; readonly route: Route }[];
}

export interface PortsOptions {
  readonly config: HostConfig;
  readonly clock: Clock;
  readonly log: Logger;
  readonly database: () => Promise<Database>;
}

export function newPorts(options: PortsOptions): HostPorts {
  const { config, clock, log } = options;
  const owned = new AsyncDisposableStack();
  const routes: { readonly module: string; readonly route: Route }[] = [];
  const opened = new Map<string, Promise<unknown>>();

  /** Opens once, whoever asks and however often at the same time. */
  function once<T extends AsyncDisposable>(name: string, open: () => Promise<T>): Promise<T> {
    let pending = opened.get(name) as Promise<T> | undefined;
    if (pending === undefined) {
      pending = open().then((port) => owned.use(port));
      opened.set(name, pending);
    }
    return pending;
  }

  const onPostgres = (port: string) => ({
    postgres: async () => (await options.database()).pool(`port-${port}`),
    clock,
    log: log.child({ port }),
  });

  return {
    blobStore: (name) =>
      once(`blobstore ${name}`, async () => {
        const { openBlobStore } = await import("#pkg/blobstore/open");
        const result = await openBlobStore(blobStoreUrl(config, name), {
          name,
          signingSecret: await signingSecret(config),
          clock,
          log: log.child({ port: name }),
        });
        routes.push(...result.routes.map((route) => ({ module: name, route })));
        return result.store;
      }),
    queue: () =>
      once("queue", async () => (await import("#pkg/queue/open")).openQueue(config.queueUrl, onPostgres("queue"))),
    eventBus: () =>
      once("eventbus", async () =>
        (await import("#pkg/eventbus/open")).openEventBus(config.eventbusUrl, onPostgres("eventbus")),
      ),
    eventLog: () =>
      once("eventlog", async () =>
        (await import("#pkg/eventlog/open")).openEventLog(config.eventlogUrl, onPostgres("eventlog")),
      ),
    search: () =>
      once("search", async () =>
        (await import("#pkg/search/open")).openSearchIndex(config.searchUrl, onPostgres("search")),
      ),
    cache: () =>
      once("cache", async () =>
        (await import("#pkg/cache/open")).openCache(config.cacheUrl, { clock, log: log.child({ port: "cache" }) }),
      ),
    keys: () =>
      once("keys", async () =>
        (await import("#pkg/keys/open")).openKeys(keysUrl(config), { log: log.child({ port: "keys" }) }),
      ),
    routes: () => routes,
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
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

/** True where the module appends to the event log or reads it. */
function usesEventLog(module: Module): boolean {
  return (module.appends ?? []).length > 0 || (module.reads ?? []).length > 0;
}

/** What must be migrated for these modules: their schemas and those of the ports that live in the database. */
export async function schemaPlans(
  modules: readonly Module[],
  config: HostConfig,
): Promise<readonly { readonly name: string; readonly sets: readonly MigrationSet[] }[]> {
  const needs = (port: PortName) => modules.some((module) => module.needs.includes(port));
  const ports: { readonly name: string; readonly sets: readonly MigrationSet[] }[] = [];
  if (modules.some(usesEventBus)) {
    ports.push({ name: "port-eventbus", sets: (await import("#pkg/eventbus/open")).migrationsFor(config.eventbusUrl) });
  }
  if (needs("queue")) {
    ports.push({ name: "port-queue", sets: (await import("#pkg/queue/open")).migrationsFor(config.queueUrl) });
  }
  if (modules.some(usesEventLog)) {
    ports.push({ name: "port-eventlog", sets: (await import("#pkg/eventlog/open")).migrationsFor(config.eventlogUrl) });
  }
  if (needs("search")) {
    ports.push({ name: "port-search", sets: (await import("#pkg/search/open")).migrationsFor(config.searchUrl) });
  }
  const services = modules.filter((module) => module.needs.includes("postgres"));
  if (services.length === 0 && ports.every((port) => port.sets.length === 0)) return [];
  const { outboxMigrations } = await import("#pkg/postgres/migrate");
  return [
    ...ports.filter((port) => port.sets.length > 0),
    ...services.map((module) => ({
      name: module.name,
      sets: [
        outboxMigrations,
        ...(module.migrations === undefined ? [] : [{ source: "module", directory: module.migrations }]),
      ],
    })),
  ];
}
