/** `matinee doctor`: what this machine has and lacks, one line each, with the cure. */

import { execFile } from "node:child_process";
import { access, constants, mkdir, statfs } from "node:fs/promises";
import { createRequire } from "node:module";
import { arch, platform as osName } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { nowMs } from "@matinee/sdk/clock";
import { type Context, dataFolder } from "../context.ts";
import { BadNews } from "../failure.ts";
import { bytes } from "../text.ts";

const run = promisify(execFile);
const PROGRAM_TIMEOUT_MS = 10_000;
const MIN_NODE = 24;
/** A feature film, its renditions and its packages at once. */
const MIN_FREE_BYTES = 10e9;
const MAX_CLOCK_SKEW_MS = 30_000;

interface Finding {
  readonly check: string;
  readonly isGood: boolean;
  readonly detail: string;
  /** What to do; only where it is not good. */
  readonly cure?: string;
  /** Nothing works without it. */
  readonly isNeeded: boolean;
}

/** Fails where something that is needed is missing. */
export async function doctor(context: Context, flags: { data?: string }): Promise<void> {
  const data = dataFolder(context.io, flags.data);
  const findings = await Promise.all([
    node(),
    program("ffmpeg", ["-version"], /^ffmpeg version (\S+)/, "apt-get install ffmpeg", "needed"),
    encoders(),
    program("ffprobe", ["-version"], /^ffprobe version (\S+)/, "apt-get install ffmpeg", "needed"),
    packager(),
    rights(),
    program("espeak-ng", ["--version"], /text-to-speech: (\S+)/, "apt-get install espeak-ng", "for the demo's films"),
    folder(data),
    space(data),
    reachable(context),
  ]);
  const all = findings.flat();
  context.emit({ findings: all });
  const width = Math.max(...all.map(({ check }) => check.length));
  for (const { check, isGood, detail, cure } of all) {
    context.say(`${isGood ? "✓" : "✗"} ${check.padEnd(width)}  ${detail}${cure === undefined ? "" : `. ${cure}`}`);
  }
  const missing = all.filter(({ isGood, isNeeded }) => !isGood && isNeeded);
  if (missing.length > 0) throw new BadNews(`${missing.length} things are missing`);
}

function node(): Finding {
  const isGood = Number(process.versions.node.split(".")[0]) >= MIN_NODE;
  return {
    check: "node",
    isGood,
    detail: `${process.versions.node} on ${osName()} ${arch()}`,
    isNeeded: true,
    ...(isGood ? {} : { cure: `Use Node ${MIN_NODE} or later: npm install, then npx matinee` }),
  };
}

async function program(
  name: string,
  argv: readonly string[],
  version: RegExp,
  cure: string,
  need: "needed" | "for the demo's films",
): Promise<Finding> {
  try {
    const { stdout } = await run(name, argv, { timeout: PROGRAM_TIMEOUT_MS });
    return { check: name, isGood: true, detail: version.exec(stdout)?.[1] ?? "found", isNeeded: need === "needed" };
  } catch {
    const detail = need === "needed" ? "not found" : `not found (only ${need})`;
    return { check: name, isGood: false, detail, cure: `Install it: ${cure}`, isNeeded: need === "needed" };
  }
}

/** Without any of these the workers do not start. */
const ENCODERS = ["libx264", "aac", "mjpeg", "libwebp", "webvtt"];

async function encoders(): Promise<Finding> {
  const check = "ffmpeg encoders";
  const stdout = await run("ffmpeg", ["-hide_banner", "-encoders"], { timeout: PROGRAM_TIMEOUT_MS }).then(
    (result) => result.stdout,
    () => "",
  );
  const missing = ENCODERS.filter((name) => !new RegExp(`\\s${name}\\s`).test(stdout));
  if (missing.length === 0) return { check, isGood: true, detail: ENCODERS.join(", "), isNeeded: true };
  const cure = "Install a full build: apt-get install ffmpeg";
  return { check, isGood: false, detail: `${missing.join(", ")} missing`, cure, isNeeded: true };
}

