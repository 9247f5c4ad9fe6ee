/** `matinee up`: starts the platform, waits until it serves, and stops it with Ctrl-C. */

import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { createWriteStream } from "node:fs";
import { mkdir, readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { newRequestId, sleep } from "@matinee/sdk/clock";
import { MatineeError, toMatineeError } from "@matinee/sdk/errors";
import { writePrivate } from "@matinee/sdk/file-node";
import { memorySessionStore, Session } from "@matinee/sdk/session";
import { type Context, dataFolder, OPERATOR_EMAIL, type OperatorFile, operatorPath, VIEWER_EMAIL } from "../context.ts";

const ROOT = resolve(import.meta.dirname, "../../..");
const LOOK_AGAIN_MS = 100;
/** The first start makes a database. */
const START_TIMEOUT_MS = 120_000;
const STOP_TIMEOUT_MS = 30_000;
const TAIL_LINES = 12;

export interface UpFlags {
  readonly port: number;
  readonly host: string;
  readonly data?: string;
  readonly verbose?: boolean;
}

/** Returns after Ctrl-C, when everything has stopped. Throws where the platform does not start or ends by itself. */
export async function up(context: Context, flags: UpFlags): Promise<void> {
  const data = dataFolder(context.io, flags.data);
  const origin = `http://localhost:${flags.port}`;
  const operator = { origin, email: OPERATOR_EMAIL, password: await ensurePassword(data, "operator-password") };
  const viewerPassword = await ensurePassword(data, "viewer-password");
  await writePrivate(operatorPath(data), `${JSON.stringify(operator satisfies OperatorFile)}\n`);

  context.say(`Starting Matinee in ${data} ...`);
  const platform = await startPlatform(context, flags, data, operator);
  try {
    await untilReady(context, platform, origin);
    await ensureViewer(origin, viewerPassword);
    context.emit({ origin, operator: { email: operator.email }, viewer: { email: VIEWER_EMAIL }, data });
    context.say(
      [
        "",
        `Matinee is ready at ${origin}`,
        "",
        `  Studio  ${operator.email}  ${operator.password}`,
        `  Viewer  ${VIEWER_EMAIL}  ${viewerPassword}`,
        "",
        "Import a film:  matinee import FILE --title NAME --synopsis TEXT --publish",
        "Stop:           Ctrl-C",
      ].join("\n"),
    );
    await Promise.race([platform.ended, aborted(context.signal)]);
    if (!context.signal.aborted) throw platform.failure("Matinee stopped by itself.");
    context.say("\nStopping ...");
  } finally {
    await platform.stop();
  }
}

interface RunningPlatform {
  /** Resolves when the process has ended. */
  readonly ended: Promise<void>;
  readonly hasEnded: () => boolean;
  readonly failure: (message: string) => MatineeError;
  readonly stop: () => Promise<void>;
}

async function startPlatform(
  context: Context,
  flags: UpFlags,
  data: string,
  operator: OperatorFile,
): Promise<RunningPlatform> {
  await mkdir(join(data, "run"), { recursive: true, mode: 0o700 });
  const logPath = join(data, "run", "matinee.log");
  const child = spawn(process.execPath, [join(ROOT, "services", "main.ts"), "--target=all"], {
    cwd: ROOT,
    // Its own group: Ctrl-C reaches us, and we stop it in order.
    detached: true,
    stdio: ["ignore", "pipe", "pipe"],
    env: {
      ...context.io.env,
      LISTEN: `${flags.host}:${flags.port}`,
      DATA: data,
      PROFILE_OPERATOR_EMAIL: operator.email,
      PROFILE_OPERATOR_PASSWORD: operator.password,
    },
  });
  const tail: string[] = [];
  const log = flags.verbose === true ? undefined : createWriteStream(logPath, { flags: "w", mode: 0o600 });
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => {
      (log ?? context.io.err).write(text);
      tail.push(...text.split("\n").filter((line) => line !== ""));
      tail.splice(0, Math.max(0, tail.length - TAIL_LINES));
    });
  }
  let over = false;
  const ended = new Promise<void>((done) => {
    child.once("error", () => done());
    child.once("exit", () => done());
  }).then(() => {
    over = true;
    log?.end();
  });
  return {
    ended,
    hasEnded: () => over,
    failure: (message) =>
      new MatineeError({
        code: 13,
        reason: "PLATFORM_ENDED",
        message: `${message}${flags.verbose === true ? "" : ` Its log is ${logPath}.`}`,
        metadata: { log_tail: tail.join("\n") },
      }),
    stop: () => stop(child, ended),
  };
}

async function stop(child: ChildProcess, ended: Promise<void>): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
  child.kill("SIGTERM");
  const late = new AbortController();
  const timer = sleep(STOP_TIMEOUT_MS, late.signal).then(
    () => child.kill("SIGKILL"),
    () => undefined,
  );
  await ended;
  late.abort();
  await timer;
}

async function untilReady(context: Context, platform: RunningPlatform, origin: string): Promise<void> {
  const deadline = AbortSignal.timeout(START_TIMEOUT_MS);
  for (;;) {
    if (platform.hasEnded()) throw platform.failure("Matinee could not start.");
    if (deadline.aborted) throw platform.failure("Matinee did not become ready.");
    const answer = await fetch(`${origin}/readyz`, { signal: AbortSignal.any([deadline, context.signal]) }).then(
      (response) => response.ok,
      () => false,
    );
    if (answer) return;
    await sleep(LOOK_AGAIN_MS, context.signal);
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

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((done) => {
    if (signal.aborted) return done();
    signal.addEventListener("abort", () => done(), { once: true });
  });
}
