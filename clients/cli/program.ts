/** The command line: every command with its options, its help and its examples. */

import { Command, CommanderError, InvalidArgumentError, Option } from "commander";
import { deleteAssets, listAssets } from "./commands/assets.ts";
import { doctor } from "./commands/doctor.ts";
import { type ImportFlags, importFiles } from "./commands/import.ts";
import { cancelJob, listJobs, retryJob, watchJobs } from "./commands/jobs.ts";
import { login, logout } from "./commands/login.ts";
import { listPackages, retryPackage } from "./commands/packages.ts";
import { rebuildSearchIndex, showSearchIndex } from "./commands/search-index.ts";
import { deleteTitle, listTitles, publishTitle, restoreTitle, showTitle, unpublishTitle } from "./commands/titles.ts";
import { up } from "./commands/up.ts";
import { newContext } from "./context.ts";
import { EXIT, report } from "./failure.ts";
import type { Io } from "./io.ts";

/** Runs one command and resolves with the exit code; prints what failed in one or two lines, never a stack. */
export async function run(io: Io): Promise<number> {
  const program = newProgram(io);
  try {
    await program.parseAsync([...io.argv], { from: "user" });
    return EXIT.ok;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
    return report(error, io, io.argv.includes("--json"));
  }
}

function newProgram(io: Io): Command {
  const program = new Command("matinee")
    .description("Runs Matinee and works with its films from the command line.")
    .version("0.1.0", "--version", "print the version")
    .helpOption("-h, --help", "print help; `matinee help import` for one command")
    .option("--url <url>", "where Matinee is (MATINEE_URL, or http://localhost:8080)")
    .option("--json", "print JSON for programs: one document, or one line for each event")
    .configureHelp({ sortSubcommands: false, showGlobalOptions: true })
    .configureOutput({ writeOut: (text) => io.out.write(text), writeErr: (text) => io.err.write(text) })
    .exitOverride()
    .showHelpAfterError("(matinee --help shows every command)");
  program.addHelpText(
    "after",
    `
Examples:
  matinee up                                        start everything, here, in one process
  matinee import film.mkv --title "Paper Boat" --synopsis "A boat goes to sea." --publish
  matinee import *.mp4 --no-wait                    upload, and leave the rest to the platform
  matinee jobs watch                                follow every running job
  matinee titles publish titles/0197...             put a title into the catalogue
  matinee jobs list --json | jq '.jobs[].state'     for scripts

Signing in:
  matinee login keeps a session in ~/.config/matinee, readable by you alone. Without one, MATINEE_TOKEN (an access
  token) or MATINEE_EMAIL and MATINEE_PASSWORD are used; on the machine that runs "matinee up", the operator's
  password in its data folder.

Exit codes: 0 done · 1 failed · 2 wrong usage · 3 cannot be reached · 4 not signed in, or not allowed · 130 interrupted`,
  );
  const context = (command: Command) => newContext(io, command.optsWithGlobals());

  const upCommand = program
    .command("up")
    .description("Start the whole platform on this machine and keep it running until Ctrl-C.")
    .addOption(new Option("--port <port>", "port to listen on").argParser(parsePort).default(8080))
    .option("--host <address>", "address to listen on", "127.0.0.1")
    .option("--data <folder>", "folder of everything that is kept (DATA)")
    .option("--verbose", "print the platform's log instead of writing it to DATA/run/matinee.log");
  upCommand
    .addHelpText(
      "after",
      `
The first start makes the database, the keys, and two accounts with passwords in DATA/secrets: the operator
studio@matinee.test and the viewer viewer@matinee.test. Later starts take them up again.

Examples:
  matinee up
  matinee up --port 9000 --data /srv/matinee`,
    )
    .action(() => up(context(upCommand), upCommand.opts()));

  const importCommand = program
    .command("import <file...>")
    .description("Upload film files and follow them until they can be watched. A folder stands for the films in it.")
    .option("--title <name>", "make a title with this name (one file only)")
    .option("--synopsis <text>", "what it is about; needed to publish")
    .addOption(new Option("--year <year>", "year of release").argParser(parseYear))
    .option("--genre <genre...>", "genres, such as drama")
    .addOption(new Option("--age <years>", "youngest age that may watch it").argParser(parseAge).default(0))
    .option("--language <tag>", "original language, such as en")
    .option("--territory <code...>", "countries that may watch it, such as US DE; everywhere unless given")
    .option("--from <date>", "first day of the right to show it, such as 2026-12-24")
    .option("--to <date>", "first day after it")
    .option("--clear", "do not encrypt; for trailers")
    .option("--publish", "put it into the catalogue as soon as it can be played")
    .option("--no-wait", "return once the file is uploaded");
  importCommand
    .addHelpText(
      "after",
      `
Ctrl-C stops it; the same command goes on where it stopped, also after the platform or this machine was restarted.
A file that is already in is recognised by its name, size and date, also in a folder of many. What had failed is run
again. A platform that restarts, a full disk and an exhausted rate are waited for, which is said on stderr.

Examples:
  matinee import film.mkv
  matinee import film.mkv --title "Paper Boat" --synopsis "A boat goes to sea." --year 2026 --genre family --publish
  matinee import ./rushes --no-wait`,
    )
    .action((files: string[]) => importFiles(context(importCommand), files, importCommand.opts<ImportFlags>()));

  const jobs = program.command("jobs").description("Transcoding jobs: list, watch, retry, cancel.");
  const jobsList = jobs.command("list", { isDefault: true }).description("List jobs, newest first.");
  jobsList
    .option("--state <state>", "only queued, running, succeeded, failed or canceled ones")
    .option("--limit <count>", "at most this many", parseCount, 20)
    .action(() => listJobs(context(jobsList), jobsList.opts()));
  const jobsWatch = jobs
    .command("watch [job...]")
    .description("Follow the named jobs to their end, or all, until Ctrl-C.");
  jobsWatch.action((names: string[]) => watchJobs(context(jobsWatch), names));
  const jobsRetry = jobs
    .command("retry <job>")
    .description("Run a failed or cancelled job again; what is done is kept. One whose package failed makes it anew.");
  jobsRetry.action((name: string) => retryJob(context(jobsRetry), name));
  const jobsCancel = jobs.command("cancel <job>").description("Cancel a job that has not ended.");
  jobsCancel.action((name: string) => cancelJob(context(jobsCancel), name));

  const titles = program.command("titles").description("Titles: list, show, publish, unpublish, delete, restore.");
  const titlesList = titles.command("list", { isDefault: true }).description("List titles, newest first.");
  titlesList
    .option("--state <state>", "only draft, published, unpublished or deleted ones")
    .option("--limit <count>", "at most this many", parseCount, 20)
    .action(() => listTitles(context(titlesList), titlesList.opts()));
  const titlesShow = titles.command("show <title>").description("Show one title.");
  titlesShow.action((name: string) => showTitle(context(titlesShow), name));
  const titlesPublish = titles.command("publish <title>").description("Put a title into the catalogue.");
  titlesPublish.action((name: string) => publishTitle(context(titlesPublish), name));
  const titlesUnpublish = titles.command("unpublish <title>").description("Take a title out of the catalogue.");
  titlesUnpublish.action((name: string) => unpublishTitle(context(titlesUnpublish), name));
  const titlesDelete = titles
    .command("delete <title>")
    .description("Delete a title; restore brings it back for 30 days.");
  titlesDelete.action((name: string) => deleteTitle(context(titlesDelete), name));
  const titlesRestore = titles.command("restore <title>").description("Bring a deleted title back, as a draft.");
  titlesRestore.action((name: string) => restoreTitle(context(titlesRestore), name));

  const assets = program.command("assets").description("Film files that were handed in: list, delete.");
  const assetsList = assets
    .command("list", { isDefault: true })
    .description("List film files that were handed in, with what became of them.")
    .option("--limit <count>", "at most this many", parseCount, 20);
  assetsList.action(() => listAssets(context(assetsList), assetsList.opts()));
  const assetsDelete = assets
    .command("delete <asset...>")
    .description("Delete film files with all that was made of them; an unfinished upload is given up.")
    .option("--force", "also where published titles play them", false);
  assetsDelete.action((names: string[]) => deleteAssets(context(assetsDelete), names, assetsDelete.opts()));

  const packages = program.command("packages").description("Packaged films: list, retry.");
  const packagesList = packages
    .command("list", { isDefault: true })
    .description("List packages, newest first, with why they failed.")
    .option("--asset <asset>", "only those of this film")
    .option("--limit <count>", "at most this many", parseCount, 20);
  packagesList.action(() => listPackages(context(packagesList), packagesList.opts()));
  const packagesRetry = packages
    .command("retry <revision>")
    .description("Package again what has failed; nothing is encoded again unless it cannot be read.");
  packagesRetry.action((name: string) => retryPackage(context(packagesRetry), name));

  const searchIndex = program
    .command("search-index")
    .description("The index that titles are searched in: show, rebuild.");
  const searchIndexShow = searchIndex
    .command("show", { isDefault: true })
    .description("Say whether the search index is ready, and how far a rebuild is.");
  searchIndexShow.action(() => showSearchIndex(context(searchIndexShow)));
  const searchIndexRebuild = searchIndex
    .command("rebuild")
    .description("Make the search index anew from the titles, where it is damaged, and follow that to its end.")
    .option("--no-wait", "return at once");
  searchIndexRebuild
    .addHelpText(
      "after",
      `
Searches find what the index had until the new one is whole. One that was lost, or filled by an older release, is rebuilt
without being asked. Ctrl-C stops following, not the rebuild; the same command follows it again while it runs.

Examples:
  matinee search-index
  matinee search-index rebuild`,
    )
    .action(() => rebuildSearchIndex(context(searchIndexRebuild), searchIndexRebuild.opts()));

  const loginCommand = program
    .command("login [email]")
    .description("Sign in and keep the session. The password comes from MATINEE_PASSWORD or is asked for.");
  loginCommand.action((email: string | undefined) => login(context(loginCommand), email));
  const logoutCommand = program.command("logout").description("End the session and forget it.");
  logoutCommand.action(() => logout(context(logoutCommand)));

  const doctorCommand = program
    .command("doctor")
    .description("Check what Matinee needs on this machine, one line each, with the cure for what is missing.")
    .option("--data <folder>", "the data folder to check (DATA)");
  doctorCommand.action(() => doctor(context(doctorCommand), doctorCommand.opts()));

  return program;
}

function parsePort(text: string): number {
  return parseWithin(text, 0, 65_535, "a port is a number from 0 to 65535");
}

function parseYear(text: string): number {
  return parseWithin(text, 1880, 2200, "a year is a number such as 2026");
}

function parseAge(text: string): number {
  return parseWithin(text, 0, 21, "an age is a number from 0 to 21");
}

function parseCount(text: string): number {
  return parseWithin(text, 1, 10_000, "a count is a number from 1 to 10000");
}

function parseWithin(text: string, min: number, max: number, otherwise: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < min || value > max) throw new InvalidArgumentError(otherwise);
  return value;
}
