/** The server's command line: parses it, opens a host, and waits until told to stop. */

import { setTimeout as delay } from "node:timers/promises";
import { parseArgs } from "node:util";
import { systemClock } from "#pkg/clock/clock";
import type { Environment } from "#pkg/config/load";

import { printSettings } from "#pkg/config/print";
import { printReference } from "#pkg/config/reference";
import { redactUrl } from "#pkg/config/url";
import { isAppError } from "#pkg/errors/errors";
import { isOutOfSpace } from "#pkg/errors/space";
import { newLogger } from "#pkg/obs/logger";
import type { Logger } from "#pkg/obs/obs";
import { openDatabase } from "./database.ts";
import { printGraph } from "./graph.ts";
import { type Host, openHost } from "./host.ts";
import type { Module } from "./module.ts";
import { portsOfKind } from "./port-table.ts";
import { portsOf, schemaPlans } from "./ports.ts";
import { loadSettings, type Settings, settingGroups } from "./settings.ts";
import { untilBroken, untilTold } from "./signals.ts";

/** How long closing what is open may take, once calls have ended. */
const CLOSE_MS = 20_000;

export interface RunOptions {
  /** Without node and the script. */
  readonly argv: readonly string[];
  readonly env: Environment;
  readonly modules: readonly Module[];
  /** The script itself, to start isolated modules with. */
  readonly script: string;
  readonly out: { write(text: string): unknown; readonly isTTY?: boolean };
  readonly err: { write(text: string): unknown };
}

const START_RETRY_MS = 1000;
/** A line a minute while it waits. */
const TRIES_PER_LINE = 60;

/** Runs to the end and resolves with the exit code: 0 as told, 1 failed, 2 a mistake in the command or the settings. */
export async function run(options: RunOptions): Promise<number> {
  let command: Command;
  try {
    command = parseCommand(options.argv, options.modules);
  } catch (error) {
    options.err.write(`${messageOf(error)}\n\n${help(options.modules)}`);
    return 2;
  }
  if (command.kind === "help") {
    options.out.write(help(options.modules));
    return 0;
  }
  if (command.kind === "reference") {
    options.out.write(printReference(settingGroups(options.modules)));
    return 0;
  }
  if (command.kind === "graph") {
    options.out.write(printGraph(options.modules));
    return 0;
  }
  const settings = loadSettings(command.targets, options.modules, options.env);
  if (command.kind === "config") options.out.write(`${printSettings(settings.all)}\n`);
  if (settings.mistakes.length > 0) {
    options.err.write(`${settings.mistakes.join("\n")}\n`);
    return 2;
  }
  if (command.kind === "config") return 0;
  const log = await newLogger({
    level: settings.host.logLevel,
    format: options.out.isTTY === true ? "pretty" : "json",
  });
  try {
    if (command.kind === "migrate") await migrateOnly(command.targets, settings, log);
    else if (command.kind === "rotate-keys") await rotateKeys(command.targets, settings, log);
    else return await serve(command.targets, settings, options, log);
    return 0;
  } catch (error) {
    const first = firstCause(error);
    log.error({ err: first }, "cannot start");
    if (first !== error) log.error({ err: (error as SuppressedError).error }, "cannot clean up after that either");
    options.err.write(`${messageOf(first)}\n`);
    return 1;
  }
}

/** What there is to do beside serving. */
const COMMANDS = ["migrate", "rotate-keys"] as const;

type Command =
  | { readonly kind: "help" }
  | { readonly kind: "graph" }
  | { readonly kind: "reference" }
  | { readonly kind: "serve" | "config" | (typeof COMMANDS)[number]; readonly targets: readonly Module[] };

