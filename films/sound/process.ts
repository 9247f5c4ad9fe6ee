/** Runs the tools that films are made with, and gives back what they print. */

import { spawn } from "node:child_process";

/** Runs a program with an argument array; resolves with its standard output, rejects with the last lines of its errors. */
export function run(
  program: string,
  args: readonly string[],
  options: { input?: Uint8Array; signal?: AbortSignal | undefined } = {},
): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      stdio: ["pipe", "pipe", "pipe"],
      ...(options.signal ? { signal: options.signal } : {}),
    });
    const output: Buffer[] = [];
    let errors = "";
    child.stdout.on("data", (bytes: Buffer) => output.push(bytes));
    child.stderr.on("data", (bytes: Buffer) => {
      errors = (errors + bytes.toString()).slice(-4000);
    });
    child.on("error", reject);
    child.on("close", (code) => {
      if (code === 0) resolve(Buffer.concat(output));
      else reject(new Error(`${program} ended with ${code}: ${errors.trim().split("\n").slice(-6).join(" | ")}`));
    });
    child.stdin.on("error", () => {});
    child.stdin.end(options.input);
  });
}
