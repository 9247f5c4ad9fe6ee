/** The host's own settings, and those of every module that it opens, read from the environment at once. */

import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { type Environment, loadConfig, prefixOf, type Setting, unknownVariables } from "#pkg/config/load";
import type { SettingGroup } from "#pkg/config/reference";
import { type ConfigSpec, type ConfigValues, defineConfig } from "#pkg/config/spec";
import type { Module } from "./module.ts";
import { type OpenablePort, PORT_NAMES, portConfig, portUrl } from "./port-table.ts";

/** The folder that holds `services` and `clients`. */
const ROOT = fileURLToPath(new URL("../../", import.meta.url));

export const hostConfig = defineConfig({
  listen: {
    type: "string",
    default: "127.0.0.1:8080",
    doc: "address of the public listener; port 0 takes a free one, off opens none",
  },
  internalListen: {
    type: "string",
    default: "127.0.0.1:0",
    doc: "address of the listener for other modules; off opens none",
  },
  data: { type: "string", default: "./.data", doc: "folder of everything that is kept" },
  publicOrigin: {
    type: "string",
    default: undefined,
    doc: "origin that browsers reach the edge at; http://localhost:PORT unless given",
  },
  webRoot: {
    type: "string",
    default: undefined,
    doc: "folder of the built web client; off serves none, clients/web/dist where it is built unless given",
  },
  territory: { type: "string", default: "US", doc: "ISO 3166-1 alpha-2 of callers whose address says nothing" },
  territoryHeader: {
    type: "string",
    default: undefined,
    doc: "lower-case name of a header with the caller's territory that a proxy in front sets and overwrites",
  },
  territoryDatabase: { type: "string", default: undefined, doc: "path of a country database in MaxMind's format" },
  trustedProxies: {
    type: "string",
    default: undefined,
    doc: "addresses and CIDR ranges whose X-Forwarded-For is believed, separated by commas",
  },
  postgresUrl: {
    type: "string",
    default: undefined,
    secret: true,
    doc: "administrator's URL of a PostgreSQL server; an embedded one is started unless given",
  },
  postgresRoleSecret: {
    type: "string",
    default: undefined,
    secret: true,
    doc: "what the passwords of the login roles are derived from; kept in DATA/secrets unless given",
  },
  migrate: {
    type: "choice",
    choices: ["auto", "start", "check"],
    default: "auto",
    doc: "start migrates, check only checks, auto migrates the embedded server",
  },
  blobstoreSecret: {
    type: "string",
    default: undefined,
    secret: true,
    doc: "what signed blob URLs are signed with; kept in DATA/secrets unless given",
  },
  loopbackSecret: {
    type: "string",
    default: undefined,
    secret: true,
    doc: "lets processes of one machine prove their modules to each other; made at start unless given",
  },
  loopbackProof: {
    type: "string",
    default: undefined,
    secret: true,
    doc: "proves the one module of this process; set by the host that starts it",
  },
  instance: {
    type: "string",
    default: undefined,
    doc: "tells processes of the same module apart; names the scratch folder",
  },
  workers: {
    type: "integer",
    default: 0,
    min: 0,
    max: 256,
    doc: "how many processes each isolated module gets; 0 is one per core",
  },
  rateLimitPerSecond: {
    type: "number",
    default: 100,
    min: 0.1,
    max: 1_000_000,
    doc: "calls a second of one caller to one method of this process, where the contract says nothing",
  },
  rateLimitBurst: { type: "integer", default: 300, min: 1, max: 1_000_000, doc: "calls that may come at once" },
  maxConnections: {
    type: "integer",
    default: 10_000,
    min: 10,
    max: 1_000_000,
    doc: "connections of one listener; where there are as many, the one that has been idle longest is closed",
  },
  maxConnectionsPerNetwork: {
    type: "integer",
    default: 500,
    min: 1,
    max: 1_000_000,
    doc: "connections of one IPv4 address, or of one IPv6 /64, to the public listener, and a fifth as many new ones a second; TRUSTED_PROXIES are exempt",
  },
  maxRefusalsPerNetwork: {
    type: "integer",
    default: 60,
    min: 1,
    max: 1_000_000,
    doc: "refused requests, and connections that ask nothing, of one network at once, and a twentieth of it each second; one that has more makes no new connections meanwhile; TRUSTED_PROXIES are exempt",
  },
  connectionIdle: {
    type: "duration",
    default: "65s",
    min: "1s",
    max: "1h",
    doc: "how long a connection may be without a request; longer than a proxy in front keeps its own open",
  },
  messageTimeout: {
    type: "duration",
    default: "30s",
    min: "100ms",
    max: "10m",
    doc: "how long the message of a call may take to come in",
  },
  maxCallsPerCaller: {
    type: "integer",
    default: 64,
    min: 1,
    max: 1_000_000,
    doc: "streaming calls that one account has open at once, and calls of any kind that one network has that is not signed in",
  },
  maxStreamsOfStrangers: {
    type: "integer",
    default: 1_000,
    min: 1,
    max: 1_000_000,
    doc: "streaming calls that all who are not signed in hold together, such as health watches",
  },
  eventConcurrency: {
    type: "integer",
    default: 4,
    min: 1,
    max: 100,
    doc: "events that each module handles at a time in this process",
  },
  drainMs: {
    type: "duration",
    default: "0s",
    min: "0s",
    max: "5m",
    doc: "how long the process still serves after it reports that it is going",
  },
  graceMs: {
    type: "duration",
    default: "10s",
    min: "0s",
    max: "10m",
    doc: "how long running calls may take to finish when the process ends",
  },
  logLevel: {
    type: "choice",
    choices: ["debug", "info", "warn", "error"],
    default: "info",
    doc: "the least important log line that is written",
  },
  otlpEndpoint: {
    type: "string",
    default: undefined,
    doc: "base URL of an OpenTelemetry collector (OTLP over HTTP); no traces are exported unless given",
  },
});

