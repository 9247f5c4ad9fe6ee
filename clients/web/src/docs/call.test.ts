/** What is made of the bytes that a call brings. */

import assert from "node:assert/strict";
import { envelope, envelopes, refusalOf } from "./call.ts";

/** As an end-of-stream message has it. */
function ending(text: string): Uint8Array {
  const bytes = envelope(text);
  bytes[0] = 2;
  return bytes;
}

/** The bytes in pieces of this length. */
async function* pieces(bytes: Uint8Array, length: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.byteLength; at += length) yield bytes.subarray(at, at + length);
}

async function all<T>(items: AsyncIterable<T>): Promise<readonly T[]> {
  const list: T[] = [];
  for await (const item of items) list.push(item);
  return list;
}

describe("the messages of a stream", () => {
  const sent = Buffer.concat([envelope('{"a":"ä"}'), envelope("{}"), ending('{"error":{"code":"aborted"}}')]);

  for (const length of [1, 3, 7, sent.byteLength]) {
    it(`are whole, in whatever pieces they come: ${length} bytes`, async () => {
      const got = await all(envelopes(pieces(sent, length)));
      assert.deepEqual(got, [
        { isEnd: false, text: '{"a":"ä"}' },
        { isEnd: false, text: "{}" },
        { isEnd: true, text: '{"error":{"code":"aborted"}}' },
      ]);
    });
  }

  it("are not made up where the last one was cut off", async () => {
    assert.equal((await all(envelopes(pieces(sent.subarray(0, -1), 100)))).length, 2);
  });
});

describe("a refusal", () => {
  it("has the reason of its details, its code, or the number of HTTP", () => {
    const detailed = {
      code: "not_found",
      details: [{ type: "x", value: "" }, { debug: { reason: "TITLE_NOT_FOUND" } }],
    };
    assert.equal(refusalOf(404, JSON.stringify(detailed)).reason, "TITLE_NOT_FOUND");
    assert.equal(refusalOf(404, '{"code":"not_found"}').reason, "NOT_FOUND");
    assert.equal(refusalOf(502, "<html>bad gateway</html>").reason, "HTTP 502");
    assert.equal(refusalOf(502, "null").text, "null");
  });
});
