/** Secrets of one installation: made at first use and kept in files that only their owner can read. */

import { randomBytes } from "node:crypto";
import { mkdir, open, readFile } from "node:fs/promises";
import { dirname } from "node:path";

const BYTES = 32;

/** The secret in the file, which is made where there is none; of two that make it at once, both get the first one's. */
export async function loadSecret(path: string): Promise<Uint8Array> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  try {
    const file = await open(path, "wx", 0o600);
    try {
      await file.writeFile(randomBytes(BYTES));
      await file.sync();
    } finally {
      await file.close();
    }
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "EEXIST")) throw error;
  }
  // Another process may have created the file and not yet written it.
  for (let attempt = 0; attempt < 50; attempt++) {
    const bytes = await readFile(path);
    if (bytes.length === BYTES) return bytes;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error(`${path} does not hold ${BYTES} bytes; delete it only if nothing depends on it`);
}