export type HostConfig = ConfigValues<typeof hostConfig>;

export interface Settings {
  readonly host: HostConfig;
  readonly portUrls: Readonly<Record<OpenablePort, string>>;
  /** By module name. */
  readonly modules: ReadonlyMap<string, ConfigValues<ConfigSpec>>;
  readonly all: readonly Setting[];
  /** `host:port` of each replica of a module that runs elsewhere; undefined where none is configured. */
  readonly addressesOf: (module: string) => readonly string[] | undefined;
  readonly mistakes: readonly string[];
}

/** `known` are all modules that exist: `CATALOG_ADDR` is a setting of a process that only runs playback. */
export function loadSettings(modules: readonly Module[], known: readonly Module[], env: Environment): Settings {
  const host = loadConfig("", hostConfig, env);
  const ports = loadConfig("", portConfig, env);
  const data = resolve(host.values.data);
  const loaded = modules.map((module) => ({
    module,
    ...loadConfig(prefixOf(module.name), module.config, env),
  }));
  const addresses = new Map(
    known.flatMap((module): [string, readonly string[]][] => {
      const text = env[addressVariable(module.name)];
      return text === undefined || text === "" ? [] : [[module.name, text.split(",").map((part) => part.trim())]];
    }),
  );
  const hostVariables = new Set([
    ...[...host.settings, ...ports.settings].map((setting) => setting.variable),
    ...known.map((module) => addressVariable(module.name)),
  ]);
  const specs = known.map((module) => ({ prefix: prefixOf(module.name), spec: module.config }));
  const unknown = unknownVariables(specs, hostVariables, env);
  return {
    host: host.values,
    portUrls: Object.fromEntries(
      PORT_NAMES.map((name) => [name, portUrl(name, ports.values, data)]),
    ) as Settings["portUrls"],
    modules: new Map(loaded.map(({ module, values }) => [module.name, values])),
    all: [...host.settings, ...ports.settings, ...loaded.flatMap(({ settings }) => settings)],
    addressesOf: (module) => addresses.get(module),
    mistakes: [
      ...host.mistakes,
      ...loaded.flatMap(({ mistakes }) => mistakes),
      ...unknown.map((variable) => `${variable}: there is no such setting; --print-config lists them`),
    ],
  };
}

/** Every setting that exists, by what it belongs to. */
export function settingGroups(known: readonly Module[]): readonly SettingGroup[] {
  return [
    { title: "Host", prefix: "", spec: hostConfig },
    { title: "Ports", prefix: "", spec: portConfig },
    ...known.map((module) => ({
      title: module.name,
      prefix: prefixOf(module.name),
      spec: {
        addr: {
          type: "string",
          default: undefined,
          doc: "HOST:PORT of each replica, separated by commas, where the module runs in another process",
        },
        ...module.config,
      } satisfies ConfigSpec,
    })),
  ];
}

/** `CATALOG_ADDR`: where a module that runs elsewhere is reached. */
export function addressVariable(module: string): string {
  return `${prefixOf(module)}_ADDR`;
}

/** The built web client's folder; undefined where there is none. */
export function webRoot(host: HostConfig): string | undefined {
  if (host.webRoot === "off") return undefined;
  if (host.webRoot !== undefined) return resolve(host.webRoot);
  const built = resolve(ROOT, "clients/web/dist");
  return existsSync(built) ? built : undefined;
}

/** Splits `127.0.0.1:8080` or `[::1]:8080`; undefined for `off`. Throws a plain Error for anything else. */
export function parseListen(
  variable: string,
  text: string,
): { readonly host: string; readonly port: number } | undefined {
  if (text === "off") return undefined;
  const [, bracketed, plain, port] = /^(?:\[([0-9a-fA-F:]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(text) ?? [];
  const host = bracketed ?? plain;
  if (host === undefined || port === undefined || Number(port) > 65_535) {
    throw new Error(`${variable}: ${JSON.stringify(text)} is not HOST:PORT or off`);
  }
  return { host, port: Number(port) };
}
