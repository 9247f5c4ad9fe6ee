/** Every port and store that a module can need, by its name: a new one is a line here, and a rank in services/imports.test.ts. */

import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { BlobStore } from "#pkg/blobstore/blobstore";
import type { Cache } from "#pkg/cache/cache";
import type { Clock } from "#pkg/clock/clock";
import { variableOf } from "#pkg/config/load";
import type { ConfigSpec } from "#pkg/config/spec";
import type { EventBus } from "#pkg/eventbus/eventbus";
import type { EventLog } from "#pkg/eventlog/eventlog";
import type { Keys } from "#pkg/keys/keys";
import type { Logger } from "#pkg/obs/obs";
import type { Db } from "#pkg/postgres/db";
import type { MigrationSet } from "#pkg/postgres/migrate";
import type { Queue } from "#pkg/queue/queue";
import type { Route } from "#pkg/rpc/call";
import type { SearchIndex } from "#pkg/search/search";

/** What a host opens a port with. */
export interface PortContext {
  readonly name: string;
  readonly clock: Clock;
  readonly log: Logger;
  /** The port's own schema. */
  readonly postgres: () => Promise<Db>;
  /** What URLs of blobs are signed with; undefined in a process that is not to know it. */
  readonly signingSecret: () => Promise<Uint8Array | undefined>;
  /** Takes the HTTP face of the port, where it has one. */
  readonly serve: (routes: readonly Route[]) => void;
}

interface Port<T extends AsyncDisposable> {
  /** Blob stores have an HTTP face, the root keys of key keepers can be rotated. */
  readonly kind: "engine" | "blobs" | "keys";
  /** The setting with its URL. */
  readonly setting: string;
  readonly doc: string;
  /** The URL unless one is given; a function gets the data folder. */
  readonly defaultUrl: string | ((data: string) => string);
  readonly open: (url: string, context: PortContext) => Promise<T>;
  /** What it keeps in the host's database. */
  readonly migrations?: (url: string) => Promise<readonly MigrationSet[]>;
}

export const PORTS = {
  originals: blobStore("originals", "blobstoreOriginals", "URL of the store of uploaded films"),
  mezzanine: blobStore("mezzanine", "blobstoreMezzanine", "URL of the store of encoded renditions"),
  packaged: blobStore("packaged", "blobstorePackaged", "URL of the store of packaged films"),
  images: blobStore("images", "blobstoreImages", "URL of the store of artwork and storyboards"),
  queue: engine<Queue>({
    setting: "queueUrl",
    doc: "URL of the task queue: postgres: for the host's database, or sqs:PREFIX for queues of Amazon SQS whose names begin so, with region, endpoint and credentials as the AWS SDK finds them",
    defaultUrl: "postgres:",
    open: async (url, context) => (await import("#pkg/queue/open")).openQueue(url, context),
    migrations: async (url) => (await import("#pkg/queue/open")).migrationsFor(url),
  }),
  eventbus: engine<EventBus>({
    setting: "eventbusUrl",
    doc: "URL of the event bus",
    defaultUrl: "postgres:",
    open: async (url, context) => (await import("#pkg/eventbus/open")).openEventBus(url, context),
    migrations: async (url) => (await import("#pkg/eventbus/open")).migrationsFor(url),
  }),
  eventlog: engine<EventLog>({
    setting: "eventlogUrl",
    doc: "URL of the event log",
    defaultUrl: "postgres:",
    open: async (url, context) => (await import("#pkg/eventlog/open")).openEventLog(url, context),
    migrations: async (url) => (await import("#pkg/eventlog/open")).migrationsFor(url),
  }),
  search: engine<SearchIndex>({
    setting: "searchUrl",
    doc: "URL of the search engine",
    defaultUrl: "postgres:",
    open: async (url, context) => (await import("#pkg/search/open")).openSearchIndex(url, context),
    migrations: async (url) => (await import("#pkg/search/open")).migrationsFor(url),
  }),
  cache: engine<Cache>({
    setting: "cacheUrl",
    doc: "URL of the cache: memory: for one process, or redis://HOST:PORT (rediss: with TLS, ?cluster=true for a node of a cluster), which several processes of a module need to share",
    defaultUrl: "memory:",
    open: async (url, context) => (await import("#pkg/cache/open")).openCache(url, context),
  }),
  contentKeys: keyKeeper("keysContent", "URL of the root key that wraps content keys"),
  signingKeys: keyKeeper("keysSigning", "URL of the root key that wraps the keys which tokens are signed with"),
};

export type OpenablePort = keyof typeof PORTS;

/** What is open under each name. */
export type OpenPorts = { readonly [N in OpenablePort]: Awaited<ReturnType<(typeof PORTS)[N]["open"]>> };

export const PORT_NAMES = Object.keys(PORTS) as readonly OpenablePort[];

export const portConfig: ConfigSpec = Object.fromEntries(
  Object.values(PORTS).map(({ setting, doc, defaultUrl }) => [
    setting,
    { type: "string", default: typeof defaultUrl === "string" ? defaultUrl : undefined, doc },
  ]),
);

export function portsOfKind(kind: "blobs" | "keys"): readonly OpenablePort[] {
  return PORT_NAMES.filter((name) => PORTS[name].kind === kind);
}

/** The URL of a port: as configured, else the default for this data folder. */
export function portUrl(name: OpenablePort, configured: Readonly<Record<string, unknown>>, data: string): string {
  const { setting, defaultUrl } = PORTS[name];
  const url = configured[setting];
  if (typeof url === "string") return url;
  return typeof defaultUrl === "string" ? defaultUrl : defaultUrl(data);
}

/** `BLOBSTORE_ORIGINALS`: the environment variable of a port's URL. */
export function portVariable(name: OpenablePort): string {
  return variableOf("", PORTS[name].setting);
}

function engine<T extends AsyncDisposable>(line: Omit<Port<T>, "kind">): Port<T> {
  return { kind: "engine", ...line };
}

function blobStore(name: string, setting: string, doc: string): Port<BlobStore> {
  return {
    kind: "blobs",
    setting,
    doc: `${doc}: file:FOLDER, or s3://BUCKET/PREFIX (?region=…, endpoint=…, path-style=true) with the credentials that the AWS SDK finds; a folder below DATA unless given`,
    defaultUrl: (data) => pathToFileURL(join(data, "blobs", name)).toString(),
    async open(url, { name, clock, log, signingSecret, serve }) {
      const { openBlobStore } = await import("#pkg/blobstore/open");
      const opened = await openBlobStore(url, { name, signingSecret: await signingSecret(), clock, log });
      serve(opened.routes);
      return opened.store;
    },
  };
}

/** Keys of each purpose have a keeper of their own, who may use it and who may not; files of one folder all have one owner. */
function keyKeeper(setting: string, doc: string): Port<Keys> {
  return {
    kind: "keys",
    setting,
    doc: `${doc}; a key file in DATA/keys unless given. awskms:alias/NAME (or a key's id or ARN) is AWS KMS, with region, endpoint and credentials as the AWS SDK finds them`,
    defaultUrl: (data) => pathToFileURL(join(data, "keys", "root.key")).toString(),
    open: async (url, context) => (await import("#pkg/keys/open")).openKeys(url, context),
  };
}
