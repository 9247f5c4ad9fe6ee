/** `matinee up`: starts the platform, waits until it serves, and stops it with Ctrl-C. */

import { type Context, dataFolder } from "../context.ts";
import { startServer } from "../server.ts";

export interface UpFlags {
  readonly port: number;
  readonly host: string;
  readonly data?: string;
  readonly verbose?: boolean;
}

/** Returns after Ctrl-C, when everything has stopped. Throws where the platform does not start or ends by itself. */
export async function up(context: Context, flags: UpFlags): Promise<void> {
  const data = dataFolder(context.io, flags.data);
  context.say(`Starting Matinee in ${data} ...`);
  const server = await startServer({
    host: flags.host,
    port: flags.port,
    data,
    env: context.io.env,
    signal: context.signal,
    ...(flags.verbose === true ? { log: context.io.err } : {}),
  });
  try {
    const { origin, operator, viewer } = server;
    context.emit({ origin, operator: { email: operator.email }, viewer: { email: viewer.email }, data });
    context.say(
      [
        "",
        `Matinee is ready at ${origin}`,
        "",
        `  Studio  ${operator.email}  ${operator.password}`,
        `  Viewer  ${viewer.email}  ${viewer.password}`,
        "",
        "Import a film:  matinee import FILE --title NAME --synopsis TEXT --publish",
        "Stop:           Ctrl-C",
      ].join("\n"),
    );
    await Promise.race([server.ended, aborted(context.signal)]);
    if (!context.signal.aborted) throw server.failure("Matinee stopped by itself.");
    context.say("\nStopping ...");
  } finally {
    await server.stop();
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((done) => {
    if (signal.aborted) return done();
    signal.addEventListener("abort", () => done(), { once: true });
  });
}
