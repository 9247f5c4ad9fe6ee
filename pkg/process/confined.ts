/** Runs a program on files that nobody trusts, with no right but to read its inputs and to write its outputs. */

import { chmod, chown, type FileHandle, lstat, mkdtemp, open, realpath, rename, rm, stat } from "node:fs/promises";
import { basename, dirname, join, relative } from "node:path";
import { BOX, type Confinement, confinedArgv, findConfinement, openFilter } from "./confinement.ts";
import { findProgram } from "./find.ts";
import { type ProgramEnd, type ProgramRun, runProgram } from "./run.ts";

export interface ConfinedRun extends Omit<ProgramRun, "argv" | "cwd" | "files"> {
  /** By name or path. */
  readonly program: string;
  /** The arguments, once it is known where the program will find a file. */
  readonly args: (inside: (path: string) => string) => readonly string[];
  /** Files, and folders with all that is in them. */
  readonly reads: readonly string[];
  /** Files of one folder, of which each is there whole when it is done, and none when it is not. */
  readonly writes: readonly string[];
}

const FIRST_FD = 3;

/** What `runProgram` answers and throws. It has failed as well where it did not write what it should. */
export async function runConfined(run: ConfinedRun, confinement?: Confinement): Promise<ProgramEnd> {
  const how = confinement ?? (await findConfinement());
  const { program: name, args, reads, writes, ...rest } = run;
  run.signal?.throwIfAborted();
  const lies = await findProgram(name, run.env.PATH);
  if (lies === undefined) return { how: "missing", exit: `${name} was not found`, stdout: "", tail: "" };
  await using cleanup = new AsyncDisposableStack();
  const box = await openBox(how, writes, cleanup);
  const files: FileHandle[] = [];
  const places: (readonly [outside: string, inside: string])[] = [];
  for (const path of reads) {
    if (how.user !== undefined) await letRead(path);
    if (how.kind === "user") {
      // Reached by what is open already: the other user passes none of the folders on the way.
      const file = await open(path, "r");
      cleanup.defer(() => file.close());
      places.push([path, `/proc/self/fd/${FIRST_FD + files.push(file) - 1}`]);
    } else {
      places.push([path, how.kind === "namespaces" ? `/in/${places.length}` : path]);
    }
  }
  const filter = await openFilter(how);
  if (filter !== undefined) cleanup.defer(() => filter.close());
  const inside = (path: string) => {
    if (writes.includes(path)) return join(how.kind === "namespaces" ? BOX : ".", basename(path));
    for (const [outside, at] of places) {
      const below = relative(outside, path);
      if (below === "") return at;
      if (!below.startsWith("..") && !below.startsWith("/")) return join(at, below);
    }
    throw new Error(`${name} was given ${path}, which is neither among its inputs nor its outputs`);
  };
  const argv = await confinedArgv(how, {
    program: await realpath(lies),
    args: args(inside),
    reads: places,
    box,
    filterFd: FIRST_FD + files.length,
    libraries: run.env.LD_LIBRARY_PATH?.split(":").filter((folder) => folder !== "") ?? [],
  });
  const ended = await runProgram({
    ...rest,
    argv,
    files: [...files.map(({ fd }) => fd), ...(filter === undefined ? [] : [filter.fd])],
    // In namespaces it finds the folder elsewhere, and may not even pass to where it lies.
    cwd: box === undefined || how.kind === "namespaces" ? "/" : box,
  });
  if (ended.how !== "done" || box === undefined) return ended;
  const mistake = await takeOver(box, writes, how);
  return mistake === undefined ? ended : { ...ended, how: "failed", exit: mistake };
}

/** A folder beside the outputs, so that they can be moved there at once, which is gone afterwards. */
async function openBox(
  { user }: Confinement,
  writes: readonly string[],
  cleanup: AsyncDisposableStack,
): Promise<string | undefined> {
  const [first] = writes;
  if (first === undefined) return undefined;
  if (writes.some((path) => dirname(path) !== dirname(first))) throw new Error("outputs belong into one folder");
  const box = await mkdtemp(join(dirname(first), ".box-"));
  cleanup.defer(() => rm(box, { recursive: true, force: true }));
  if (user !== undefined) await chown(box, user.uid, user.gid);
  return box;
}

/** The folders around it keep others out; the program's user is handed nothing but this. */
async function letRead(path: string): Promise<void> {
  const { mode } = await stat(path);
  const wanted = mode | (mode & 0o100 ? 0o005 : 0o004);
  if (wanted !== mode) await chmod(path, wanted & 0o7777);
}

/** What the program wrote becomes ours; in words, what it did not write or what is no file of its own. */
async function takeOver(box: string, writes: readonly string[], { user }: Confinement): Promise<string | undefined> {
  for (const path of writes) {
    const made = join(box, basename(path));
    const entry = await lstat(made).catch(() => undefined);
    if (entry === undefined) return `it did not write ${basename(path)}`;
    // A link would make us read, and publish, what only we may.
    if (!entry.isFile() || entry.nlink !== 1) return `${basename(path)} is not a file of its own`;
    if (user !== undefined) await chown(made, process.getuid?.() ?? 0, process.getgid?.() ?? 0);
    await chmod(made, 0o644);
  }
  for (const path of writes) await rename(join(box, basename(path)), path);
  return undefined;
}
