/** Makes sure that the folder of everything that is kept is one, or says in a sentence why it is not. */

import { mkdir, stat } from "node:fs/promises";
import { dirname } from "node:path";

/** Throws a plain Error of one line that names the setting and the folder. What stands above it is made too. */
export async function ensureDataFolder(folder: string): Promise<void> {
  try {
    await make(folder);
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : "";
    // The system's own business, which may pass.
    if (code === "ENOSPC" || code === "EDQUOT") throw error;
    throw new Error(`DATA: ${folder} cannot be used as a folder: ${REASONS[code] ?? error}`, { cause: error });
  }
}

const REASONS: Readonly<Record<string, string>> = {
  EACCES: "permission is denied",
  EPERM: "permission is denied",
  EROFS: "the file system is read-only",
  ENOTDIR: "it, or what stands above it, is a file",
  EEXIST: "it, or what stands above it, is a file",
  ENOENT: "nothing can be made there",
};

// One folder after the other: mkdir's own recursion never ends where a file system lets nothing be made, such as /proc.
async function make(folder: string): Promise<void> {
  const found = await stat(folder).catch((error: unknown) => {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw error;
  });
  if (found?.isDirectory()) return;
  if (found !== undefined) throw Object.assign(new Error("a file"), { code: "ENOTDIR" });
  await make(dirname(folder));
  await mkdir(folder, { mode: 0o711 }).catch((error: unknown) => {
    if (!(error instanceof Error && "code" in error && error.code === "EEXIST")) throw error;
  });
}
