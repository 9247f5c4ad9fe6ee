/** What every command works with: the platform as the person who calls, and where to print. */

import { readFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join, resolve } from "node:path";
import { signedOut, toMatineeError } from "@matinee/sdk/errors";
import { newPlatform, type Platform } from "@matinee/sdk/platform";
import { memorySessionStore, Session, type TokenSource } from "@matinee/sdk/session";
import { fileSessionStore } from "./credentials.ts";
import { UsageError } from "./failure.ts";

const DEFAULT_URL = "http://localhost:8080";
export const OPERATOR_EMAIL = "studio@matinee.test";
export const VIEWER_EMAIL = "viewer@matinee.test";

export interface Output {
  write(text: string): unknown;
  readonly isTTY?: boolean;
  readonly columns?: number;
}

/** The process as a command sees it. */
export interface Io {
  /** Without node and the script. */
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly out: Output;
  readonly err: Output;
  /** Aborted by Ctrl-C. */
  readonly signal: AbortSignal;
}

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
  };
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
    await fresh.signIn(email ?? OPERATOR_EMAIL, password);
    return fresh;
  }
  if ((await session.restore()) !== undefined) {
    try {
      await session.accessToken();
      return session;
    } catch (error) {
      if (toMatineeError(error).reason !== "SESSION_OVER") throw error;
    }
  }
  const operator = await readOperator(dataFolder(io, undefined));
  if (operator === undefined || operator.origin !== origin) throw signedOut();
  await session.signIn(operator.email, operator.password);
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

export function dataFolder(io: Io, flag: string | undefined): string {
  return resolve(flag ?? io.env.DATA ?? "./.data");
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
