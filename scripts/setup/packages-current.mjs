/** Ends with 0 when node_modules holds exactly what package-lock.json says; runs on any Node from 18 on, before anything is installed. */

import { readFileSync } from "node:fs";

const read = (path) => {
  try {
    return JSON.parse(readFileSync(path, "utf8")).packages ?? {};
  } catch {
    return undefined;
  }
};

const locked = read("package-lock.json");
const installed = read("node_modules/.package-lock.json");

// Of optional packages, those that name a system are programs for it; the right one is not optional to us.
const libc = process.report?.getReport().header.glibcVersionRuntime ? "glibc" : "musl";
const isForThisMachine = ({ os, cpu, libc: libcs }) =>
  os?.includes(process.platform) && cpu?.includes(process.arch) && (!libcs || libcs.includes(libc));

function isCurrent() {
  if (!locked || !installed) return false;
  for (const [path, wanted] of Object.entries(locked)) {
    // Workspaces and the root itself are folders of ours.
    if (!path.startsWith("node_modules/") && !path.includes("/node_modules/")) continue;
    const found = installed[path];
    // Packages for other machines are in the lock, but not installed.
    if (!found && wanted.optional && !isForThisMachine(wanted)) continue;
    if (!found || found.version !== wanted.version || found.integrity !== wanted.integrity) return false;
  }
  return Object.keys(installed).every((path) => path in locked);
}

process.exitCode = isCurrent() ? 0 : 1;
