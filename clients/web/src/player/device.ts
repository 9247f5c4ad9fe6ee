/** What this browser says of itself when a play is asked for. */

import { forEver } from "@matinee/sdk/browser-storage";
import { newRequestId } from "@matinee/sdk/clock";
import { ManifestFormat } from "@matinee/sdk/gen/matinee/common/v1/media_pb";
import { Device_Kind } from "@matinee/sdk/gen/matinee/playback/v1/play_session_pb";
import { usableKeySystems } from "@matinee/sdk/key-systems";
import type { Platform } from "@matinee/sdk/platform";
import type { PlayDevice } from "@matinee/sdk/playback";
import { supportsKeySystem } from "./key-system.ts";

const DEVICE_KEY = "matinee.device";
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

export async function thisDevice(platform: Platform, format: "dash" | "hls"): Promise<PlayDevice> {
  return {
    id: deviceId(),
    kind: Device_Kind.WEB,
    displayName: browserName(),
    keySystems: await usableKeySystems(platform, supportsKeySystem),
    formats: [format === "hls" ? ManifestFormat.HLS : ManifestFormat.DASH],
    maxHeight: 0,
  };
}

/** The same for this browser for ever. */
function deviceId(): string {
  const known = forEver.get(DEVICE_KEY) ?? "";
  if (UUID.test(known)) return known;
  const made = newRequestId();
  forEver.set(DEVICE_KEY, made);
  return made;
}

/** "Chrome on Linux", as a person would say. */
function browserName(): string {
  const agent = navigator.userAgent;
  const browser =
    [
      ["Edg/", "Edge"],
      ["Firefox/", "Firefox"],
      ["Chrome/", "Chrome"],
      ["Safari/", "Safari"],
    ].find(([mark]) => agent.includes(mark ?? ""))?.[1] ?? "Browser";
  const system =
    [
      ["Android", "Android"],
      ["iPhone", "iPhone"],
      ["iPad", "iPad"],
      ["Mac OS", "Mac"],
      ["Windows", "Windows"],
      ["Linux", "Linux"],
    ].find(([mark]) => agent.includes(mark ?? ""))?.[1] ?? "a computer";
  return `${browser} on ${system}`;
}
