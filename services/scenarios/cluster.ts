/** The real platform as real processes, in one or in one for each module; the same to whoever talks to its origin. */

import { randomBytes } from "node:crypto";
import { rmSync } from "node:fs";
import { chmod, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pg from "pg";
import type { Module } from "#pkg/app/module";
import { addressVariable } from "#pkg/app/settings";
import { startEmbeddedPostgres } from "#pkg/postgres/embedded";
import { proofFor } from "#pkg/rpc/loopback";
import { eventually } from "#pkg/testkit/eventually";
import { freePorts } from "#pkg/testkit/ports";
import { quietLog } from "#pkg/testkit/postgres";
import { modules } from "../targets.ts";
import { type Edge, startEdge } from "./edge.ts";
import { PlatformProcess, untilGone } from "./processes.ts";

export const TOPOLOGIES = ["one-process", "process-per-module"] as const;
export type Topology = (typeof TOPOLOGIES)[number];

/** Processes of an isolated module. */
const WORKERS = 2;
/** The client's word for where it is, which the proxy in front is trusted to have checked. */
export const TERRITORY_HEADER = "x-scenario-territory";

export interface ClusterOptions {
  readonly topology: Topology;
  /** Settings of modules, for every process. */
  readonly settings?: Readonly<Record<string, string>>;
  /** An empty folder for everything that is kept; one of its own unless given. */
  readonly data?: string;
}

export interface LogRecord extends Readonly<Record<string, unknown>> {
  /** The process that wrote it. */
  readonly process: string;
}

export interface Cluster extends AsyncDisposable {
  readonly topology: Topology;
  /** What clients see, `http://127.0.0.1:PORT`. */
  readonly origin: string;
  /** The folder of everything that is kept. */
  readonly data: string;
  readonly operator: { readonly email: string; readonly password: string };
  /** Names of the processes in which the module runs. */
  processesOf(module: string): readonly string[];
  /** Names of all processes. */
  readonly processes: readonly string[];
  /** Kills processes at once; all of them where none is named. */
  kill(names?: readonly string[]): Promise<void>;
  /** Sends a signal that does not end them. */
  signal(names: readonly string[], signal: "SIGSTOP" | "SIGCONT"): void;
  /** Starts one more process with the settings of this one, changed so; whoever asks for it ends it. */
  another(name: string, changes: Readonly<Record<string, string>>): PlatformProcess;
  /** Starts those that do not run and waits until every process is ready. */
  restart(): Promise<void>;
  /** Kills the PostgreSQL server; whoever keeps it starts it again. Answers the killed process's id. */
  killPostgres(): Promise<number>;
  /** Asks the database as its administrator. */
  sql<R extends pg.QueryResultRow>(text: string, params?: readonly unknown[]): Promise<R[]>;
  /** What the processes logged, each in its order. */
  logs(): readonly LogRecord[];
  /** The last lines of each process, for a failed test. */
  tails(count: number): string;
}

/** Starts everything and resolves when every process is ready. Disposing it throws where a process outlives it. */
export async function startCluster(options: ClusterOptions): Promise<Cluster> {
  await using stack = new AsyncDisposableStack();
  const data = options.data ?? (await mkdtemp(join(tmpdir(), `matinee-scenario-${options.topology}-`)));
  // PostgreSQL may run as another user, who passes through.
  await chmod(data, 0o711);
  // Also where somebody interrupts the tests: the processes notice by themselves, the folder does not.
  const removeAtExit = () => rmSync(data, { recursive: true, force: true, maxRetries: 3 });
  process.once("exit", removeAtExit);
  stack.defer(async () => {
    await rm(data, { recursive: true, force: true });
    process.off("exit", removeAtExit);
  });
  const operator = { email: "studio@matinee.test", password: randomBytes(12).toString("base64url") };
  const common = {
    PATH: process.env.PATH ?? "",
    HOME: process.env.HOME ?? "",
    NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE ?? "",
    DATA: data,
    LOG_LEVEL: "debug",
    TERRITORY_HEADER,
    RATE_LIMIT_PER_SECOND: "10000",
    RATE_LIMIT_BURST: "10000",
    PROFILE_OPERATOR_EMAIL: operator.email,
    PROFILE_OPERATOR_PASSWORD: operator.password,
    ...options.settings,
  };
  stack.defer(() => untilGone(data));
  const parts =
    options.topology === "one-process" ? await oneProcess(common) : await processPerModule(data, common, stack);
  stack.defer(async () => {
    await Promise.all(parts.processes.map((one) => one.stop()));
  });
  const named = (names: readonly string[] | undefined) =>
    names === undefined ? parts.processes : parts.processes.filter(({ name }) => names.includes(name));
  const tails = (count: number) =>
    parts.processes.map((one) => `--- ${options.topology} ${one.name}\n${shortened(one.tail(count))}`).join("\n");

  async function restart(): Promise<void> {
    for (const one of parts.processes) if (!one.isRunning) one.start();
    await Promise.all(parts.processes.map((one) => one.untilReady()));
  }
  await restart();
  let database: pg.Client | undefined;
  stack.defer(async () => database?.end().catch(() => undefined));
  const owned = stack.move();

  return {
    topology: options.topology,
    origin: parts.origin,
    data,
    operator,
    processesOf: (module) => parts.processesOf(module),
    processes: parts.processes.map(({ name }) => name),
    signal(names, signal) {
      for (const { pid, isRunning } of named(names)) if (isRunning && pid !== undefined) process.kill(pid, signal);
    },
    another(name, changes) {
      const [like] = named([name]);
      if (like === undefined) throw new Error(`there is no process ${name}`);
      return like.another(changes);
    },
    async kill(names) {
      await Promise.all(named(names).map((one) => one.kill("SIGKILL")));
    },
    restart,
    async killPostgres() {
      const { pid } = await serverOf(data);
      process.kill(pid, "SIGKILL");
      await eventually("PostgreSQL is started again", async () => {
        const now = await serverOf(data);
        return now.pid !== pid && now.state === "ready";
      });
      return pid;
    },
    async sql(text, params) {
      // A connection may have died with its server.
      for (let attempt = 1; ; attempt++) {
        try {
          database ??= await connectTo(data);
          return (await database.query(text, params && [...params])).rows;
        } catch (error) {
          await database?.end().catch(() => undefined);
          database = undefined;
          if (attempt === 3) throw error;
        }
      }
    },
    logs: () => parts.processes.flatMap((one) => one.lines.flatMap((line) => parseLine(one.name, line))),
    tails,
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

interface Parts {
  readonly origin: string;
  readonly processes: readonly PlatformProcess[];
  readonly processesOf: (module: string) => readonly string[];
}

/** Everything in one process; isolated modules are its children. */
async function oneProcess(common: Readonly<Record<string, string>>): Promise<Parts> {
  const [port = 0] = await freePorts(1);
  const origin = `http://127.0.0.1:${port}`;
  const platform = new PlatformProcess({
    name: "platform",
    args: ["--target=all"],
    env: {
      ...common,
      LISTEN: `127.0.0.1:${port}`,
      PUBLIC_ORIGIN: origin,
      // What stands for a proxy in front is the test itself.
      TRUSTED_PROXIES: "127.0.0.1/32",
      WORKERS: String(WORKERS),
    },
    url: origin,
  });
  return { origin, processes: [platform], processesOf: () => [platform.name] };
}

/** Each module in a process of its own, on one database and one folder, behind an edge. */
async function processPerModule(
  data: string,
  common: Readonly<Record<string, string>>,
  stack: AsyncDisposableStack,
): Promise<Parts> {
  const server = stack.use(
    await startEmbeddedPostgres({ folder: join(data, "postgres"), log: quietLog, durability: "throwaway" }),
  );
  const count = (module: Module) => (module.isolated === true ? WORKERS : 1);
  const instances = modules.flatMap((module) =>
    Array.from({ length: count(module) }, (_, index) => ({ module, instance: index + 1 })),
  );
  const ports = await freePorts(2 * instances.length + 1);
  const take = () => ports[next++] ?? 0;
  let next = 0;
  const edgePort = take();
  const secret = randomBytes(32).toString("base64url");
  const placed = instances.map((one) => ({ ...one, publicPort: take(), internalPort: take() }));
  const addresses = Object.fromEntries(
    modules.map((module) => [
      addressVariable(module.name),
      placed
        .filter((one) => one.module === module)
        .map((one) => `127.0.0.1:${one.internalPort}`)
        .join(","),
    ]),
  );
  const shared = {
    ...common,
    ...addresses,
    PUBLIC_ORIGIN: `http://127.0.0.1:${edgePort}`,
    TRUSTED_PROXIES: "127.0.0.1/32",
  };
  const withSecrets = {
    ...shared,
    POSTGRES_URL: server.url,
    POSTGRES_ROLE_SECRET: randomBytes(32).toString("base64url"),
    LOOPBACK_SECRET: secret,
  };
  const migration = new PlatformProcess({
    name: "migrate",
    args: ["migrate", "--target=all"],
    env: withSecrets,
    url: undefined,
  });
  migration.start();
  const ended = await migration.untilEnded();
  if (ended !== "exit code 0") throw new Error(`migrate ended with ${ended}\n${migration.tail(30)}`);

  const processes = placed.map(({ module, instance, publicPort, internalPort }) => {
    const isolated = module.isolated === true;
    return new PlatformProcess({
      name: isolated ? `${module.name}-${instance}` : module.name,
      args: [`--target=${module.name}`],
      env: {
        // Who meets hostile input gets the proof of its own name and nothing that opens a door.
        ...(isolated
          ? { ...shared, LOOPBACK_PROOF: proofFor(secret, module.name), INSTANCE: String(instance), LISTEN: "off" }
          : { ...withSecrets, LISTEN: `127.0.0.1:${publicPort}` }),
        INTERNAL_LISTEN: `127.0.0.1:${internalPort}`,
      },
      url: `http://127.0.0.1:${internalPort}`,
    });
  });
  const portOf = (name: string) => placed.find(({ module }) => module.name === name)?.publicPort ?? 0;
  const edge: Edge = stack.use(await startEdge({ modules, port: edgePort, portOf, web: "catalog" }));
  return {
    origin: edge.origin,
    processes,
    processesOf: (module) => processes.map(({ name }) => name).filter((name) => name.replace(/-\d+$/, "") === module),
  };
}

function shortened(text: string): string {
  return text
    .split("\n")
    .map((line) => (line.length > 600 ? `${line.slice(0, 600)} …` : line))
    .join("\n");
}

/** What the server's pid file says: process id, port and state (miscadmin.h). */
async function serverOf(
  data: string,
): Promise<{ readonly pid: number; readonly port: number; readonly state: string }> {
  const path = join(data, "postgres", "cluster", "postmaster.pid");
  const lines = (await readFile(path, "utf8").catch(() => "")).split("\n");
  return { pid: Number(lines[0]), port: Number(lines[3]), state: lines[7]?.trim() ?? "" };
}

async function connectTo(data: string): Promise<pg.Client> {
  const { port } = await serverOf(data);
  const password = (await readFile(join(data, "postgres", "password"), "utf8")).trim();
  const client = new pg.Client({ host: "127.0.0.1", port, user: "matinee", password, database: "postgres" });
  client.on("error", () => undefined);
  await client.connect();
  return client;
}

function parseLine(process: string, line: string): readonly LogRecord[] {
  try {
    const record: unknown = JSON.parse(line);
    return typeof record === "object" && record !== null ? [{ ...record, process }] : [];
  } catch {
    return [];
  }
}
