import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Code, ConnectError } from "@connectrpc/connect";
import { ErrorInfoSchema, RetryInfoSchema } from "@matinee/sdk/gen/google/rpc/error_details_pb";
import { CatalogService } from "@matinee/sdk/gen/matinee/catalog/v1/catalog_service_pb";
import { SearchIndex_Reason, SearchIndex_State } from "@matinee/sdk/gen/matinee/catalog/v1/search_index_pb";
import { IngestionService } from "@matinee/sdk/gen/matinee/ingestion/v1/ingestion_service_pb";
import { ProfileService } from "@matinee/sdk/gen/matinee/profile/v1/profile_service_pb";
import { startRpcServer } from "@matinee/sdk/testing/rpc-server";
import { fileSessionStore } from "./credentials.ts";
import { run } from "./program.ts";
import { bytes, duration, table } from "./text.ts";

interface Outcome {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

async function call(argv: readonly string[], env: Record<string, string> = {}): Promise<Outcome> {
  let out = "";
  let err = "";
  const code = await run({
    argv,
    env: { XDG_CONFIG_HOME: "/nonexistent", DATA: "/nonexistent", MATINEE_URL: "http://127.0.0.1:9", ...env },
    out: { write: (text) => (out += text) },
    err: { write: (text) => (err += text) },
    signal: new AbortController().signal,
  });
  return { code, out, err };
}

describe("matinee", () => {
  it("explains every command with examples", async () => {
    const { code, out } = await call(["help", "import"]);
    assert.equal(code, 0);
    assert.match(out, /Ctrl-C stops it; the same command goes on/);
    assert.match(out, /Examples:/);
  });

  it("calls a wrong command a usage error and names the help", async () => {
    const { code, err } = await call(["imprt"]);
    assert.equal(code, 2);
    assert.match(err, /Did you mean import\?/);
  });

  it("says in one line what to do where the platform cannot be reached", async () => {
    const { code, err } = await call(["titles"], { MATINEE_TOKEN: "token" });
    assert.equal(code, 3);
    assert.match(err, /cannot be reached at the moment. \(UNREACHABLE\)\n {2}Start it with "matinee up"/);
    assert.doesNotMatch(err, /\n\s+at /);
  });

  it("says how to sign in where nobody is, and that nothing answers where nothing does", async () => {
    await using server = await startRpcServer(() => undefined);
    const { code, err } = await call(["jobs"], { MATINEE_URL: server.origin });
    assert.equal(code, 4);
    assert.match(err, /matinee login/);
    const dead = await call(["jobs", "list"]);
    assert.equal(dead.code, 3);
    assert.match(dead.err, /UNREACHABLE/);
  });

  it("takes a plain 503 for a service that cannot be reached", async () => {
    const server = createServer((_request, response) => response.writeHead(503).end("no healthy upstream"));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as AddressInfo;
    const { code, err } = await call(["titles"], { MATINEE_TOKEN: "token", MATINEE_URL: `http://127.0.0.1:${port}` });
    server.closeAllConnections();
    server.close();
    assert.deepEqual([code, /UNREACHABLE/.test(err)], [3, true], err);
  });

  it("waits where it may not sign in so often, says so once on stderr, and goes on", async () => {
    let tries = 0;
    const refused = () => {
      tries += 1;
      if (tries > 2)
        return { tokens: { accessToken: "a", refreshToken: "r", accessTokenExpireTime: { seconds: 4_000_000_000n } } };
      throw new ConnectError("too many tries", Code.ResourceExhausted, undefined, [
        { desc: ErrorInfoSchema, value: { reason: "SIGN_IN_TOO_OFTEN" } },
        { desc: RetryInfoSchema, value: { retryDelay: { seconds: 0n, nanos: 20_000_000 } } },
      ]);
    };
    await using server = await startRpcServer((router) => {
      router.service(ProfileService, { signIn: refused });
      router.service(CatalogService, { listTitles: () => ({ titles: [] }) });
    });
    const { code, err } = await call(["titles"], { MATINEE_PASSWORD: "password", MATINEE_URL: server.origin });
    assert.equal(code, 0, err);
    assert.equal(err.match(/waiting: .*SIGN_IN_TOO_OFTEN/g)?.length, 1);
    assert.equal(tries, 3);
  });

  it("says which limit an import passes, once and without trying again", async () => {
    const folder = await mkdtemp(join(tmpdir(), "matinee-cli-"));
    let tries = 0;
    await using server = await startRpcServer((router) => {
      router.service(ProfileService, {
        signIn: () => ({
          tokens: { accessToken: "a", refreshToken: "r", accessTokenExpireTime: { seconds: 4_000_000_000n } },
        }),
      });
      router.service(IngestionService, {
        createUpload() {
          tries += 1;
          const message = "The films of this account may have 20 TiB together; delete one first.";
          throw new ConnectError(message, Code.ResourceExhausted, undefined, [
            { desc: ErrorInfoSchema, value: { reason: "UPLOAD_QUOTA_EXCEEDED", metadata: { limit: "stored_bytes" } } },
          ]);
        },
      });
    });
    try {
      const film = join(folder, "film.mp4");
      await writeFile(film, "x");
      const env = { MATINEE_PASSWORD: "password", MATINEE_URL: server.origin, XDG_STATE_HOME: folder };
      const { code, err } = await call(["import", film], { ...env, XDG_CONFIG_HOME: folder });
      assert.equal(code, 1, err);
      assert.match(err, /may have 20 TiB together; delete one first\. \(UPLOAD_QUOTA_EXCEEDED\)/);
      assert.equal(tries, 1);
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it("follows a rebuild of the search index to its end, or does not wait for it", async () => {
    const { WAITING, REBUILDING, READY } = SearchIndex_State;
    const states = [
      { state: REBUILDING, doneCount: 100n, totalCount: 200n },
      { state: REBUILDING, doneCount: 200n, totalCount: 201n },
      { state: READY, doneCount: 201n, totalCount: 201n },
    ];
    await using server = await startRpcServer((router) => {
      router.service(CatalogService, {
        // the counts are those of the rebuild before
        rebuildSearchIndex: () => ({ searchIndex: { state: WAITING, doneCount: 7n, totalCount: 7n } }),
        getSearchIndex: () => ({ searchIndex: states.shift() ?? { state: READY, reason: SearchIndex_Reason.ASKED } }),
      });
    });
    const env = { MATINEE_TOKEN: "token", MATINEE_URL: server.origin };
    const rebuilt = await call(["search-index", "rebuild"], env);
    assert.equal(rebuilt.code, 0, rebuilt.err);
    assert.deepEqual(
      rebuilt.out.split("\n").map((line) => line.trim().replaceAll(/ +/g, " ")),
      [
        "index 0 % waiting",
        "index 50 % 100 of 200 titles",
        "index 99 % 200 of 201 titles",
        "The search index is rebuilt from 201 titles.",
        "",
      ],
    );
    const asked = await call(["search-index", "rebuild", "--no-wait", "--json"], env);
    assert.equal(JSON.parse(asked.out).searchIndex.state, "STATE_WAITING");
    const shown = await call(["search-index"], env);
    assert.match(shown.out, /^The search index is ready\.\n {2}Why +asked\n/);
  });

  it("answers errors as one line of JSON with --json", async () => {
    const { code, out, err } = await call(["--json", "titles", "show", "nonsense"]);
    assert.equal(code, 2);
    assert.equal(out, "");
    const { error } = JSON.parse(err) as { error: { message: string } };
    assert.match(error.message, /is not a name such as titles\//);
  });

  it("refuses to publish what has no synopsis before it uploads anything", async () => {
    const folder = await mkdtemp(join(tmpdir(), "matinee-cli-"));
    try {
      const film = join(folder, "film.mp4");
      await writeFile(film, "x");
      const { code, err } = await call(["import", film, "--title", "Film", "--publish"]);
      assert.equal(code, 2);
      assert.match(err, /needs a synopsis/);
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});

describe("fileSessionStore", () => {
  const session = {
    accessToken: "a",
    accessExpiresMs: 1,
    refreshToken: "r",
    account: "accounts/1",
    email: "a@b.test",
    isOperator: true,
    isCreator: false,
    profile: "profiles/1",
    displayName: "A",
  };

  it("keeps one session for each origin, readable by its owner alone", async () => {
    const folder = await mkdtemp(join(tmpdir(), "matinee-cli-"));
    try {
      const path = join(folder, "matinee", "credentials.json");
      const one = fileSessionStore(path, "http://one");
      const two = fileSessionStore(path, "http://two");
      await one.save(session);
      await two.save({ ...session, email: "c@d.test" });
      assert.equal((await one.load())?.email, "a@b.test");
      assert.equal((await stat(path)).mode & 0o777, 0o600);
      await one.save(undefined);
      assert.equal(await one.load(), undefined);
      assert.match(await readFile(path, "utf8"), /c@d.test/);
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it("lets only one process refresh at a time", async () => {
    const folder = await mkdtemp(join(tmpdir(), "matinee-cli-"));
    try {
      const path = join(folder, "credentials.json");
      let inside = 0;
      let most = 0;
      const work = async () => {
        inside += 1;
        most = Math.max(most, inside);
        await new Promise((resolve) => setImmediate(resolve));
        inside -= 1;
      };
      const stores = [0, 1, 2].map(() => fileSessionStore(path, "http://one"));
      await Promise.all(stores.map((store) => store.exclusive(work)));
      assert.equal(most, 1);
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});

describe("text", () => {
  it("writes sizes, times and tables for people", () => {
    assert.equal(bytes(999), "999 B");
    assert.equal(bytes(1_540_000), "1.5 MB");
    assert.equal(duration(59.6), "1 min 00 s");
    assert.equal(duration(3723), "1 h 02 min");
    assert.equal(table(["a", "b"], [["long", "x"]]), "A     B\nlong  x");
  });
});

describe("a table", () => {
  it("shows what people wrote without what would steer the terminal", () => {
    const shown = table(["title"], [["\u001b]0;gotcha\u0007Night\u202etrain"]]);
    assert.equal(shown, "TITLE\n]0;gotchaNighttrain");
  });
});
