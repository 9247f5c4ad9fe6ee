/** How far this machine lets us take a program's rights away: found by trying, once in a process. */

import { lstat, mkdtemp, open, readlink, realpath, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { readAccounts } from "./accounts.ts";
import { findProgram, SYSTEM_PATH } from "./find.ts";
import { runProgram } from "./run.ts";
import { seccompFilter } from "./seccomp.ts";

export interface Confinement {
  /**
   * `namespaces`: it sees the system's programs, its inputs and its output folder, no process but its own and no network.
   * `user`: it runs as a user of its own, and reaches what that user may. `limits`: it runs as we do, under limits.
   */
  readonly kind: "namespaces" | "user" | "limits";
  /** As whom it runs; undefined as ourselves, where we are not root. */
  readonly user: { readonly uid: number; readonly gid: number } | undefined;
  /** System calls that it never needs are refused. */
  readonly hasSeccomp: boolean;
  /** What this machine lacks for more, with the cure where there is one; empty where nothing is missing. */
  readonly lacks: readonly string[];
}

/** A user of this name is taken where the machine has one. */
const ACCOUNT = "matinee-media";
/** Else a number that belongs to nobody: between what Debian and systemd give away, and within every container's range. */
const UNUSED_IDS = Array.from({ length: 16 }, (_, i) => 61_000 + i);
const TRIAL_LIMITS = { timeMs: 20_000, stdoutBytes: 65_536 };

let found: Promise<Confinement> | undefined;

/** The best that works here. */
export function findConfinement(): Promise<Confinement> {
  found ??= find();
  return found;
}

async function find(): Promise<Confinement> {
  const user = await findUser();
  const lacks: string[] = process.platform === "linux" ? [] : [`${process.platform} is not Linux`];
  const hasSeccomp = seccompFilter() !== undefined;
  const bwrap = await findProgram("bwrap");
  if (bwrap === undefined) {
    lacks.push("bubblewrap is not installed (on Debian: apt-get install bubblewrap)");
  } else {
    for (const withFilter of hasSeccomp ? [true, false] : [false]) {
      const confinement = { kind: "namespaces", user, hasSeccomp: withFilter, lacks: [] } as const;
      const why = await trial(confinement);
      if (why === undefined)
        return withFilter ? confinement : { ...confinement, lacks: ["seccomp does not work here"] };
      if (withFilter === false) lacks.push(`the kernel allows no namespaces (${why})`);
    }
  }
  if (user !== undefined) {
    const confinement = { kind: "user", user, hasSeccomp: false, lacks } as const;
    const why = await trial(confinement);
    if (why === undefined) return confinement;
    lacks.push(`the user cannot be changed (${why})`);
  }
  return { kind: "limits", user: undefined, hasSeccomp: false, lacks };
}

/** Why it does not work; undefined where it does. */
async function trial(confinement: Confinement): Promise<string | undefined> {
  const filter = await openFilter(confinement);
  try {
    const program = await realpath((await findProgram("true")) ?? "/bin/true");
    const argv = await confinedArgv(confinement, { program, args: [], reads: [], box: undefined, filterFd: 3 });
    const ended = await runProgram({
      argv,
      env: { PATH: SYSTEM_PATH },
      limits: TRIAL_LIMITS,
      ...(filter === undefined ? {} : { files: [filter.fd] }),
    });
    return ended.how === "done" ? undefined : (ended.tail.split("\n").at(-1) ?? "") || ended.exit;
  } finally {
    await filter?.close();
  }
}

/** Undefined where we are not root, and so cannot become another one. */
async function findUser(): Promise<Confinement["user"]> {
  if (process.getuid?.() !== 0) return undefined;
  const accounts = await readAccounts().catch(() => []);
  const own = accounts.find(({ name, uid }) => name === ACCOUNT && uid !== 0);
  if (own !== undefined) return { uid: own.uid, gid: own.gid };
  const free = UNUSED_IDS.find((id) => !accounts.some(({ uid, gid }) => uid === id || gid === id));
  return free === undefined ? undefined : { uid: free, gid: free };
}

/** The filter as an open file, for a program to load; undefined where there is none. */
export async function openFilter(
  confinement: Confinement,
): Promise<{ readonly fd: number; close(): Promise<void> } | undefined> {
  const filter = confinement.hasSeccomp && confinement.kind === "namespaces" ? seccompFilter() : undefined;
  if (filter === undefined) return undefined;
  const folder = await mkdtemp(join(tmpdir(), "matinee-filter-"));
  try {
    const file = await open(join(folder, "filter"), "wx+", 0o600);
    await file.write(filter, 0, filter.byteLength, 0);
    return file;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

export interface Inside {
  /** Its real path. */
  readonly program: string;
  readonly args: readonly string[];
  /** Outside and inside of what it may read. */
  readonly reads: readonly (readonly [outside: string, inside: string])[];
  /** The folder that it may write to, which it finds at `BOX`. */
  readonly box: string | undefined;
  /** Where it finds the filter of system calls, if there is one. */
  readonly filterFd: number;
  /** Folders of libraries beside the system's. */
  readonly libraries?: readonly string[];
}

export const BOX = "/out";

/** The command line that takes the rights away and runs the program with what is left. */
export async function confinedArgv(confinement: Confinement, inside: Inside): Promise<[string, ...string[]]> {
  const { kind, user } = confinement;
  const program = [inside.program, ...inside.args];
  const drop = ["--no-new-privs", "--inh-caps=-all", "--ambient-caps=-all"];
  const become =
    user === undefined
      ? []
      : ["--reuid", `${user.uid}`, "--regid", `${user.gid}`, "--clear-groups", "--bounding-set=-all"];
  const setpriv = ["setpriv", ...become, ...drop, "--pdeathsig", "KILL", "--"];
  if (kind !== "namespaces") {
    if ((await findProgram("setpriv")) === undefined) return [inside.program, ...inside.args];
    return ["setpriv", ...setpriv.slice(1), ...program];
  }
  return [
    "bwrap",
    ...["--unshare-pid", "--unshare-net", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try"],
    "--die-with-parent",
    // Root makes the mounts as itself, so that it may reach what only it can, and then becomes the other user.
    ...(user === undefined
      ? ["--unshare-user", "--disable-userns", "--cap-drop", "ALL"]
      : ["--cap-drop", "ALL", ...["SETUID", "SETGID", "SETPCAP"].flatMap((cap) => ["--cap-add", `CAP_${cap}`])]),
    "--clearenv",
    ...["--setenv", "PATH", "/usr/bin:/bin"],
    ...(inside.libraries?.length ? ["--setenv", "LD_LIBRARY_PATH", inside.libraries.join(":")] : []),
    ...(await systemMounts(inside.program)),
    ...(inside.libraries ?? []).flatMap((folder) => ["--ro-bind-try", folder, folder]),
    ...["--proc", "/proc", "--dev", "/dev", "--dir", "/in"],
    ...inside.reads.flatMap(([outside, at]) => ["--ro-bind", outside, at]),
    ...(inside.box === undefined ? [] : ["--bind", inside.box, BOX]),
    ...(confinement.hasSeccomp ? ["--seccomp", String(inside.filterFd)] : []),
    ...["--", "setpriv", ...become, ...drop, "--", ...program],
  ];
}

/** The system's programs and libraries, and the folder of a program that lies elsewhere. */
async function systemMounts(program: string): Promise<string[]> {
  const mounts = ["--ro-bind", "/usr", "/usr"];
  for (const path of ["/bin", "/sbin", "/lib", "/lib32", "/lib64"]) {
    const entry = await lstat(path).catch(() => undefined);
    if (entry?.isSymbolicLink()) mounts.push("--symlink", await readlink(path), path);
    else if (entry?.isDirectory()) mounts.push("--ro-bind", path, path);
  }
  mounts.push("--dir", "/etc");
  // Debian's libraries of linear algebra are found through both.
  for (const path of ["/etc/alternatives", "/etc/ld.so.cache"]) mounts.push("--ro-bind-try", path, path);
  const folder = dirname(program);
  if (!folder.startsWith("/usr/") && (await stat(folder)).isDirectory()) mounts.push("--ro-bind", folder, folder);
  return mounts;
}

/** One line for a person. */
export function describeConfinement({ kind, user, hasSeccomp, lacks }: Confinement): string {
  const who = user === undefined ? "" : ` as user ${user.uid}`;
  const what = {
    namespaces: `in namespaces of their own${who}, without network, privileges${hasSeccomp ? ", or needless system calls" : ""}`,
    user: `${who.trim()}, without privileges, but with network and what that user may read`,
    limits: "as the platform's own user, under limits alone",
  }[kind];
  return lacks.length === 0 ? what : `${what}; ${lacks.join("; ")}`;
}
