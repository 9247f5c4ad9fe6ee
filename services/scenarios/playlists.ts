/** Reads HLS playlists as a strict client would (RFC 8216). */

import assert from "node:assert/strict";

export interface Segment {
  readonly seconds: number;
  readonly start: number;
  readonly bytes: number;
}

export interface MediaPlaylist {
  readonly url: string;
  /** "variant", or the type of the rendition. */
  readonly kind: string;
  readonly segments: readonly Segment[];
  readonly isEncrypted: boolean;
}

export interface Playlists {
  readonly variants: readonly { readonly url: string; readonly height: number }[];
  readonly renditions: readonly { readonly type: string; readonly language: string; readonly url: string }[];
  readonly media: readonly MediaPlaylist[];
}

/** Fetches the multivariant playlist and all that it names. Throws an AssertionError where one breaks the rules. */
export async function readPlaylists(url: string): Promise<Playlists> {
  const lines = await linesOf(url);
  const variants: { url: string; height: number }[] = [];
  const renditions: { type: string; language: string; url: string }[] = [];
  for (const [index, line] of lines.entries()) {
    if (line.startsWith("#EXT-X-STREAM-INF:")) {
      const attributes = attributesOf(line);
      for (const name of ["BANDWIDTH", "CODECS", "RESOLUTION"]) assert.ok(attributes.has(name), `${name} in ${line}`);
      const next = lines[index + 1] ?? "";
      assert.ok(next !== "" && !next.startsWith("#"), `a URI follows ${line}`);
      const height = Number(attributes.get("RESOLUTION")?.split("x")[1]);
      variants.push({ url: new URL(next, url).href, height });
    }
    if (line.startsWith("#EXT-X-MEDIA:")) {
      const attributes = attributesOf(line);
      for (const name of ["TYPE", "GROUP-ID", "NAME"]) assert.ok(attributes.has(name), `${name} in ${line}`);
      const uri = attributes.get("URI");
      const type = attributes.get("TYPE") ?? "";
      if (uri !== undefined)
        renditions.push({ type, language: attributes.get("LANGUAGE") ?? "", url: new URL(uri, url).href });
    }
  }
  const named = [
    ...variants.map((one) => ({ kind: "variant", url: one.url })),
    ...renditions.map((one) => ({ kind: one.type, url: one.url })),
  ];
  return { variants, renditions, media: await Promise.all(named.map((one) => readMedia(one.url, one.kind))) };
}

async function readMedia(url: string, kind: string): Promise<MediaPlaylist> {
  const lines = await linesOf(url);
  const target = Number(/^#EXT-X-TARGETDURATION:(\d+)$/m.exec(lines.join("\n"))?.[1]);
  assert.ok(target > 0, `${url} has a target duration`);
  assert.equal(lines.at(-1), "#EXT-X-ENDLIST");
  assert.ok(lines.includes("#EXT-X-PLAYLIST-TYPE:VOD"));
  const segments: Segment[] = [];
  let seconds: number | undefined;
  let range: { start: number; bytes: number } | undefined;
  let expected: number | undefined;
  for (const line of lines) {
    if (line.startsWith("#EXTINF:")) seconds = Number.parseFloat(line.slice("#EXTINF:".length));
    if (line.startsWith("#EXT-X-BYTERANGE:")) {
      const [bytes = 0, start] = line.slice("#EXT-X-BYTERANGE:".length).split("@").map(Number);
      range = { bytes, start: start ?? expected ?? Number.NaN };
    }
    if (line === "" || line.startsWith("#")) continue;
    const file = new URL(line, url).href;
    if (seconds === undefined) return assert.fail(`${line} has no duration`);
    assert.ok(Math.round(seconds) <= target, `${seconds} s is within the target of ${target} s`);
    if (range !== undefined) {
      if (expected !== undefined) assert.equal(range.start, expected, "ranges follow each other");
      expected = range.start + range.bytes;
      const answer = await fetch(file, { headers: { range: `bytes=${range.start}-${expected - 1}` } });
      const bytes = (await answer.arrayBuffer()).byteLength;
      assert.deepEqual([answer.status, bytes], [206, range.bytes], file);
    }
    segments.push({ seconds, start: range?.start ?? 0, bytes: range?.bytes ?? 0 });
    seconds = undefined;
    range = undefined;
  }
  assert.ok(segments.length > 0);
  const isEncrypted = lines.some((line) => line.startsWith("#EXT-X-KEY:") && !line.includes("METHOD=NONE"));
  return { url, kind, segments, isEncrypted };
}

async function linesOf(url: string): Promise<readonly string[]> {
  const answer = await fetch(url);
  assert.equal(answer.status, 200, url);
  assert.equal(answer.headers.get("content-type"), "application/vnd.apple.mpegurl");
  const lines = (await answer.text()).trimEnd().split("\n");
  assert.equal(lines[0], "#EXTM3U");
  return lines;
}

function attributesOf(line: string): ReadonlyMap<string, string> {
  return new Map(
    [...line.slice(line.indexOf(":") + 1).matchAll(/([A-Z0-9-]+)=("([^"]*)"|[^,]*)/g)].map(
      ([, name = "", raw = "", quoted]): [string, string] => [name, quoted ?? raw],
    ),
  );
}