function parseCommand(argv: readonly string[], modules: readonly Module[]): Command {
  const { values, positionals } = parseArgs({
    args: [...argv],
    allowPositionals: true,
    options: {
      target: { type: "string", default: "all" },
      "print-graph": { type: "boolean", default: false },
      "print-reference": { type: "boolean", default: false },
      "print-config": { type: "boolean", default: false },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  if (values.help) return { kind: "help" };
  if (values["print-graph"]) return { kind: "graph" };
  if (values["print-reference"]) return { kind: "reference" };
  const targets = parseTargets(values.target, modules);
  const [word, ...rest] = positionals;
  const command = COMMANDS.find((one) => one === word);
  if (rest.length > 0 || command !== word) throw new Error(`unknown command: ${positionals.join(" ")}`);
  if (values["print-config"]) return { kind: "config", targets };
  return { kind: command ?? "serve", targets };
}

function parseTargets(text: string, modules: readonly Module[]): readonly Module[] {
  if (text === "all") return modules;
  const names = text.split(",").map((name) => name.trim());
  const unknown = names.find((name) => !modules.some((module) => module.name === name));
  if (unknown !== undefined) throw new Error(`there is no module named ${JSON.stringify(unknown)}`);
  return modules.filter((module) => names.includes(module.name));
}

function help(modules: readonly Module[]): string {
  const width = Math.max(0, ...modules.map((module) => module.name.length));
  return `Usage: node services/main.ts [migrate|rotate-keys] [--target=all|MODULE,...] [options]

Opens modules in one process and serves them until SIGINT or SIGTERM.
migrate brings the schemas of the targets and the routes of their events up to date and ends.
rotate-keys makes a new root key in each key keeper of the targets and ends; what older ones wrapped stays readable.

Options:
  --target=LIST    the modules to open; all of them unless given
  --print-graph    who owns, calls, emits and consumes what
  --print-config   every setting with its value and where it comes from
  --print-reference  every setting that exists, as Markdown
  -h, --help       this text

Modules:
${modules.map((module) => `  ${module.name.padEnd(width)}  ${module.summary}\n`).join("")}
Settings are environment variables; --print-config lists them.
`;
}

async function migrateOnly(targets: readonly Module[], settings: Settings, log: Logger): Promise<void> {
  await using database = await openDatabase({
    config: { ...settings.host, migrate: "start" },
    log,
    given: undefined,
    onFailed: (error) => log.error({ err: error }, "database failed"),
  });
  await database.prepare(await schemaPlans(targets, settings));
  const url = settings.portUrls.eventbus;
  if (!url.startsWith("postgres:")) return;
  // Where the bus is the database, its routes are made with its schema; hosts may then be told to verify them only.
  const { openEventBus } = await import("#pkg/eventbus/open");
  const postgres = () => database.pool("port-eventbus");
  await using bus = await openEventBus("postgres:", { postgres, clock: systemClock, log });
  for (const { name, consumes } of targets.filter((module) => module.consumes.length > 0)) {
    await bus.register(
      name,
      consumes.map((event) => event.typeName),
    );
  }
}

async function rotateKeys(targets: readonly Module[], settings: Settings, log: Logger): Promise<void> {
  const used = new Set(targets.flatMap(portsOf));
  // Two purposes may share a keeper.
  const urls = new Set(
    portsOfKind("keys")
      .filter((name) => used.has(name))
      .map((name) => settings.portUrls[name]),
  );
  const { openKeys } = await import("#pkg/keys/open");
  for (const url of urls) {
    await using keys = await openKeys(url, { clock: systemClock, log });
    await keys.rotate();
    log.info({ keeper: redactUrl(url) }, "root key rotated");
  }
}

async function serve(
  targets: readonly Module[],
  { host: { drainMs, graceMs } }: Settings,
  options: RunOptions,
  log: Logger,
): Promise<number> {
  using broken = untilBroken(log, drainMs + graceMs + CLOSE_MS);
  using told = untilTold();
  const host = await openWhenPossible(
    () => openHost({ modules: targets, known: options.modules, env: options.env, log, script: options.script }),
    log,
    told.signal,
  );
  if (host === undefined) return 0;
  const ended = await Promise.race([
    host.failed,
    broken.error,
    new Promise<undefined>((resolve) => {
      if (told.signal.aborted) resolve(undefined);
      else told.signal.addEventListener("abort", () => resolve(undefined), { once: true });
    }),
  ]);
  await host[Symbol.asyncDispose]();
  if (ended !== undefined) options.err.write(`${ended.message}\n`);
  return ended === undefined ? 0 : 1;
}

/**
 * Opens the host, again and again while the database is away or a disk is full: what starts together comes up in any
 * order, and a restart does not turn an outage into a failure. Undefined where it was told to end before.
 */
async function openWhenPossible(open: () => Promise<Host>, log: Logger, told: AbortSignal): Promise<Host | undefined> {
  const ending = new Promise<undefined>((resolve) => {
    told.addEventListener("abort", () => resolve(undefined), { once: true });
  });
  for (let tries = 0; !told.aborted; tries++) {
    const opening = open();
    // Opening may hang on what it waits for; being told to end must not.
    const closing = async (host: Host) => {
      if (told.aborted) await host[Symbol.asyncDispose]();
    };
    opening.then(closing).catch(() => undefined);
    try {
      return await Promise.race([opening, ending]);
    } catch (error) {
      if (!passes(firstCause(error))) throw error;
      if (tries % TRIES_PER_LINE === 0) log.warn({ err: firstCause(error) }, "cannot start yet; waiting");
      await delay(START_RETRY_MS, undefined, { signal: told }).catch(() => undefined);
    }
  }
  return undefined;
}

/** True for what is over some time by itself, and no mistake of whoever starts us. */
function passes(error: unknown): boolean {
  if (isOutOfSpace(error)) return true;
  for (let current = error; current instanceof Error; current = current.cause) {
    if (isAppError(current, "DATABASE_UNAVAILABLE")) return true;
  }
  return false;
}

/** What went wrong first, where disposing of what was open went wrong too. */
function firstCause(error: unknown): unknown {
  return error instanceof SuppressedError ? firstCause(error.suppressed) : error;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
