/** A playback service for tests: over stand-ins whose answers a test chooses, with a package in its store. */

import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { fromBinary } from "@bufbuild/protobuf";
import { durationFromMs, timestampFromDate } from "@bufbuild/protobuf/wkt";
import { CatalogService } from "#gen/matinee/catalog/v1/catalog_service_pb";
import { Ceiling, KeySystem, ManifestFormat, Protection, TrackClass } from "#gen/matinee/common/v1/media_pb";
import { LicenseService } from "#gen/matinee/license/v1/license_service_pb";
import { PlaybackEndedSchema } from "#gen/matinee/playback/v1/events_pb";
import { PlayGrantSchema } from "#gen/matinee/playback/v1/play_grant_pb";
import { PlaybackService, type StartPlaybackResponse } from "#gen/matinee/playback/v1/playback_service_pb";
import { ProfileService } from "#gen/matinee/profile/v1/profile_service_pb";
import type { Module, ServiceBinding } from "#pkg/app/module";
import { openBlobStore } from "#pkg/blobstore/open";
import { ManualClock, newId } from "#pkg/clock/clock";
import { silentLogger } from "#pkg/obs/logger";
import { type Caller, fake, openModules, profile } from "#pkg/testkit/module";
import { playback } from "./module.ts";

/** The files of the package, by the lowest ceiling that may fetch them. */
export const FILES_BY_CEILING = {
  sd: ["sd.mpd", "sd.m3u8", "audio-en-1.mp4", "text-en-1.vtt", "video-360p.mp4", "video-360p.media.m3u8"],
  hd: ["hd.mpd", "hd.m3u8", "video-720p.mp4", "video-720p.media.m3u8"],
  uhd: ["uhd.mpd", "uhd.m3u8", "video-2160p.mp4", "video-2160p.media.m3u8"],
} as const;
export const media = randomBytes(300_000);
export const film = randomBytes(8_000_000);
/** Of a class that is not known yet. */
const NEWER_FILES = ["huge.mpd", "video-5000p.mp4"];
const CONTENT: ReadonlyMap<string, Buffer> = new Map([
  ["video-720p.mp4", media],
  ["film.mp4", film],
  // More than the sockets between a server and a client hold.
  ["audio-de-2.mp4", Buffer.alloc(48 * 1024 * 1024)],
]);

export type Play = StartPlaybackResponse & { readonly playSession: NonNullable<StartPlaybackResponse["playSession"]> };

export const bearer = (token: string) => ({ headers: { authorization: `Bearer ${token}` } });

/** The claims of a play token, and the grant in them. */
export function grantOf(token: string) {
  const claims = JSON.parse(Buffer.from(token.split(".")[1] ?? "", "base64url").toString()) as Record<string, unknown>;
  return { claims, grant: fromBinary(PlayGrantSchema, Buffer.from(String(claims.grant), "base64url")) };
}

/** What the stand-ins answer, and how often they were asked. */
export class Answers {
  rightsEnd: Date | undefined;
  isAvailable = true;
  protection: Protection = Protection.CBCS;
  maxHeight = 1080;
  availabilityAsked = 0;
  keySystemsAsked = 0;
  /** Tracks and manifests whose class and ceiling this release does not know. */
  newerTracks: readonly string[] = [];
  newerManifests: readonly string[] = [];
}

export type Stage = Awaited<ReturnType<typeof openStage>>;

