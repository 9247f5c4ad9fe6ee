import assert from "node:assert/strict";
import { DOMParser, type Element } from "@xmldom/xmldom";
import type { TrackHeader } from "./isobmff.ts";
import { type ManifestText, manifestsOf, type Packaged, type Signaling } from "./manifests.ts";
import type { AudioTrack, TextTrack, VideoTrack } from "./revision.ts";

const KEY_IDS = { audio: "aa".repeat(16), sd: "5d".repeat(16), hd: "4d".repeat(16), uhd: "0d".repeat(16) };
const ASSET = "0198c0de-0000-7000-8000-000000000003";
const blob = { store: "mezzanine", key: "k", sha256: "0".repeat(64), sizeBytes: 1 };

const header: TrackHeader = {
  initRange: { start: 0, end: 999 },
  indexRange: { start: 1000, end: 1099 },
  sampleEntries: ["encv"],
  encryption: undefined,
  timescale: 24_000,
  segments: [
    { range: { start: 1100, end: 101_099 }, duration: 96_096 },
    { range: { start: 101_100, end: 151_099 }, duration: 48_048 },
  ],
};

const video = (width: number, height: number): VideoTrack => ({
  ...{ kind: "video", id: `video-${height}p`, label: `${height}p`, codec: "avc1.64001f", width, height, blob },
  ...{ frameRate: { numerator: 24_000, denominator: 1001 }, bitsPerSecond: 1_000_000, isDefault: false },
});

const audio = (id: string, language: string, label: string, more: Partial<AudioTrack> = {}): AudioTrack => ({
  ...{ kind: "audio", id, label, codec: "mp4a.40.2", language, channels: 2, isDescription: false, blob },
  ...{ bitsPerSecond: 128_000, isDefault: false, ...more },
});

const text = (id: string, language: string, label: string, more: Partial<TextTrack> = {}): TextTrack => ({
  ...{ kind: "text", id, label, codec: "wvtt", language, isForced: false, isSdh: false, blob },
  ...{ bitsPerSecond: 60, isDefault: false, ...more },
});

const VIDEOS = [video(640, 360), video(1024, 576), video(1280, 720), video(1920, 1080), video(3840, 2160)];
const AUDIOS = [
  audio("audio-en-1", "en", "English", { isDefault: true }),
  audio("audio-pt-br-2", "pt-BR", 'Português "Brasil"'),
  audio("audio-en-3", "en", "English", { isDescription: true }),
  audio("audio-en-4", "en", "English 5.1", { channels: 6, isDefault: false }),
];
const TEXTS = [
  text("text-en-1", "en", "English (SDH)", { isSdh: true, isDefault: true }),
  text("text-de-2", "de", "Deutsch", { isForced: true }),
];

/** What Shaka Packager writes for such tracks, as far as it matters. */
function packagerMpd(): string {
  const sets = [
    ...[VIDEOS.slice(0, 2), VIDEOS.slice(2, 4), VIDEOS.slice(4)].map(
      (
        videos,
        index,
      ) => `<AdaptationSet id="${index}" contentType="video" maxWidth="${videos.at(-1)?.width}" maxHeight="${videos.at(-1)?.height}" par="16:9">
        <ContentProtection schemeIdUri="urn:mpeg:dash:mp4protection:2011" value="cbcs"/>
        <SupplementalProperty schemeIdUri="urn:mpeg:dash:adaptation-set-switching:2016" value="9"/>
        <Role schemeIdUri="urn:mpeg:dash:role:2011" value="main"/>
        ${videos.map((one) => representation(one.id, `width="${one.width}" height="${one.height}"`)).join("\n")}
      </AdaptationSet>`,
    ),
    ...AUDIOS.map(
      (one, index) =>
        `<AdaptationSet id="${index + 3}" contentType="audio" lang="${one.language}"><Label>${one.id}</Label>${representation(one.id, "")}</AdaptationSet>`,
    ),
  ];
  return `<?xml version="1.0" encoding="UTF-8"?>
<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" xmlns:cenc="urn:mpeg:cenc:2013" type="static"><Period id="0">${sets.join("\n")}</Period></MPD>`;
}

