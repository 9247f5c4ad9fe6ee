import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, lstat, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { type AddressInfo, createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { eventually } from "#pkg/testkit/eventually";
import { runConfined } from "./confined.ts";
import { type Confinement, describeConfinement, findConfinement } from "./confinement.ts";
import { SYSTEM_PATH } from "./find.ts";
import { runProgram } from "./run.ts";

const LIMITS = { timeMs: 60_000, stdoutBytes: 1_000_000, memoryBytes: 4 * 1024 ** 3 };
const SECRET = "hunter2 was here";

describe("a program without rights", () => {
  let folder: string;
  let secret: string;
  let input: string;
  let listener: Server;
  let port: number;
  let connections = 0;
  let best: Confinement;

  before(async () => {
    best = await findConfinement();
    folder = await mkdtemp(join(tmpdir(), "matinee-confined-"));
    await mkdir(join(folder, "work"));
    secret = join(folder, "secrets");
    await writeFile(secret, SECRET, { mode: 0o600 });
    input = join(folder, "input");
    await writeFile(input, "the input", { mode: 0o600 });
    listener = createServer((socket) => {
      connections++;
      socket.destroy();
    });
    listener.listen(0, "127.0.0.1");
    await once(listener, "listening");
    port = (listener.address() as AddressInfo).port;
    process.env.MATINEE_TEST_SECRET = SECRET;
  });
  after(async () => {
    delete process.env.MATINEE_TEST_SECRET;
    listener.close();
    await rm(folder, { recursive: true, force: true });
  });

  afterEach(() => rm(output(), { force: true }));

  /** What a program that was taken over would try; it prints what worked. */
  const attack = () => `
    grep -q hunter2 ${secret} 2>/dev/null && echo file
    ls ${folder}/work/ >/dev/null 2>&1 && echo folder
    tr '\\0' '\\n' < /proc/${process.pid}/environ 2>/dev/null | grep -q . && echo environ
    kill -0 ${process.pid} 2>/dev/null && echo process
    (exec 3<>/dev/tcp/127.0.0.1/${port}) 2>/dev/null && echo network
    env | grep -q hunter2 && echo environment
    touch /usr/matinee-test 2>/dev/null && rm /usr/matinee-test && echo system
    unshare --user true 2>/dev/null && echo namespace
    grep -q 'CapEff:.*[1-9a-f]' /proc/self/status && echo capabilities
    grep -q 'NoNewPrivs:.*0' /proc/self/status && echo privileges
    exit 0`;
  const output = () => join(folder, "work", "output");
  const confined = (script: string, how?: Confinement, signal?: AbortSignal) =>
    runConfined(
      {
        program: "bash",
        args: (inside) => ["-c", script, "bash", inside(input), inside(output())],
        env: { PATH: SYSTEM_PATH },
        limits: LIMITS,
        reads: [input],
        writes: [output()],
        ...(signal && { signal }),
      },
      how,
    );
  const COPY = 'cat "$1" > "$2"';
  const kinds = (): Confinement[] => [
    ...(best.kind === "namespaces" ? [best] : []),
    ...(best.user === undefined ? [] : [{ ...best, kind: "user" as const, hasSeccomp: false }]),
    { kind: "limits", user: undefined, hasSeccomp: false, lacks: ["this is a test"] },
  ];

  it("reads its input, writes its output, and leaves nothing beside it", async () => {
    for (const how of kinds()) {
      const ended = await confined(`${COPY}; touch "$(dirname "$2")/rest"`, how);
      assert.equal(ended.how, "done", `${how.kind}: ${ended.tail}`);
      assert.equal(await readFile(output(), "utf8"), "the input", how.kind);
      const { uid } = await lstat(output());
      assert.equal(uid, process.getuid?.(), how.kind);
      assert.deepEqual(await readdir(join(folder, "work")), ["output"], how.kind);
      await rm(output());
    }
  });

  it("reaches no file, process, network or right beside them, all of which it would without this", async () => {
    const free = await runProgram({ argv: ["bash", "-c", attack()], env: { PATH: SYSTEM_PATH }, limits: LIMITS });
    for (const way of ["file", "folder", "environ", "process", "network", "privileges"]) {
      assert.match(free.stdout, new RegExp(`^${way}$`, "m"), `the probe sees ${way}`);
    }
    await eventually("the listener was reached", () => connections === 1);
    const ended = await confined(`${attack().replace(/exit 0$/, "")}${COPY}`);
    assert.equal(ended.how, "done", ended.tail);
    if (best.kind === "namespaces") {
      assert.equal(ended.stdout, "");
      assert.equal(connections, 1);
    } else {
      // Nothing is silent about it: what is not kept from it is what the confinement says that it lacks.
      assert.notDeepEqual(best.lacks, []);
    }
  });

  it("where there are no namespaces, reaches at most the network as a user of its own, and says so", async () => {
    const how = kinds().find(({ kind }) => kind === "user");
    if (how === undefined) {
      // Only root can become another user.
      assert.notEqual(process.getuid?.(), 0);
      return;
    }
    await chmod(folder, 0o700);
    const ended = await confined(`${attack().replace(/exit 0$/, "")}${COPY}`, how);
    assert.deepEqual(new Set(ended.stdout.trim().split("\n")), new Set(["network", "namespace"]), ended.tail);
    assert.match(describeConfinement({ ...how, lacks: ["no bubblewrap"] }), /with network.*no bubblewrap/);
  });

  it("as an ordinary user is without rights as well", async () => {
    if (process.getuid?.() !== 0) return;
    const home = await mkdtemp(join(tmpdir(), "matinee-ordinary-"));
    await chmod(home, 0o777);
    const modules = new URL(".", import.meta.url).href;
    const script = `
      const { runConfined } = await import("${modules}confined.ts");
      const { findConfinement } = await import("${modules}confinement.ts");
      const { writeFile, readFile } = await import("node:fs/promises");
      await writeFile("${home}/in", "the input", { mode: 0o600 });
      await writeFile("${home}/secret", "hunter2", { mode: 0o600 });
      const ended = await runConfined({
        program: "bash", env: { PATH: "/usr/bin:/bin" }, limits: { timeMs: 60000, stdoutBytes: 1000 },
        args: (inside) => ["-c", 'cat "$1" > "$2"; cat ${home}/secret; (exec 3<>/dev/tcp/127.0.0.1/${port}) && echo network; echo', "bash",
          inside("${home}/in"), inside("${home}/out")],
        reads: ["${home}/in"], writes: ["${home}/out"] });
      console.log(JSON.stringify({ ...ended, found: await findConfinement(), out: await readFile("${home}/out", "utf8") }));`;
    const ended = await runProgram({
      argv: [
        "setpriv",
        "--reuid=65534",
        "--regid=65534",
        "--clear-groups",
        "--",
        process.execPath,
        "--input-type=module",
        "-e",
        script,
      ],
      env: { PATH: SYSTEM_PATH },
      cwd: home,
      // Node reserves more address space than a media tool may have.
      limits: { timeMs: LIMITS.timeMs, stdoutBytes: LIMITS.stdoutBytes },
    });
    await rm(home, { recursive: true, force: true });
    const said = JSON.parse(ended.stdout || JSON.stringify(ended)) as {
      how: string;
      stdout: string;
      tail: string;
      out: string;
      found: Confinement;
    };
    assert.equal(said.how, "done", said.tail);
    assert.equal(said.out, "the input");
    assert.equal(said.found.user, undefined);
    if (said.found.kind === "namespaces") assert.equal(said.stdout.trim(), "");
    else assert.notDeepEqual(said.found.lacks, []);
  });

  it("is refused an output that is a link to what only we may read, and leaves none", async () => {
    for (const how of kinds()) {
      for (const script of [`ln -s ${secret} "$2"`, 'mkdir "$2"', "true", `${COPY}; ln "$2" "$(dirname "$2")/twin"`]) {
        const ended = await confined(script, how);
        assert.equal(ended.how, "failed", `${how.kind}: ${script}`);
        assert.match(ended.exit, /did not write|not a file of its own/);
        assert.deepEqual(await readdir(join(folder, "work")), [], `${how.kind}: ${script}`);
      }
    }
  });

  it("keeps no output of a run that failed or was cancelled, and no process", async () => {
    for (const how of kinds()) {
      assert.equal((await confined(`${COPY}; exit 1`, how)).how, "failed", how.kind);
      const abort = new AbortController();
      const mark = `sleep 10${how.kind.length}01`;
      const running = confined(`${COPY}; ${mark}; true`, how, abort.signal);
      const alive = async () => {
        for (const pid of await readdir("/proc")) {
          if (!/^\d+$/.test(pid)) continue;
          const command = await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "");
          if (command.startsWith(mark.replace(" ", "\0"))) return true;
        }
        return false;
      };
      await eventually("it runs", alive);
      abort.abort(new Error("enough"));
      await assert.rejects(running, /enough/, how.kind);
      await eventually("it is gone", async () => !(await alive()));
      assert.deepEqual(await readdir(join(folder, "work")), [], how.kind);
    }
  });

  it("dies with us, even when we are killed", async () => {
    for (const how of kinds()) {
      const mark = `sleep 20${how.kind.length}02`;
      const script = `
        const { runConfined } = await import(${JSON.stringify(new URL("./confined.ts", import.meta.url).href)});
        await runConfined({ program: "bash", args: () => ["-c", "${mark}; true"], env: { PATH: "/usr/bin:/bin" },
          limits: { timeMs: 1e6, stdoutBytes: 1e6 }, reads: [], writes: [] }, ${JSON.stringify(how)});`;
      const host = spawn(process.execPath, ["--input-type=module", "-e", script], { stdio: "ignore" });
      const bash = async () => {
        for (const pid of await readdir("/proc")) {
          if (!/^\d+$/.test(pid)) continue;
          const command = await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "");
          if (/^\S*bash\0-c\0/.test(command) && command.includes(mark)) return true;
        }
        return false;
      };
      await eventually("it runs", bash);
      host.kill("SIGKILL");
      await once(host, "close");
      await eventually("it is gone", async () => !(await bash()));
    }
  });
});
