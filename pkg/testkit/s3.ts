/** S3 for tests: a real gateway that checks signatures and checksums, on a free port, which ends with the process. */

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CreateBucketCommand, S3Client } from "@aws-sdk/client-s3";
import { newId } from "#pkg/clock/clock";
import { goProgram } from "./engines.ts";
import { eventually } from "./eventually.ts";
import { freePorts } from "./ports.ts";

export interface TestS3 extends AsyncDisposable {
  /** A new bucket, as a URL for `openBlobStore`; `prefix` is put before all keys. */
  readonly newBucket: (prefix?: string) => Promise<string>;
  readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string };
  /** Where the gateway keeps its objects and what it holds of uploads. */
  readonly folder: string;
  /** Open connections of this machine to the gateway. */
  readonly connections: () => number;
  /** Stops it from answering, without a word to its clients, until it is told to go on. Resolves when it has stopped. */
  readonly freeze: (isFrozen: boolean) => Promise<void>;
  readonly kill: () => Promise<void>;
}

const REGION = "us-east-1";

/** Needs what `scripts/setup.sh test` builds. */
export async function startS3(): Promise<TestS3> {
  const program = goProgram("versitygw");
  const folder = await mkdtemp(join(tmpdir(), "matinee-test-s3-"));
  const [data, sidecar] = [join(folder, "data"), join(folder, "sidecar")];
  await mkdir(data);
  await mkdir(sidecar);
  const [port = 0] = await freePorts(1);
  const credentials = { accessKeyId: "matinee", secretAccessKey: newId() };
  // Metadata beside the objects: not every file system has extended attributes.
  const backend = ["posix", "--sidecar", sidecar, data];
  const child = spawn(
    "setpriv",
    // The kernel ends it with this process, also where that is killed and can end nothing itself.
    [
      "--pdeathsig",
      "KILL",
      program,
      "--port",
      `127.0.0.1:${port}`,
      "--region",
      REGION,
      "--keep-alive",
      "--quiet",
      ...backend,
    ],
    {
      stdio: "ignore",
      env: {
        PATH: process.env.PATH,
        ROOT_ACCESS_KEY: credentials.accessKeyId,
        ROOT_SECRET_KEY: credentials.secretAccessKey,
      },
    },
  );
  const killAtExit = () => void child.kill("SIGKILL");
  process.once("exit", killAtExit);
  const endpoint = `http://127.0.0.1:${port}`;
  await eventually("the S3 gateway answers", async () => {
    if (child.exitCode !== null) throw new Error(`versitygw ended with ${child.exitCode}`);
    return (await fetch(endpoint)).status === 403;
  });
  return {
    credentials,
    folder,
    async newBucket(prefix = "") {
      const bucket = `test-${newId()}`;
      // Its own each time, so that `connections` are those of the store under test.
      const client = new S3Client({ region: REGION, endpoint, credentials, forcePathStyle: true });
      await client.send(new CreateBucketCommand({ Bucket: bucket }));
      client.destroy();
      return `s3://${bucket}/${prefix}?${new URLSearchParams({ region: REGION, endpoint, "path-style": "true" })}`;
    },
    connections: () => establishedTo(port),
    async freeze(isFrozen) {
      child.kill(isFrozen ? "SIGSTOP" : "SIGCONT");
      // The signal reaches one thread after the other, and one that is late still answers.
      if (isFrozen)
        await eventually("the S3 gateway stands still", () => statesOf(child).every((state) => state === "T"));
    },
    kill: () => stop(child),
    async [Symbol.asyncDispose]() {
      await stop(child);
      process.off("exit", killAtExit);
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** The state of each thread, the first letter after the program's name. */
function statesOf({ pid }: ChildProcess): readonly string[] {
  const tasks = `/proc/${pid}/task`;
  return readdirSync(tasks).map((task) => /\) (\w)/.exec(readFileSync(join(tasks, task, "stat"), "utf8"))?.[1] ?? "");
}

/** As the kernel lists them: the remote address "0100007F:42AE" in the third column, 01 for established in the fourth. */
function establishedTo(port: number): number {
  const remote = new RegExp(`^\\s*\\d+: \\S+ 0100007F:${port.toString(16).toUpperCase().padStart(4, "0")} 01 `);
  return readFileSync("/proc/net/tcp", "utf8")
    .split("\n")
    .filter((line) => remote.test(line)).length;
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill("SIGKILL");
  await once(child, "exit");
}