const representation = (id: string, attributes: string) =>
  `<Representation id="x" bandwidth="1" ${attributes} mimeType="video/mp4"><BaseURL>${id}.mp4</BaseURL><SegmentBase indexRange="1000-1099"><Initialization range="0-999"/></SegmentBase></Representation>`;

const SIGNALING: Signaling = {
  systemIds: ["1077efec-c0b2-4d02-ace3-3c1e52e2fb4b"],
  hlsKeyFormats: ["com.apple.streamingkeydelivery"],
};

function make(protection: "clear" | "cbcs", signaling = SIGNALING): ManifestText[] {
  const keyIdOf = (track: VideoTrack | AudioTrack) =>
    track.kind === "audio"
      ? KEY_IDS.audio
      : track.height <= 576
        ? KEY_IDS.sd
        : track.height <= 1080
          ? KEY_IDS.hd
          : KEY_IDS.uhd;
  const packaged: Packaged[] = [
    ...[...VIDEOS, ...AUDIOS].map((track) => ({
      ...{ track, file: `${track.id}.mp4`, codec: track.codec, header },
      keyId: protection === "clear" ? undefined : keyIdOf(track),
    })),
    ...TEXTS.map((track) => ({ track, file: `${track.id}.vtt` })),
  ];
  return manifestsOf({ assetId: ASSET, durationSeconds: 6.006, mpd: packagerMpd(), packaged, signaling });
}

const encrypted = make("cbcs");
const clear = make("clear");
const textOf = (manifests: readonly ManifestText[], file: string) => {
  const found = manifests.find((manifest) => manifest.file === file);
  assert.ok(found, file);
  return found.text;
};
const elements = (within: { getElementsByTagName(name: string): Iterable<Element> }, name: string) => [
  ...within.getElementsByTagName(name),
];
const parse = (mpd: string) =>
  new DOMParser({ onError: (level, message) => assert.fail(`${level}: ${message}`) }).parseFromString(mpd, "text/xml");

