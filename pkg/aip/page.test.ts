import assert from "node:assert/strict";
import { isAppError } from "#pkg/errors/errors";
import { refused } from "#pkg/testkit/refused";
import { loadPage } from "./page.ts";

const all = Array.from({ length: 7 }, (_, id) => ({ id }));
const page = (pageSize: number, pageToken: string, parameters: readonly string[] = ["a"]) =>
  loadPage(
    { pageSize, pageToken },
    {
      parameters,
      fallbackSize: 3,
      maxSize: 5,
      load: async (limit, after) => all.filter(({ id }) => id > Number(after?.id ?? -1)).slice(0, limit),
      cursorOf: ({ id }) => ({ id }),
    },
  );

describe("a paged list", () => {
  it("walks through everything once and ends with an empty token", async () => {
    const seen: number[] = [];
    for (let token = ""; ; ) {
      const { items, nextPageToken } = await page(2, token);
      seen.push(...items.map(({ id }) => id));
      token = nextPageToken;
      if (token === "") break;
    }
    assert.deepEqual(seen, [0, 1, 2, 3, 4, 5, 6]);
  });

  it("coerces the size: 0 to the default, too large to the maximum", async () => {
    assert.equal((await page(0, "")).items.length, 3);
    assert.equal((await page(1000, "")).items.length, 5);
  });

  it("refuses a token that was made under other fields, or not here at all", async () => {
    const { nextPageToken } = await page(2, "");
    for (const attempt of [page(2, nextPageToken, ["b"]), page(2, "garbage"), page(2, "e30")]) {
      await assert.rejects(attempt, refused("PAGE_TOKEN_INVALID"));
    }
  });

  it("refuses a token that holds no position, as the store finds out", async () => {
    const { nextPageToken } = await page(2, "");
    const asked = (pageToken: string, error: Error) =>
      loadPage(
        { pageSize: 2, pageToken },
        { parameters: ["a"], load: () => Promise.reject(error), cursorOf: () => ({ id: 0 }) },
      );
    const notUuid = Object.assign(new Error("invalid input syntax for type uuid"), { code: "22P02" });
    for (const error of [notUuid, new RangeError("Invalid time value")]) {
      await assert.rejects(asked(nextPageToken, error), (thrown) => isAppError(thrown, "PAGE_TOKEN_INVALID"));
      await assert.rejects(asked("", error), error, "without a token the fault is not the caller's");
    }
    const lost = Object.assign(new Error("connection lost"), { code: "08006" });
    await assert.rejects(asked(nextPageToken, lost), lost);
  });
});
