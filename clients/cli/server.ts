/** The platform as a child process of a command: started, waited for, and stopped with everything that it started. */

import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { createWriteStream } from "node:fs";
import { mkdir, readFile, stat } from "node:fs/promises";
import { createServer } from "node:net";
import { dirname, join, resolve } from "node:path";
import { Code } from "@connectrpc/connect";
import { newRequestId, sleep } from "@matinee/sdk/clock";
import { MatineeError, toMatineeError } from "@matinee/sdk/errors";
import { writePrivate } from "@matinee/sdk/file-node";
import { memorySessionStore, Session } from "@matinee/sdk/session";
import { OPERATOR_EMAIL, type OperatorFile, operatorPath, VIEWER_EMAIL } from "./context.ts";

const ROOT = resolve(import.meta.dirname, "../..");
const LOOK_AGAIN_MS = 100;
/** The first start makes a database. */
const START_TIMEOUT_MS = 120_000;
const STOP_TIMEOUT_MS = 30_000;
const TAIL_LINES = 12;

export interface ServerOptions {
  /** The address to listen on, such as "127.0.0.1". */
  readonly host: string;
  readonly port: number;
  /** Absolute. */
  readonly data: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly signal: AbortSignal;
  /** Where the platform's log goes; DATA/run/matinee.log unless given. */
  readonly log?: { write(text: string): unknown };
}

export interface Login {
  readonly email: string;
  readonly password: string;
}

export interface Server {
  readonly origin: string;
  readonly operator: Login;
  readonly viewer: Login;
  /** Resolves when the process has ended, whoever ended it. */
  readonly ended: Promise<void>;
  /** What to throw when it ended by itself: with where its log is, and the log's last lines. */
  failure(message: string): MatineeError;
  /** Ends it in order; after half a minute, or at once where `now` is said, by force. */
  stop(how?: "now"): Promise<void>;
}

/**
 * Starts the platform and its accounts and waits until it serves. The child is told to end when this process dies,
 * however it dies. Throws MatineeError, with nothing left running, where it does not start.
 */
export async function startServer(options: ServerOptions): Promise<Server> {
  const { data, host, port, signal } = options;
  await refuseTakenPort(host, port);
  const origin = `http://localhost:${port}`;
  // Others may pass through it: the database's user must, where we are root. What is private below it is closed itself.
  await makeFolder(data);
  const operator = { email: OPERATOR_EMAIL, password: await ensurePassword(data, "operator-password") };
  const viewer = { email: VIEWER_EMAIL, password: await ensurePassword(data, "viewer-password") };
  await writePrivate(operatorPath(data), `${JSON.stringify({ origin, ...operator } satisfies OperatorFile)}\n`);
  const logPath = join(data, "run", "matinee.log");
  await mkdir(join(data, "run"), { recursive: true, mode: 0o700 });
  signal.throwIfAborted();

  const child = spawnTied(process.execPath, [join(ROOT, "services", "main.ts"), "--target=all"], {
    ...options.env,
    LISTEN: `${host}:${port}`,
    DATA: data,
    PROFILE_OPERATOR_EMAIL: operator.email,
    // Not the password itself: an environment is seen by more than a private file is.
    PROFILE_OPERATOR_PASSWORD_FILE: join(data, "secrets", "operator-password"),
  });
  const tail: string[] = [];
  const log = options.log ?? openLog(logPath);
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding("utf8").on("data", (text: string) => {
      log.write(text);
      tail.push(...text.split("\n").filter((line) => line !== ""));
      tail.splice(0, Math.max(0, tail.length - TAIL_LINES));
    });
  }
  const state = { isOver: false };
  const ended = new Promise<void>((done) => {
    child.once("error", () => done());
    child.once("close", () => done());
  }).then(() => {
    state.isOver = true;
  });
  const server: Server = {
    origin,
    operator,
    viewer,
    ended,
    failure: (message) =>
      new MatineeError({
        code: Code.Internal,
        reason: "PLATFORM_ENDED",
        message: `${message}${options.log === undefined ? ` Its log is ${logPath}.` : ""}`,
        metadata: { log_tail: lastWords(tail) },
      }),
    stop: (how) => stop(child, ended, how),
  };
  try {
    await untilReady(server, state, signal);
    await ensureViewer(origin, viewer.password);
    return server;
  } catch (error) {
    await server.stop();
    throw error;
  }
}

