/** The accounts of this machine. */

import { readFile } from "node:fs/promises";

export interface Account {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
}

export async function readAccounts(): Promise<Account[]> {
  const text = await readFile("/etc/passwd", "utf8");
  return text.split("\n").flatMap((line) => {
    const [name, , uid, gid] = line.split(":");
    return name && uid && gid ? [{ name, uid: Number(uid), gid: Number(gid) }] : [];
  });
}