/** How far the media tools' rights can be taken away here; a client without the platform's sources starts none. */
async function rights(): Promise<Finding[]> {
  const check = "media tools' rights";
  const found = await import("../../../pkg/process/confinement.ts").catch(() => undefined);
  if (found === undefined) return [];
  const confinement = await found.findConfinement();
  const [first] = confinement.lacks;
  return [
    {
      check,
      isGood: first === undefined,
      detail: `they run ${found.describeConfinement({ ...confinement, lacks: [] })}`,
      isNeeded: false,
      ...(first === undefined ? {} : { cure: confinement.lacks.join("; ") }),
    },
  ];
}

async function packager(): Promise<Finding> {
  const check = "shaka-packager";
  try {
    const { binaryPath } = packagerBinary();
    const { stdout, stderr } = await run(binaryPath, ["--version"], { timeout: PROGRAM_TIMEOUT_MS });
    const detail = /version (\S+)/.exec(stdout + stderr)?.[1] ?? "found";
    return { check, isGood: true, detail, isNeeded: true };
  } catch {
    return {
      check,
      isGood: false,
      detail: "does not run",
      cure: "Install the npm packages again: npm ci",
      isNeeded: true,
    };
  }
}

function packagerBinary(): { binaryPath: string } {
  const manifest = createRequire(import.meta.url).resolve("shaka-packager/package.json");
  const name = `packager-${osName() === "darwin" ? "osx" : "linux"}-${arch()}`;
  return { binaryPath: join(dirname(manifest), "bin", name) };
}

async function folder(path: string): Promise<Finding> {
  const check = "data folder";
  try {
    await mkdir(path, { recursive: true });
    await access(path, constants.R_OK | constants.W_OK | constants.X_OK);
    return { check, isGood: true, detail: path, isNeeded: true };
  } catch {
    const cure = "Choose another with --data or DATA";
    return { check, isGood: false, detail: `${path} cannot be written`, cure, isNeeded: true };
  }
}

async function space(path: string): Promise<Finding> {
  const check = "disk space";
  try {
    const { bavail, bsize } = await statfs(path);
    const isGood = bavail * bsize >= MIN_FREE_BYTES;
    const cure = `Films need room: have ${bytes(MIN_FREE_BYTES)} or more, or choose another folder with --data`;
    return { check, isGood, detail: `${bytes(bavail * bsize)} free`, isNeeded: false, ...(isGood ? {} : { cure }) };
  } catch {
    return { check, isGood: false, detail: "unknown", cure: "The data folder cannot be read", isNeeded: false };
  }
}

/** The platform and, where it answers, its clock against ours. */
async function reachable(context: Context): Promise<Finding[]> {
  const check = "platform";
  const response = await fetch(`${context.origin}/readyz`, { signal: AbortSignal.timeout(PROGRAM_TIMEOUT_MS) }).catch(
    () => undefined,
  );
  if (response === undefined) {
    const cure = 'Start it with "matinee up", or say where it is with --url';
    return [{ check, isGood: false, detail: `${context.origin} does not answer`, cure, isNeeded: false }];
  }
  const text = (await response.text()).trim().split("\n")[0] ?? "";
  const found: Finding = response.ok
    ? { check, isGood: true, detail: `${context.origin} is ready`, isNeeded: false }
    : { check, isGood: false, detail: `${context.origin} is not ready: ${text}`, cure: "See its log", isNeeded: false };
  const date = response.headers.get("date");
  if (date === null) return [found];
  const skewMs = nowMs() - new Date(date).getTime();
  const isGood = Math.abs(skewMs) < MAX_CLOCK_SKEW_MS;
  const seconds = Math.round(skewMs / 1000);
  return [
    found,
    {
      check: "clock",
      isGood,
      detail: isGood ? "agrees with the platform's" : `${seconds} s ahead of the platform's`,
      isNeeded: false,
      ...(isGood ? {} : { cure: "Synchronise both clocks (NTP): tokens and licences depend on them" }),
    },
  ];
}
