/** What every command works with: the platform as the person who calls, and where to print. */

import { statSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { homedir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { backoffMs, nowMs, sleep } from "@matinee/sdk/clock";
import { isTransient, type MatineeError, signedOut, toMatineeError, unreachable } from "@matinee/sdk/errors";
import { newPlatform, type Platform, type TokenSource } from "@matinee/sdk/platform";
import { memorySessionStore, Session } from "@matinee/sdk/session";
import { fileSessionStore } from "./credentials.ts";
import { UsageError } from "./failure.ts";
import type { Io } from "./io.ts";

const DEFAULT_URL = "http://localhost:8080";
const DEFAULT_DATA = "./.data";
const SYSTEM_DATA = "/var/lib/matinee";
/** How long the command line waits for a platform that has answered before. */
const PATIENCE_MS = 15 * 60_000;
const SAY_AGAIN_MS = 30_000;
const REACH_TIMEOUT_MS = 5_000;
export const OPERATOR_EMAIL = "studio@matinee.test";
export const VIEWER_EMAIL = "viewer@matinee.test";

export interface Context {
  readonly io: Io;
  readonly origin: string;
  readonly json: boolean;
  readonly signal: AbortSignal;
  /** Folder of the person's settings. */
  readonly configFolder: string;
  readonly session: Session;
  /** As whoever is signed in; throws where nobody is and nobody can be. */
  platform(): Promise<Platform>;
  /** The same, for work that takes long: waits through restarts, full disks and exhausted rates, and says so on stderr. */
  patientPlatform(): Promise<Platform>;
  /** One line for a person; nothing with --json. */
  say(line: string): void;
  /** One JSON document or line; nothing without --json. */
  emit(value: unknown): void;
}

export function newContext(io: Io, flags: { readonly url?: string; readonly json?: boolean }): Context {
  const origin = parseOrigin(flags.url ?? io.env.MATINEE_URL ?? DEFAULT_URL);
  const json = flags.json === true;
  const configFolder = join(io.env.XDG_CONFIG_HOME ?? join(homedir(), ".config"), "matinee");
  const session = new Session({ origin, store: fileSessionStore(join(configFolder, "credentials.json"), origin) });
  return {
    io,
    origin,
    json,
    signal: io.signal,
    configFolder,
    session,
    say: (line) => {
      if (!json) io.out.write(`${line}\n`);
    },
    emit: (value) => {
      if (json) io.out.write(`${JSON.stringify(value)}\n`);
    },
    platform: async () => newPlatform({ origin, tokens: await signIn(io, origin, session) }),
    async patientPlatform() {
      const patience = { giveUpMs: PATIENCE_MS, onWait: sayOnce(io) };
      return newPlatform({ origin, tokens: await signIn(io, origin, session), patience });
    },
  };
}

/** Says what is waited for when it changes, and again after a while. */
function sayOnce(io: Io): (error: MatineeError) => void {
  let said = "";
  let saidMs = 0;
  return ({ reason, message }) => {
    if (reason === said && nowMs() - saidMs < SAY_AGAIN_MS) return;
    said = reason;
    saidMs = nowMs();
    io.err.write(`matinee: waiting: ${message} (${reason})\n`);
  };
}

/** Signing in waits for a rate that refills or a service that starts, but not for one that was never there. */
async function patiently<T>(io: Io, work: () => Promise<T>): Promise<T> {
  const beganMs = nowMs();
  const say = sayOnce(io);
  for (let attempt = 0; ; attempt++) {
    try {
      return await work();
    } catch (cause) {
      const error = toMatineeError(cause);
      if (!isTransient(error) || error.reason === "UNREACHABLE" || nowMs() - beganMs > PATIENCE_MS) throw error;
      say(error);
      await sleep(Math.max(backoffMs(attempt, 500, 5_000), error.retryAfterMs ?? 0), io.signal);
    }
  }
}

/** From the environment, else the kept session, else the operator of the data folder on this machine. */
async function signIn(io: Io, origin: string, session: Session): Promise<TokenSource> {
  const { MATINEE_TOKEN: token, MATINEE_PASSWORD: password, MATINEE_EMAIL: email } = io.env;
  if (token !== undefined && token !== "") {
    return {
      accessToken: async () => token,
      refresh: async () => {
        throw signedOut();
      },
    };
  }
  if (password !== undefined && password !== "") {
    const fresh = new Session({ origin, store: memorySessionStore() });
    await patiently(io, () => fresh.signIn(email ?? OPERATOR_EMAIL, password));
    return fresh;
  }
  if ((await session.restore()) !== undefined) {
    try {
      await patiently(io, () => session.accessToken());
      return session;
    } catch (error) {
      if (toMatineeError(error).reason !== "SESSION_OVER") throw error;
    }
  }
  const operator = await readOperator(dataFolder(io, undefined));
  if (operator === undefined || operator.origin !== origin) {
    // Nobody is signed in; but where nothing answers, that is not what is wrong.
    await fetch(new URL("/healthz", origin), { signal: AbortSignal.timeout(REACH_TIMEOUT_MS) }).catch((error) => {
      throw unreachable(error);
    });
    throw signedOut();
  }
  await patiently(io, () => session.signIn(operator.email, operator.password));
  return session;
}

/** What `matinee up` leaves for commands on the same machine, in a file that only its owner can read. */
export interface OperatorFile {
  readonly origin: string;
  readonly email: string;
  readonly password: string;
}

export function operatorPath(data: string): string {
  return join(data, "secrets", "operator.json");
}

export function dataFolder(io: Pick<Io, "env">, flag: string | undefined): string {
  return resolve(flag ?? io.env.DATA ?? defaultData());
}

/** `.data` here; where root's database, which does not run as root, cannot come here, a folder of the system's. */
function defaultData(): string {
  if (process.getuid?.() !== 0) return DEFAULT_DATA;
  for (let folder = process.cwd(); folder !== dirname(folder); folder = dirname(folder)) {
    if ((statSync(folder).mode & 0o001) === 0) return SYSTEM_DATA;
  }
  return DEFAULT_DATA;
}

async function readOperator(data: string): Promise<OperatorFile | undefined> {
  try {
    return JSON.parse(await readFile(operatorPath(data), "utf8")) as OperatorFile;
  } catch {
    // No platform was started here.
    return undefined;
  }
}

function parseOrigin(text: string): string {
  try {
    const url = new URL(text);
    if (url.protocol === "http:" || url.protocol === "https:") return url.origin;
  } catch {
    // Falls through to the one sentence below.
  }
  throw new UsageError(`--url must be an address such as ${DEFAULT_URL}, not ${JSON.stringify(text)}`);
}
