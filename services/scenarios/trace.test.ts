/** One trace id from a click in the browser to the statements in the database, whichever processes lie between. */

import assert from "node:assert/strict";
import { eventually } from "#pkg/testkit/eventually";
import { theatreOf } from "./browser.ts";
import { film } from "./films.ts";
import { signUpOnPage } from "./pages.ts";
import { untilPlaying } from "./screen.ts";
import { inEveryTopology } from "./stories.ts";
import { idOf, importTitle } from "./titles.ts";

const FILM = { seconds: 4, width: 640, height: 360, frameRate: "24/1" };
const START = "matinee.playback.v1.PlaybackService/StartPlayback";

inEveryTopology("a trace", (cluster) => {
  const theatre = theatreOf(cluster);

  it("that a browser begins is in the logs of every service that had a part, and in the SQL", async () => {
    const { title } = await importTitle(cluster(), await film(FILM), { displayTitle: "Followed to Brackwater" });
    const guest = await theatre().enter("guest");
    await signUpOnPage(guest);
    await using statements = watchStatements();
    const asked = guest.page.waitForRequest((request) => request.url().endsWith(START));
    await guest.goto(`/watch/${idOf(title.name)}`);
    const traceparent = await (await asked).headerValue("traceparent");
    const traceId = /^00-([0-9a-f]{32})-[0-9a-f]{16}-01$/.exec(traceparent ?? "")?.[1] ?? "";
    assert.notEqual(traceId, "", `the browser sent ${traceparent}`);
    await untilPlaying(guest.page);

    const ofTrace = () =>
      cluster()
        .logs()
        .filter((record) => record.traceId === traceId);
    await eventually("the call is logged", () => ofTrace().some(({ target }) => target === START));
    const modules = new Set(ofTrace().map(({ module }) => module));
    for (const module of ["playback", "catalog", "profile"]) {
      assert.ok(modules.has(module), `${module} logged nothing with it, but ${[...modules].join()}`);
    }
    const processes = new Set(ofTrace().map(({ process }) => process));
    assert.equal(processes.size, cluster().topology === "one-process" ? 1 : modules.size);
    await eventually("statements carry it", () => statements.of(traceId).length > 0);
    // https://google.github.io/sqlcommenter/spec/
    for (const text of statements.of(traceId))
      assert.match(text, /\/\*traceparent='00-[0-9a-f]{32}-[0-9a-f]{16}-01'\*\/$/);
    assert.deepEqual(guest.troubles(), []);
  });

  /** Collects what connections run or ran last, until it is disposed. */
  function watchStatements() {
    const seen = new Set<string>();
    let isOver = false;
    const watching = (async () => {
      while (!isOver) {
        const rows = await cluster().sql<{ query: string }>(
          "select query from pg_stat_activity where pid <> pg_backend_pid() and query like '%traceparent=%'",
        );
        for (const { query } of rows) seen.add(query);
      }
    })();
    return {
      of: (traceId: string) => [...seen].filter((query) => query.includes(traceId)),
      async [Symbol.asyncDispose]() {
        isOver = true;
        await watching;
      },
    };
  }
});
