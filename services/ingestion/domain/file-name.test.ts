import assert from "node:assert/strict";
import { toFileName } from "./file-name.ts";

describe("file names", () => {
  const cases: readonly (readonly [string, string, string])[] = [
    ["keeps a plain name", "film.mp4", "film.mp4"],
    ["keeps emoji, also those that are joined from several", "🎬 Mein Film 👩‍👩‍👧‍👦.mp4", "🎬 Mein Film 👩‍👩‍👧‍👦.mp4"],
    ["keeps letters of every script", "فيلم – 映画.mov", "فيلم – 映画.mov"],
    ["drops folders of both kinds of systems", "../../etc/C:\\films\\🎬.mp4", "🎬.mp4"],
    ["drops a separator at the end", "films/", "films"],
    ["drops control characters and line breaks", "fi\u0000lm\r\n.m\u001bp4\u0085", "film.mp4"],
    ["drops marks that turn the direction of text", "film\u202e4pm.exe\u2066", "film4pm.exe"],
    ["drops halves of characters", "film\ud83c.mp4", "film.mp4"],
    ["drops dots and spaces at the ends", " ..film.mp4. ", "film.mp4"],
    ["composes letters", "Cafe\u0301.mp4", "Café.mp4"],
    ["has a name where nothing is left", "../..", "unnamed"],
    ["has a name where there were only controls", "\u202e\u0007", "unnamed"],
  ];
  for (const [title, raw, expected] of cases) it(title, () => assert.equal(toFileName(raw), expected));

  it("keeps the extension of a name that is too long", () => {
    const name = toFileName(`${"🎬".repeat(300)}.mp4`);
    assert.equal([...name].length, 255);
    assert.ok(name.endsWith("🎬.mp4"));
  });

  it("changes nothing in a name that it made", () => {
    for (const [, raw] of cases) assert.equal(toFileName(toFileName(raw)), toFileName(raw));
  });
});
