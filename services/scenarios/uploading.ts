/** Uploads that stop half-way: parts that never arrive whole, and what lies in the store then. */

import { createHash } from "node:crypto";
import { readdir, stat } from "node:fs/promises";
import { request } from "node:http";
import { join, relative } from "node:path";
import type { PutPart } from "../../clients/sdk/part-sender.ts";
import type { Cluster } from "./cluster.ts";

export interface PartPut {
  readonly number: number;
  readonly status: number;
}

/** Sends parts as the SDK does with fetch, and remembers which ones. */
export function recordedPut(puts: PartPut[], beforePart?: (number: number) => Promise<void>): PutPart {
  return async ({ url, headers }, body, onBytes, signal) => {
    const number = partNumberOf(url);
    await beforePart?.(number);
    try {
      const answer = await fetch(url, { method: "PUT", headers, body, signal });
      const text = await answer.text();
      puts.push({ number, status: answer.status });
      onBytes(body.size);
      return { status: answer.status, text };
    } catch (error) {
      // What fetch throws where no answer came, in the SDK's own words.
      throw signal.aborted ? error : new TypeError("no answer", { cause: error });
    }
  };
}

/** Sends half of every part from this number on and then nothing more, as a client does whose network stands still. */
export function stallingPut(fromPart: number, onStall: (number: number) => void): PutPart {
  const whole = recordedPut([]);
  return async (signed, body, onBytes, signal) => {
    const number = partNumberOf(signed.url);
    if (number < fromPart) return whole(signed, body, onBytes, signal);
    const half = Buffer.from(await body.slice(0, Math.floor(body.size / 2)).arrayBuffer());
    const sending = request(signed.url, {
      method: "PUT",
      headers: { ...signed.headers, "content-length": String(body.size) },
      signal,
    });
    return new Promise((_, reject) => {
      sending.once("error", (error) => reject(signal.aborted ? error : new TypeError("no answer", { cause: error })));
      sending.write(half, () => onStall(number));
    });
  };
}

function partNumberOf(url: string): number {
  const { pathname, searchParams } = new URL(url);
  const said = searchParams.get("part") ?? searchParams.get("partNumber") ?? /(\d+)$/.exec(pathname)?.[1];
  return Number(said);
}

export function sha256Of(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

/** Every file that ingestion keeps, in the store of originals and while it works, each with its length. */
export async function keptFiles(cluster: Cluster): Promise<readonly string[]> {
  const found: string[] = [];
  for (const top of ["blobs/originals", "scratch/ingestion"]) {
    const folder = join(cluster.data, top);
    const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
    for (const entry of entries) {
      if (!entry.isFile()) continue;
      const path = join(entry.parentPath, entry.name);
      const size = await stat(path).then(
        (info) => info.size,
        () => -1,
      );
      if (size >= 0) found.push(`${relative(cluster.data, path)} ${size}`);
    }
  }
  return found.sort();
}

/** What is kept now and was not then; what a process that was killed had left may have been swept meanwhile. */
export async function filesBeside(cluster: Cluster, then: readonly string[]): Promise<string[]> {
  return (await keptFiles(cluster)).filter((file) => !then.includes(file));
}
