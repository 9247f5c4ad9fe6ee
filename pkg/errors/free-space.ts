/** Whether the file system of a folder has any room left. */

import { statfs } from "node:fs/promises";

/** Less than this is full: a tool that needs to write has failed on it or is about to. */
const FULL_BYTES = 1024 * 1024;

/** True where the folder's file system has less room than `neededBytes`; false also where that cannot be told. */
export async function isFull(folder: string, neededBytes = FULL_BYTES): Promise<boolean> {
  try {
    const { bavail, bsize, files, ffree } = await statfs(folder);
    // Some file systems have no inodes to count.
    return bavail * bsize < neededBytes || (files > 0 && ffree === 0);
  } catch {
    return false;
  }
}