describe("the manifests", () => {
  it("are one for each ceiling and format, and one playlist for each track", () => {
    assert.deepEqual(
      encrypted.flatMap(({ file, entry }) => (entry === undefined ? [] : [[file, entry.format, entry.ceiling]])),
      (["sd", "hd", "uhd"] as const).flatMap((ceiling) => [
        [`${ceiling}.mpd`, "dash", ceiling],
        [`${ceiling}.m3u8`, "hls", ceiling],
      ]),
    );
    assert.equal(encrypted.filter(({ entry }) => entry === undefined).length, 11);
    assert.equal(new Set(encrypted.map(({ file }) => file)).size, encrypted.length);
  });

  it("name no host and no folder", () => {
    for (const { text: manifest } of [...encrypted, ...clear]) {
      for (const [, url = ""] of manifest.matchAll(/URI="([^"]*)"|<BaseURL>([^<]*)</g)) {
        assert.doesNotMatch(url, /^(https?:|\/|\.\.)/);
      }
    }
  });

  describe("in DASH", () => {
    for (const [ceiling, heights] of [
      ["sd", ["360", "576"]],
      ["hd", ["360", "576", "720", "1080"]],
      ["uhd", ["360", "576", "720", "1080", "2160"]],
    ] as const) {
      it(`hold under ${ceiling} the pictures up to it, and the keys of nothing else`, () => {
        const mpd = parse(textOf(encrypted, `${ceiling}.mpd`));
        const videos = elements(mpd, "AdaptationSet").filter((set) => set.getAttribute("contentType") === "video");
        const shown = videos.flatMap((set) => elements(set, "Representation").map((one) => one.getAttribute("height")));
        assert.deepEqual(shown, heights);
        const expected = new Set([KEY_IDS.audio, KEY_IDS.sd]);
        if (ceiling !== "sd") expected.add(KEY_IDS.hd);
        if (ceiling === "uhd") expected.add(KEY_IDS.uhd);
        for (const pssh of elements(mpd, "cenc:pssh")) {
          const box = Buffer.from(pssh.textContent ?? "", "base64");
          assert.equal(box.readUInt32BE(0), box.byteLength);
          assert.equal(box.subarray(4, 9).toString("hex"), "7073736801");
          assert.equal(box.subarray(12, 28).toString("hex"), "1077efecc0b24d02ace33c1e52e2fb4b");
          const count = box.readUInt32BE(28);
          const ids = Array.from({ length: count }, (_, i) => box.subarray(32 + 16 * i, 48 + 16 * i).toString("hex"));
          assert.deepEqual(new Set(ids), expected);
          assert.equal(box.readUInt32BE(32 + 16 * count), 0);
        }
        const ids = videos.map((set) => set.getAttribute("id"));
        for (const set of videos) {
          const [switching] = elements(set, "SupplementalProperty");
          const others = ids.filter((id) => id !== set.getAttribute("id"));
          assert.equal(switching?.getAttribute("value") ?? "", others.join(","));
        }
      });
    }

    it("order the children of every set as the schema does, with ids once", () => {
      const order = ["ContentProtection", "SupplementalProperty", "Label", "Accessibility", "Role", "Representation"];
      const mpd = parse(textOf(encrypted, "uhd.mpd"));
      for (const set of elements(mpd, "AdaptationSet")) {
        const ranks = [...set.childNodes]
          .filter(({ nodeType }) => nodeType === 1)
          .map((one) => order.indexOf(one.nodeName));
        assert.ok(!ranks.includes(-1));
        assert.deepEqual(
          ranks,
          ranks.toSorted((a, b) => a - b),
        );
      }
      for (const name of ["AdaptationSet", "Representation"]) {
        const ids = elements(mpd, name).map((one) => one.getAttribute("id"));
        assert.equal(new Set(ids).size, ids.length);
      }
    });

    it("say the key and scheme of each set, and nothing of the sort in the clear", () => {
      const mpd = parse(textOf(encrypted, "hd.mpd"));
      for (const set of elements(mpd, "AdaptationSet")) {
        const found = elements(set, "ContentProtection").map((one) => one.getAttribute("schemeIdUri"));
        const isText = set.getAttribute("contentType") === "text";
        assert.deepEqual(
          found,
          isText ? [] : ["urn:mpeg:dash:mp4protection:2011", "urn:uuid:1077efec-c0b2-4d02-ace3-3c1e52e2fb4b"],
        );
      }
      const kids = elements(mpd, "ContentProtection").flatMap((one) => one.getAttribute("cenc:default_KID") || []);
      assert.ok(kids.every((kid) => /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(kid)));
      assert.doesNotMatch(textOf(clear, "uhd.mpd"), /ContentProtection|pssh/);
    });

    it("tell sounds and captions apart by language, role and label", () => {
      const mpd = parse(textOf(clear, "sd.mpd"));
      const described = elements(mpd, "AdaptationSet")
        .filter((set) => set.getAttribute("contentType") !== "video")
        .map((set) => [
          set.getAttribute("lang"),
          elements(set, "Label")[0]?.textContent,
          elements(set, "Role")
            .map((role) => role.getAttribute("value"))
            .join("+"),
          elements(set, "Accessibility")[0]?.getAttribute("value") ?? "",
        ]);
      assert.deepEqual(described, [
        ["en", "English", "main", ""],
        ["pt-BR", 'Português "Brasil"', "alternate", ""],
        ["en", "English", "description", "1"],
        ["en", "English 5.1", "alternate", ""],
        ["en", "English (SDH)", "caption+main", "2"],
        ["de", "Deutsch", "forced-subtitle", ""],
      ]);
    });
  });

  describe("in HLS", () => {
    it("are well-formed: every tag is known, every attribute list parses, every playlist exists", () => {
      const files = new Set(encrypted.map(({ file }) => file));
      for (const { file, text: playlist } of [...encrypted, ...clear]) {
        if (!file.endsWith(".m3u8")) continue;
        const lines = playlist.trimEnd().split("\n");
        assert.equal(lines[0], "#EXTM3U");
        for (const line of lines) {
          assert.match(line, /^(#EXTM3U|#EXT-X-[A-Z-]+(:.+)?|#EXTINF:\d+\.\d{6},|[a-z0-9.-]+)$/, file);
          if (/^#EXT-X-(MEDIA|STREAM-INF|KEY|MAP):/.test(line)) {
            for (const [name, value] of Object.entries(attributesOf(line))) {
              if (name === "URI" && value.endsWith(".m3u8")) assert.ok(files.has(value), value);
            }
          }
        }
      }
    });

    it("offer each picture with each group of sounds, slowest first, with truthful attributes", () => {
      const streams = tagsOf(textOf(encrypted, "hd.m3u8"), "STREAM-INF");
      assert.equal(streams.length, 4 * 2);
      const groups = tagsOf(textOf(encrypted, "hd.m3u8"), "MEDIA");
      for (const stream of streams) {
        assert.ok(groups.some((group) => group.TYPE === "AUDIO" && group["GROUP-ID"] === stream.AUDIO));
        assert.ok(groups.some((group) => group.TYPE === "SUBTITLES" && group["GROUP-ID"] === stream.SUBTITLES));
        assert.equal(stream["FRAME-RATE"], "23.976");
        assert.equal(stream.CODECS, "avc1.64001f,mp4a.40.2");
        // the larger of 100,000 bytes in 4.004 s and 50,000 bytes in 2.002 s, for picture and sound
        assert.equal(Number(stream.BANDWIDTH), Math.ceil((2 * 100_000 * 8) / 4.004));
        assert.equal(Number(stream["AVERAGE-BANDWIDTH"]), Math.ceil((2 * 150_000 * 8) / 6.006));
      }
      assert.deepEqual(
        [...new Set(streams.map(({ RESOLUTION }) => RESOLUTION))],
        ["640x360", "1024x576", "1280x720", "1920x1080"],
      );
    });

    it("give each group one default and every member a name of its own", () => {
      const media = tagsOf(textOf(encrypted, "sd.m3u8"), "MEDIA");
      for (const group of new Set(media.map((one) => one["GROUP-ID"]))) {
        const members = media.filter((one) => one["GROUP-ID"] === group);
        assert.equal(members.filter((one) => one.DEFAULT === "YES").length, 1);
        assert.equal(new Set(members.map(({ NAME }) => NAME)).size, members.length);
        assert.ok(members.every((one) => one.AUTOSELECT === "YES"));
      }
      assert.deepEqual(
        media.map((one) => [one.LANGUAGE, one.NAME, one.FORCED ?? one.CHANNELS, one.CHARACTERISTICS ?? ""]),
        [
          ["en", "English", "2", ""],
          ["pt-BR", "Português 'Brasil'", "2", ""],
          ["en", "English (2)", "2", "public.accessibility.describes-video"],
          ["en", "English 5.1", "6", ""],
          [
            "en",
            "English (SDH)",
            "NO",
            "public.accessibility.transcribes-spoken-dialog,public.accessibility.describes-music-and-sound",
          ],
          ["de", "Deutsch", "YES", ""],
        ],
      );
    });

    it("cut a track into byte ranges that follow each other, and no segment is longer than announced", () => {
      const playlist = textOf(encrypted, "video-720p.media.m3u8");
      const ranges = [...playlist.matchAll(/#EXT-X-BYTERANGE:(\d+)@(\d+)/g)].map(([, n, o]) => [Number(n), Number(o)]);
      assert.deepEqual(ranges, [
        [100_000, 1100],
        [50_000, 101_100],
      ]);
      const seconds = [...playlist.matchAll(/#EXTINF:([\d.]+)/g)].map(([, value]) => Number(value));
      assert.deepEqual(seconds, [4.004, 2.002]);
      const target = Number(/#EXT-X-TARGETDURATION:(\d+)/.exec(playlist)?.[1]);
      assert.ok(seconds.every((value) => Math.round(value) <= target));
      assert.match(playlist, /#EXT-X-MAP:URI="video-720p\.mp4",BYTERANGE="1000@0"/);
      assert.match(playlist, /#EXT-X-ENDLIST\n$/);
    });

    it("name the key for FairPlay in encrypted tracks, and no key in the clear", () => {
      const [key, ...more] = tagsOf(textOf(encrypted, "video-720p.media.m3u8"), "KEY");
      assert.deepEqual(more, []);
      assert.deepEqual(key, {
        METHOD: "SAMPLE-AES",
        URI: `skd://${ASSET}/${KEY_IDS.hd}`,
        KEYFORMAT: "com.apple.streamingkeydelivery",
        KEYFORMATVERSIONS: "1",
      });
      for (const { file, text: playlist } of clear) assert.doesNotMatch(playlist, /EXT-X-KEY|SAMPLE-AES/, file);
      for (const { file, text: playlist } of encrypted) assert.doesNotMatch(playlist, /identity/, file);
    });
  });

  it("name the key systems that license says, and no other", () => {
    const systemIds = ["00000000-0000-4000-8000-000000000001", "00000000-0000-4000-8000-000000000002"];
    const made = make("cbcs", { systemIds, hlsKeyFormats: ["org.example.one", "org.example.two"] });
    const [set] = elements(parse(textOf(made, "sd.mpd")), "AdaptationSet");
    assert.ok(set);
    assert.deepEqual(
      elements(set, "ContentProtection").map((one) => one.getAttribute("schemeIdUri")),
      ["urn:mpeg:dash:mp4protection:2011", ...systemIds.map((id) => `urn:uuid:${id}`)],
    );
    const [first] = VIDEOS;
    const lines = textOf(made, `${first?.id}.media.m3u8`).match(/KEYFORMAT="[^"]+"/g);
    assert.deepEqual(lines, ['KEYFORMAT="org.example.one"', 'KEYFORMAT="org.example.two"']);
  });

  it("are refused where the packager left a track out", () => {
    const track = video(256, 144);
    assert.throws(
      () =>
        manifestsOf({
          ...{ assetId: ASSET, durationSeconds: 6, mpd: packagerMpd(), signaling: SIGNALING },
          packaged: [{ track, file: "video-144p.mp4", codec: "avc1.42c00c", header, keyId: undefined }],
        }),
      /video-144p\.mp4 is not in the packager's manifest/,
    );
  });
});

/** The attribute list of a tag (RFC 8216 section 4.2); fails where it is none. */
function attributesOf(line: string): Record<string, string> {
  const list = line.slice(line.indexOf(":") + 1);
  const found: Record<string, string> = {};
  const attribute = /([A-Z0-9-]+)=(?:"([^"]*)"|([^",\s]+))(,|$)/y;
  while (attribute.lastIndex < list.length) {
    const match = attribute.exec(list);
    assert.ok(match, `not an attribute list: ${line}`);
    const [, name = "", quoted, bare] = match;
    assert.ok(!(name in found), `${name} twice: ${line}`);
    found[name] = quoted ?? bare ?? "";
  }
  return found;
}

function tagsOf(playlist: string, tag: string): Record<string, string>[] {
  return playlist
    .split("\n")
    .filter((line) => line.startsWith(`#EXT-X-${tag}:`))
    .map(attributesOf);
}
