import assert from "node:assert/strict";
import type { AudioTrack, VideoTrack } from "../domain/revision.ts";
import { packagerArgs } from "./argv.ts";

const common = { label: "", codec: "", bitsPerSecond: 1, isDefault: false };
const blob = { store: "mezzanine", key: "k", sha256: "", sizeBytes: 1 };
const frameRate = { numerator: 25, denominator: 1 };
const video = (id: string, width: number, height: number): VideoTrack => ({
  ...{ ...common, kind: "video", id, width, height, frameRate, blob },
});
const audio: AudioTrack = {
  ...{ ...common, kind: "audio", id: "audio-en-1", language: "en", channels: 2, isDescription: false, blob },
};

const job = {
  tracks: [
    video("a", 1024, 576),
    video("b", 1026, 576),
    video("c", 1920, 1080),
    video("d", 1922, 1080),
    video("e", 7680, 4320),
    audio,
  ],
  inputOf: ({ id }: { id: string }) => `in/${id}.mp4`,
  outputOf: ({ id }: { id: string }) => `out/${id}.mp4`,
  mpdPath: "out/all.mpd",
  tempFolder: "tmp",
  segmentSeconds: 4,
};

const CLEAR = [
  "in=in/a.mp4,stream=video,out=out/a.mp4,drm_label=SD",
  "in=in/b.mp4,stream=video,out=out/b.mp4,drm_label=HD",
  "in=in/c.mp4,stream=video,out=out/c.mp4,drm_label=HD",
  "in=in/d.mp4,stream=video,out=out/d.mp4,drm_label=UHD1",
  "in=in/e.mp4,stream=video,out=out/e.mp4,drm_label=UHD2",
  "in=in/audio-en-1.mp4,stream=audio,out=out/audio-en-1.mp4,drm_label=AUDIO,dash_label=audio-en-1",
  "--quiet",
  "--io_cache_size=4194304",
  "--temp_dir=tmp",
  "--segment_duration=4",
  "--mpd_output=out/all.mpd",
];

describe("the command line of Shaka Packager", () => {
  it("names a key class for each track by its pixels", () => {
    assert.deepEqual(packagerArgs({ ...job, keyServer: undefined }), CLEAR);
  });

  it("encrypts from the first sample, with keys that it has to ask for", () => {
    const keyServer = {
      url: "http://127.0.0.1:1/x",
      contentId: "00ff",
      signer: "matinee",
      signingKeyPath: "signer.der",
    };
    assert.deepEqual(packagerArgs({ ...job, keyServer }), [
      ...CLEAR,
      "--enable_widevine_encryption",
      "--key_server_url=http://127.0.0.1:1/x",
      "--content_id=00ff",
      "--signer=matinee",
      "--rsa_signing_key_path=signer.der",
      "--protection_scheme=cbcs",
      "--clear_lead=0",
      "--protection_systems=CommonSystem",
    ]);
  });
});
