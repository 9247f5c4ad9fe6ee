/** Requests and commands that readers copy: a shell must make of them what was meant. */

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { envelope } from "./call.ts";
import { curlOf } from "./example.ts";

/** What a POSIX shell hands to curl: its arguments, and what comes on its input. */
function asShell(command: string): { readonly args: readonly string[]; readonly input: Buffer } {
  const curl = 'curl() { printf "%s\\0" "$@" >&2; case "$*" in *@-*) cat;; esac; }; TOKEN=secret;';
  const { stdout, stderr } = spawnSync("sh", ["-c", `${curl} ${command}`], { stdio: ["ignore", "pipe", "pipe"] });
  return { args: stderr.toString().split("\0").slice(0, -1), input: stdout };
}

describe("a call as a command", () => {
  const call = { origin: "http://localhost:8080", path: "matinee.x.v1.X/Do", needsToken: true, isStream: false };

  it("is what it says, whatever is in the request", () => {
    const body = `{"text": "it's \\"$HOME\\" \`date\` \\\\ %s"}`;
    assert.deepEqual(asShell(curlOf({ ...call, body })).args, [
      "http://localhost:8080/matinee.x.v1.X/Do",
      "-H",
      "content-type: application/json",
      "-H",
      "authorization: Bearer secret",
      "-d",
      JSON.stringify(JSON.parse(body)),
    ]);
  });

  it("asks for no token where anyone may call", () => {
    assert.doesNotMatch(curlOf({ ...call, body: "{}", needsToken: false }), /TOKEN/);
  });

  it("puts a stream's request into an envelope", () => {
    // Longer than a byte counts.
    const body = JSON.stringify({ text: "%d ä ".repeat(100) });
    const { args, input } = asShell(curlOf({ ...call, body, isStream: true }));
    assert.ok(args.includes("content-type: application/connect+json"));
    assert.deepEqual(input, Buffer.from(envelope(body)));
  });
});