/** A log that cannot be written, on a full disk say, must not end the platform with it. */
function openLog(path: string): { write(text: string): unknown } {
  return createWriteStream(path, { flags: "w", mode: 0o600 }).on("error", () => {});
}

/** One level after the other: mkdir's own recursion never ends where nothing can be made, such as below /proc. */
async function makeFolder(folder: string): Promise<void> {
  if (
    await stat(folder).then(
      (found) => found.isDirectory(),
      () => false,
    )
  )
    return;
  if (dirname(folder) !== folder) await makeFolder(dirname(folder));
  await mkdir(folder, { mode: 0o711 });
}

/** What it said in plain words, where it did; else the last lines of its log. */
function lastWords(tail: readonly string[]): string {
  const plain = tail.filter((line) => !line.startsWith("{"));
  return (plain.length > 0 ? plain : tail).join("\n");
}

/** A child in a group of its own, so that Ctrl-C reaches us alone, that gets SIGTERM when we die. */
function spawnTied(
  program: string,
  args: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): ChildProcess {
  const tie = spawnSync("setpriv", ["--pdeathsig", "TERM", "true"]).status === 0;
  const [command, ...rest] = tie ? ["setpriv", "--pdeathsig", "TERM", "--", program, ...args] : [program, ...args];
  return spawn(command ?? program, rest, { cwd: ROOT, detached: true, stdio: ["ignore", "pipe", "pipe"], env });
}

async function stop(child: ChildProcess, ended: Promise<void>, how: "now" | undefined): Promise<void> {
  if (child.pid === undefined) return;
  if (child.exitCode === null && child.signalCode === null) child.kill(how === "now" ? "SIGKILL" : "SIGTERM");
  const late = new AbortController();
  const timer = sleep(STOP_TIMEOUT_MS, late.signal).then(
    () => child.kill("SIGKILL"),
    () => undefined,
  );
  await ended;
  late.abort();
  await timer;
}

/** A taken port is found before anything is started. */
async function refuseTakenPort(host: string, port: number): Promise<void> {
  const isFree = await new Promise<boolean>((done) => {
    const probe = createServer();
    probe.once("error", (error: NodeJS.ErrnoException) => done(error.code !== "EADDRINUSE"));
    probe.listen({ host, port }, () => probe.close(() => done(true)));
  });
  if (isFree) return;
  throw new MatineeError({
    code: Code.FailedPrecondition,
    reason: "PORT_TAKEN",
    message: `Port ${port} is taken by another program; choose another one.`,
  });
}

async function untilReady(server: Server, state: { readonly isOver: boolean }, signal: AbortSignal): Promise<void> {
  const deadline = AbortSignal.timeout(START_TIMEOUT_MS);
  for (;;) {
    if (state.isOver) throw server.failure("Matinee could not start.");
    if (deadline.aborted) throw server.failure("Matinee did not become ready.");
    const isReady = await fetch(`${server.origin}/readyz`, { signal: AbortSignal.any([deadline, signal]) }).then(
      (response) => response.ok,
      () => false,
    );
    if (isReady) return;
    await sleep(LOOK_AGAIN_MS, signal);
  }
}

/** An account that can watch and nothing else; it stays as it is where it exists. */
async function ensureViewer(origin: string, password: string): Promise<void> {
  const session = new Session({ origin, store: memorySessionStore() });
  await session
    .signUp({ email: VIEWER_EMAIL, password, displayName: "Viewer", language: "en", requestId: newRequestId() })
    .catch((error: unknown) => {
      if (toMatineeError(error).reason !== "EMAIL_TAKEN") throw error;
    });
}

/** The password in the file, which is made at the first start. */
async function ensurePassword(data: string, name: string): Promise<string> {
  const path = join(data, "secrets", name);
  const kept = await readFile(path, "utf8").catch(() => "");
  if (kept.trim() !== "") return kept.trim();
  const password = randomBytes(12).toString("base64url");
  await writePrivate(path, `${password}\n`);
  return password;
}
