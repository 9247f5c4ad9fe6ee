/** `make demo`: starts the platform on one port, puts films into it, and stops everything with Ctrl-C. */

import { once } from "node:events";
import { stat } from "node:fs/promises";
import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { dataFolder } from "../clients/cli/context.ts";
import { newProgress } from "../clients/cli/progress.ts";
import { startServer } from "../clients/cli/server.ts";
import { MatineeError } from "../clients/sdk/errors.ts";
import { films, MAIN_FILM } from "../films/films.ts";
import { fileEntry, type LibraryEntry, openLibrary, shippedEntry } from "./demo/library.ts";

const DEFAULT_PORT = 8080;

const askedToStop = new Error("interrupted");
const interrupted = new AbortController();
process.exitCode = await demo().catch((error: unknown) => {
  if (interrupted.signal.reason === askedToStop) return 0;
  const tail = error instanceof MatineeError ? error.metadata.log_tail : undefined;
  process.stderr.write(`demo: ${error instanceof Error ? error.message : String(error)}\n${tail ? `${tail}\n` : ""}`);
  return 1;
});

async function demo(): Promise<number> {
  const { port, data, file } = parseOptions();
  if (file !== undefined && !(await isFile(file))) {
    process.stderr.write(`demo: there is no film file ${file}\n`);
    return 2;
  }
  const entries = file === undefined ? shipped(data) : [fileEntry(file)];
  const [main, ...others] = entries;
  if (main === undefined) return 0;

  let stopNow = (): void => process.exit(1);
  for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.on(name, () => {
      // The second time, the person does not want to wait any more.
      if (interrupted.signal.aborted) return stopNow();
      interrupted.abort(askedToStop);
      say("\nStopping ...");
    });
  }

  const progress = newProgress(process.stdout);
  const library = openLibrary({ data, progress, signal: interrupted.signal });
  say(`Starting Matinee in ${data}`);
  if (!(await library.has(main))) say(`\n${main.title.displayTitle}`);
  // The film is made while the platform starts.
  const prepared = library.prepare(main);
  prepared.catch(() => undefined);
  const server = await startServer({
    host: "127.0.0.1",
    port,
    data,
    env: process.env,
    signal: interrupted.signal,
  }).catch(async (error: unknown) => {
    interrupted.abort(error);
    await prepared.catch(() => undefined);
    throw error;
  });
  stopNow = () => void server.stop("now");
  void server.ended.then(() => {
    if (!interrupted.signal.aborted) interrupted.abort(server.failure("Matinee stopped by itself."));
  });
  try {
    await checkPages(server.origin);
    await library.signIn(server.origin, server.operator);
    await prepared;
    await library.add(main, () => {
      progress.end();
      say(
        [
          "",
          `Matinee is ready at ${server.origin}`,
          "",
          `  Viewer  ${server.viewer.email}  ${server.viewer.password}`,
          `  Studio  ${server.operator.email}  ${server.operator.password}`,
          "",
          "Ctrl-C stops it. What is there stays for the next start.",
          "",
        ].join("\n"),
      );
    });
    for (const entry of others) {
      if (!(await library.has(entry))) say(`\n${entry.title.displayTitle}`);
      await library.prepare(entry);
      await library.add(entry);
    }
    if (!interrupted.signal.aborted) await once(interrupted.signal, "abort");
  } catch (error) {
    if (!interrupted.signal.aborted) throw error;
  } finally {
    progress.end();
    interrupted.abort(new Error("done"));
    await Promise.all([server.stop(), prepared.catch(() => undefined)]);
  }
  if (interrupted.signal.reason instanceof MatineeError) throw interrupted.signal.reason;
  say("Stopped.");
  return 0;
}

/** Nobody may be sent to an address where there is nothing to see. */
async function checkPages(origin: string): Promise<void> {
  const answer = await fetch(origin, { headers: { accept: "text/html" }, signal: interrupted.signal });
  await answer.body?.cancel();
  if (!answer.ok) throw new Error(`the web client is not there (${answer.status} at ${origin}/); run: make setup`);
}

function parseOptions(): { readonly port: number; readonly data: string; readonly file: string | undefined } {
  const { values } = parseArgs({
    options: {
      port: { type: "string", default: String(DEFAULT_PORT) },
      data: { type: "string" },
      file: { type: "string" },
    },
  });
  const port = Number(values.port);
  if (!Number.isInteger(port) || port < 1 || port > 65_535)
    throw new Error(`PORT must be 1 to 65535, not ${values.port}`);
  return {
    port,
    data: dataFolder({ env: {} }, values.data),
    file: values.file === undefined ? undefined : resolve(values.file),
  };
}

function shipped(data: string): readonly LibraryEntry[] {
  const rest = Object.values(films).filter(({ id }) => id !== MAIN_FILM);
  return [films[MAIN_FILM], ...rest].map((film) => shippedEntry(film, data));
}

function isFile(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isFile(),
    () => false,
  );
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}