export async function openStage(settings: Readonly<Record<string, string>> = {}, beside: readonly Module[] = []) {
  const clock = new ManualClock(new Date("2026-05-01T12:00:00Z"));
  const packageId = newId();
  const answers = new Answers();
  const manifests = (["sd", "hd", "uhd"] as const).map((name) => ({
    format: ManifestFormat.DASH,
    ceiling: { sd: Ceiling.SD, hd: Ceiling.HD, uhd: Ceiling.UHD }[name],
    path: `a1b2c3d4/${name}.mpd`,
  }));
  const tracks = [
    { trackClass: TrackClass.AUDIO, path: "a1b2c3d4/audio-en-1.mp4" },
    { trackClass: TrackClass.SD, path: "a1b2c3d4/video-360p.mp4" },
    { trackClass: TrackClass.HD, path: "a1b2c3d4/video-720p.mp4" },
    { trackClass: TrackClass.UHD, path: "a1b2c3d4/video-2160p.mp4" },
    { trackClass: TrackClass.UNSPECIFIED, path: "a1b2c3d4/text-en-1.vtt" },
  ];
  const fakes: readonly ServiceBinding[] = [
    fake(LicenseService, {
      listKeySystems: async () => {
        answers.keySystemsAsked += 1;
        return {
          keySystems: [
            { keySystem: KeySystem.CLEARKEY, isEnabled: true, uri: "/license/clearkey", emeNames: ["org.w3.clearkey"] },
            { keySystem: KeySystem.WIDEVINE, isEnabled: false, uri: "/license/widevine" },
          ],
        };
      },
    }),
    fake(CatalogService, {
      checkAvailability: async () => {
        answers.availabilityAsked += 1;
        const { isAvailable, rightsEnd, protection } = answers;
        return {
          availability: {
            isAvailable,
            reason: isAvailable ? "" : "TITLE_ENDED",
            message: isAvailable ? "" : "The right to show this title has ended.",
            ...(rightsEnd === undefined ? {} : { endTime: timestampFromDate(rightsEnd) }),
          },
          title: { displayTitle: "The Night Train" },
          package: {
            ...{
              name: `packages/${packageId}`,
              asset: `assets/${packageId}`,
              revision: 1,
              protection,
              manifests: [
                ...manifests,
                ...answers.newerManifests.map((name) => ({
                  ...{ format: ManifestFormat.DASH, ceiling: 60 as Ceiling, path: `a1b2c3d4/${name}.mpd` },
                })),
              ],
              tracks: [
                ...tracks,
                ...answers.newerTracks.map((name) => ({
                  ...{ trackClass: 60 as TrackClass, path: `a1b2c3d4/${name}.mp4` },
                })),
              ],
            },
            duration: durationFromMs(75_000),
          },
        };
      },
    }),
    fake(ProfileService, {
      getViewer: async () => ({
        viewer: { tier: "standard", maxHeight: answers.maxHeight, maxStreams: 2, maximumAge: 21, language: "en" },
      }),
    }),
  ];
  const served = new Set(beside.flatMap(({ serves }) => serves));
  const platform = await openModules([playback, ...beside], {
    ...{ clock, settings, fakes: fakes.filter(({ service }) => !served.has(service)) },
  });
  const folder = join(platform.data, "blobs", "packaged");
  await mkdir(folder, { recursive: true });
  const options = { name: "packaged", signingSecret: randomBytes(32), clock, log: silentLogger };
  const { store } = await openBlobStore(pathToFileURL(folder).href, options);
  for (const name of new Set([...Object.values(FILES_BY_CEILING).flat(), ...CONTENT.keys(), ...NEWER_FILES])) {
    await store.put(`${packageId}/1/a1b2c3d4/${name}`, CONTENT.get(name) ?? Buffer.from(name));
  }
  await store[Symbol.asyncDispose]();

  const client = platform.client(PlaybackService);
  const as = (caller: Caller) => platform.client(PlaybackService, { as: caller });
  const device = (id = "device-0001") => ({
    id,
    displayName: `the ${id}`,
    keySystems: [KeySystem.CLEARKEY],
    formats: [ManifestFormat.DASH],
  });
  const manifestOf = (play: Play) => platform.url + (play.manifests[0]?.uri ?? "");

  return {
    platform,
    clock,
    answers,
    packageId,
    client,
    as,
    device,
    manifestOf,
    async start(
      who: Caller = profile(),
      about: { readonly device?: string; readonly requestId?: string; readonly title?: string } = {},
    ): Promise<Play> {
      const answer = await as(who).startPlayback({
        title: about.title ?? `titles/${newId()}`,
        device: device(about.device),
        requestId: about.requestId ?? newId(),
      });
      assert.ok(answer.playSession);
      return { ...answer, playSession: answer.playSession };
    },
    beat: ({ playSession, playToken }: Play, seconds = 1) =>
      client.heartbeat({ playSession: playSession.name, position: durationFromMs(seconds * 1000) }, bearer(playToken)),
    stop: ({ playSession, playToken }: Play, ms = 0) =>
      client.stopPlayback({ playSession: playSession.name, position: durationFromMs(ms) }, bearer(playToken)),
    /** The event of the play's end, waited for. */
    endOf: (play: Play) =>
      platform.nextEvent(PlaybackEndedSchema, ({ playSession }) => playSession === play.playSession.name),
    /** What is remembered of a play for its media has grown old. */
    later: () => clock.advance(20_000),
    /** What the play's manifest answers: nothing, or why not. */
    async mediaOf(play: Play): Promise<string> {
      const answer = await fetch(manifestOf(play));
      const text = await answer.text();
      return answer.ok ? "" : (/MEDIA_[A-Z_]+/.exec(text)?.[0] ?? text);
    },
    [Symbol.asyncDispose]: () => platform[Symbol.asyncDispose](),
  };
}
