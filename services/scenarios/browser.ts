/** Chromium with the built web client in it, and everything that goes wrong there kept for the test to see. */

import { execFile } from "node:child_process";
import { mkdtemp, readdir, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { type Browser, type BrowserContext, chromium, type Page } from "playwright-core";
import type { Cluster } from "./cluster.ts";

const CHROMIUM = process.env.CHROMIUM ?? "/usr/bin/chromium";
const FLAGS = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];
/** A film is transcoded while a page waits, on two cores that other tests share. */
const WAIT_MS = 60_000;
const VIEWPORT = { width: 1280, height: 800 };

/** Makes clients/web/dist where it is older than its sources; the platform reads the list of its files when it starts. */
export async function buildWebClient(): Promise<void> {
  const root = fileURLToPath(new URL("../..", import.meta.url));
  const builtMs = await newest(join(root, "clients/web/dist"));
  const web = ["src", "public", "index.html", "package.json", "vite.config.ts", "display-font.ts"];
  const docs = [
    "proto/matinee",
    ...["api-reference.ts", "reasons.ts", "rules.ts"].map((path) => `clients/web/${path}`),
  ];
  const sources = ["clients/sdk", ...docs, ...web.map((path) => join("clients/web", path))];
  const times = await Promise.all(sources.map((path) => newest(join(root, path))));
  if (builtMs > Math.max(...times)) return;
  await promisify(execFile)("npm", ["run", "build", "--silent", "-w", "clients/web"], { cwd: root });
}

/** When the newest file at or below the path was written, in milliseconds since 1970; 0 where there is none. */
async function newest(path: string): Promise<number> {
  const found = await stat(path).catch(() => undefined);
  if (found === undefined) return 0;
  if (!found.isDirectory()) return found.mtimeMs;
  const entries = await readdir(path, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  const times = await Promise.all(files.map(async (file) => (await stat(file)).mtimeMs));
  return Math.max(0, ...times);
}

/** A person with a browser profile of their own. */
export interface Visitor {
  readonly page: Page;
  readonly context: BrowserContext;
  /** Another tab. */
  open(path: string): Promise<Page>;
  goto(path: string): Promise<void>;
  /** Refusals that the story is about: troubles that match are none. */
  expectTrouble(pattern: RegExp): void;
  /** Errors on the console, violations of the page's policy, requests that failed or were refused. */
  troubles(): readonly string[];
}

export interface Theatre extends AsyncDisposable {
  /** Where pages are: EME and Web Locks want a secure context, which http://localhost is. */
  readonly origin: string;
  enter(name: string): Promise<Visitor>;
  visitors(): ReadonlyMap<string, Visitor>;
  /** Keeps a picture of every page and what its console said; answers the folder. */
  keepEvidence(): Promise<string>;
}

export interface TheatreOptions {
  /** Whether films start without a click, as on a page where a person has watched before; else the browser refuses. */
  readonly autoplay?: "allowed" | "refused";
}

export async function openTheatre(cluster: Cluster, { autoplay = "allowed" }: TheatreOptions = {}): Promise<Theatre> {
  const policy = autoplay === "allowed" ? "no-user-gesture-required" : "document-user-activation-required";
  const browser: Browser = await chromium.launch({
    executablePath: CHROMIUM,
    args: [...FLAGS, `--autoplay-policy=${policy}`],
    // Sound is part of the film; the device is the browser's null sink.
    ignoreDefaultArgs: ["--mute-audio"],
  });
  const origin = `http://localhost:${new URL(cluster.origin).port}`;
  const visitors = new Map<string, Visitor & { readonly said: readonly string[] }>();
  return {
    origin,
    visitors: () => visitors,
    async enter(name) {
      const context = await browser.newContext({ baseURL: origin, viewport: VIEWPORT, locale: "en-US" });
      context.setDefaultTimeout(WAIT_MS);
      await context.addInitScript(watchPage);
      const said: string[] = [];
      const allowed: RegExp[] = [];
      watchContext(context, (line) => said.push(line));
      const page = await context.newPage();
      const visitor = {
        page,
        context,
        said,
        async open(path: string) {
          const tab = await context.newPage();
          await tab.goto(path);
          return tab;
        },
        async goto(path: string) {
          await page.goto(path);
        },
        expectTrouble: (pattern: RegExp) => void allowed.push(pattern),
        troubles: () => said.filter((line) => !allowed.some((pattern) => pattern.test(line))),
      };
      visitors.set(name, visitor);
      return visitor;
    },
    async keepEvidence() {
      const folder = await mkdtemp(join(tmpdir(), "matinee-browser-"));
      for (const [name, { context, said }] of visitors) {
        await writeFile(join(folder, `${name}.log`), `${said.join("\n")}\n`);
        for (const [index, page] of context.pages().entries()) {
          await page.screenshot({ path: join(folder, `${name}-${index + 1}.png`) }).catch(() => undefined);
        }
      }
      return folder;
    },
    [Symbol.asyncDispose]: () => browser.close(),
  };
}

/** A browser for the tests of a suite; a failed one leaves pictures and says where. */
export function theatreOf(cluster: () => Cluster, options?: TheatreOptions): () => Theatre {
  let theatre: Theatre | undefined;
  before(async () => {
    theatre = await openTheatre(cluster(), options);
  });
  afterEach(async function () {
    if (this.currentTest?.state !== "failed" || theatre === undefined) return;
    process.stderr.write(`The pages and their consoles are in ${await theatre.keepEvidence()}\n`);
  });
  after(() => theatre?.[Symbol.asyncDispose]());
  return () => {
    if (theatre === undefined) throw new Error("the browser runs only while tests do");
    return theatre;
  };
}

function watchContext(context: BrowserContext, say: (line: string) => void): void {
  context.on("console", (message) => {
    if (message.type() === "error" || message.type() === "warning") {
      say(`console ${message.type()}: ${message.text()} ${message.location().url}`);
    }
  });
  context.on("weberror", (failure) => say(`uncaught: ${failure.error().stack}`));
  context.on("requestfailed", (request) => {
    const why = request.failure()?.errorText ?? "";
    // A page that goes away and a player that changes its mind give requests up; nobody refused them.
    if (why !== "net::ERR_ABORTED") say(`request: ${why} ${request.method()} ${request.url()}`);
  });
  context.on("response", (response) => {
    if (response.status() >= 400) say(`answer: ${response.status()} ${response.request().method()} ${response.url()}`);
  });
}

/** Runs in each page before its own code. */
function watchPage(): void {
  document.addEventListener("securitypolicyviolation", ({ violatedDirective, blockedURI }) => {
    // biome-ignore lint/suspicious/noConsole: this runs in the page, and its console is what is watched
    console.error(`policy: ${violatedDirective} ${blockedURI}`);
  });
  const opened: MediaKeySession[] = [];
  Object.assign(globalThis, { openedKeySessions: opened });
  if (typeof MediaKeys === "undefined") return;
  const { createSession } = MediaKeys.prototype;
  MediaKeys.prototype.createSession = function (...args) {
    const session = createSession.apply(this, args);
    opened.push(session);
    return session;
  };
}
