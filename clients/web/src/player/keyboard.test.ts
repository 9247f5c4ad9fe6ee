import assert from "node:assert/strict";
import { type Actions, actionOf } from "./keyboard.ts";

describe("the player's keys", () => {
  /** What a key does, as a call. */
  const press = (key: string): string => {
    const called: string[] = [];
    const actions = new Proxy({} as Actions, {
      get: (_, name) => (value?: number) => called.push(`${String(name)}(${value ?? ""})`),
    });
    actionOf(key, actions)?.();
    return called.join();
  };

  it("do what people know them for, in either case", () => {
    const keys = [" ", "k", "K", "MediaPlayPause", "m", "C", "f", "p"].map(press);
    assert.deepEqual(keys, [
      "togglePlay()",
      "togglePlay()",
      "togglePlay()",
      "togglePlay()",
      "toggleMuted()",
      "toggleCaptions()",
      "toggleFullscreen()",
      "togglePip()",
    ]);
  });

  it("jump by ten seconds, by a frame, and to tenths of the film", () => {
    const keys = ["ArrowLeft", "j", "ArrowRight", "l", "0", "7", "Home", "End"].map(press);
    assert.deepEqual(keys, [
      "seekBy(-10)",
      "seekBy(-10)",
      "seekBy(10)",
      "seekBy(10)",
      "seekToShare(0)",
      "seekToShare(0.7)",
      "seekTo(0)",
      "seekToShare(1)",
    ]);
    assert.match(press("."), /^seekBy\(0\.0416/);
  });

  it("leave other keys to the browser", () => {
    for (const key of ["a", "Tab", "F5", "Enter", "PageDown"]) assert.equal(press(key), "");
  });
});
