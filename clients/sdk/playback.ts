/** One play of a title: started, kept alive by heartbeats with a fresh token, and stopped also when the page dies. */

import type { MessageInitShape } from "@bufbuild/protobuf";
import { Code } from "@connectrpc/connect";
import { backoffMs, newRequestId, sleep } from "./clock.ts";
import { type MatineeError, toMatineeError } from "./errors.ts";
import { ManifestFormat } from "./gen/matinee/common/v1/media_pb.ts";
import type { DeviceSchema } from "./gen/matinee/playback/v1/play_session_pb.ts";
import { PlaybackService, type StartPlaybackResponse } from "./gen/matinee/playback/v1/playback_service_pb.ts";
import type { Platform } from "./platform.ts";
import type { Telemetry } from "./telemetry.ts";
import { fromSeconds, toSeconds } from "./time.ts";

const DEFAULT_HEARTBEAT_SECONDS = 10;
/** Scrubbing back and forth tells one position, not fifty. */
const MIN_BEAT_MS = 1_000;
const FIRST_BACKOFF_MS = 1_000;
const MAX_BACKOFF_MS = 10_000;
/** After this many heartbeats without an answer the slot is lost anyway. */
const MAX_MISSED = 8;

/** What plays: its id for ever, its kind, and what it can decrypt and read. */
export type PlayDevice = MessageInitShape<typeof DeviceSchema>;

export interface StartOptions {
  readonly platform: Platform;
  /** What `askForPlay` answered. */
  readonly asked: StartPlaybackResponse;
  /** Asked at each heartbeat. */
  readonly position: () => { readonly seconds: number; readonly isPaused: boolean };
  /**
   * The service ended the play, or it was lost for good: the right ended, another device took the slot, the token
   * ran out while the computer slept. `canRestart` where starting again may help.
   */
  readonly onEnded: (error: MatineeError, canRestart: boolean) => void;
  /** Of this view; tells as the play from then on. Whoever gives up after a refusal has it told by `tellAsView`. */
  readonly telemetry: Telemetry;
}

/** A manifest and its format. */
export interface PlayableManifest {
  readonly format: "dash" | "hls";
  readonly url: string;
}

/** Where licences of a key system come from. */
export interface LicenseServer {
  /** Names in Encrypted Media Extensions, preferred first. */
  readonly emeNames: readonly string[];
  readonly url: string;
}

/** A play that goes on until `stop` or `stopLast`. */
export interface PlaySessionHandle {
  /** `playSessions/{uuid}`. */
  readonly name: string;
  readonly displayTitle: string;
  readonly manifests: readonly PlayableManifest[];
  readonly licenseServers: readonly LicenseServer[];
  readonly resumeSeconds: number;
  readonly durationSeconds: number;
  readonly preferredLanguage: string;
  /**
   * What a licence request to this address needs: the headers of its server, and at the edge's own origin, and nowhere
   * else, the play token as it is now.
   */
  licenseHeaders(url: string): Readonly<Record<string, string>>;
  /** Tells the position at once, such as after a pause or a seek. */
  beat(): void;
  /** Frees the slot and waits for the answer. */
  stop(): Promise<void>;
  /** Frees the slot from a page that is going away. */
  stopLast(): void;
}

const FORMATS: ReadonlyMap<ManifestFormat, PlayableManifest["format"]> = new Map([
  [ManifestFormat.DASH, "dash"],
  [ManifestFormat.HLS, "hls"],
]);

/**
 * Takes a slot for `titles/{uuid}`, which somebody has to keep alive from then on, or to give back. Throws the service's
 * refusal: rights, territory, plan, maturity, streams at once.
 */
export function askForPlay(platform: Platform, title: string, device: PlayDevice): Promise<StartPlaybackResponse> {
  return platform.client(PlaybackService).startPlayback({ title, device, requestId: newRequestId() });
}

/** Gives back what was asked for and is not wanted any more. */
export async function giveBackPlay(platform: Platform, answer: StartPlaybackResponse): Promise<void> {
  const { playSession, playToken, resumePosition } = answer;
  // Where it would have begun: whoever was in the middle of the film stays there.
  const position = resumePosition ?? fromSeconds(0);
  const headers = { authorization: `Bearer ${playToken}` };
  await platform.client(PlaybackService).stopPlayback({ playSession: playSession?.name ?? "", position }, { headers });
}

/** Keeps a play alive that was asked for. */
export function startPlayback(options: StartOptions): PlaySessionHandle {
  const { platform, telemetry, asked: answer } = options;
  const client = platform.client(PlaybackService);
  const name = answer.playSession?.name ?? "";
  const over = new AbortController();
  const { signal } = over;
  let token = answer.playToken;
  let intervalSeconds = toSeconds(answer.heartbeatInterval) || DEFAULT_HEARTBEAT_SECONDS;
  let wake = new AbortController();

  const sendBeat = async (): Promise<void> => {
    const { seconds, isPaused } = options.position();
    const beat = await client.heartbeat(
      { playSession: name, position: fromSeconds(seconds), isPaused },
      { headers: { authorization: `Bearer ${token}` }, signal },
    );
    if (beat.playToken !== "") token = beat.playToken;
    intervalSeconds = toSeconds(beat.heartbeatInterval) || intervalSeconds;
  };

  const keepAlive = async (): Promise<void> => {
    let missed = 0;
    while (!signal.aborted) {
      const wait = missed === 0 ? intervalSeconds * 1000 : backoffMs(missed - 1, FIRST_BACKOFF_MS, MAX_BACKOFF_MS);
      await sleep(MIN_BEAT_MS, signal).catch(() => undefined);
      await sleep(Math.max(0, wait - MIN_BEAT_MS), AbortSignal.any([signal, wake.signal])).catch(() => undefined);
      wake = new AbortController();
      if (signal.aborted) return;
      try {
        await sendBeat();
        missed = 0;
      } catch (cause) {
        if (signal.aborted) return;
        const error = toMatineeError(cause);
        missed += 1;
        if (mayPass(error) && missed < MAX_MISSED) continue;
        over.abort();
        // An old token means that the computer slept or the network was gone: nobody refused anything.
        return options.onEnded(error, error.reason === "TOKEN_EXPIRED" || mayPass(error));
      }
    }
  };

  const licenseServers = answer.licenseServers.map(({ uri, emeNames, headers }) => {
    return { emeNames, headers, url: platform.url(uri) };
  });

  telemetry.tellAsPlay({ playSession: name, token: () => token, signal });
  void keepAlive();

  return {
    name,
    displayTitle: answer.playSession?.displayTitle ?? "",
    manifests: answer.manifests.flatMap(({ format, uri }) => {
      const known = FORMATS.get(format);
      return known === undefined ? [] : [{ format: known, url: platform.url(uri) }];
    }),
    licenseServers,
    resumeSeconds: toSeconds(answer.resumePosition),
    durationSeconds: toSeconds(answer.duration),
    preferredLanguage: answer.preferredLanguage,
    licenseHeaders: (url) => ({
      ...licenseServers.find((server) => server.url === url)?.headers,
      ...(new URL(url).origin === new URL(platform.origin).origin && { authorization: `Bearer ${token}` }),
    }),
    beat: () => wake.abort(),
    async stop() {
      if (signal.aborted) return;
      const { seconds } = options.position();
      over.abort();
      await Promise.all([
        telemetry.flush(),
        client
          .stopPlayback(
            { playSession: name, position: fromSeconds(seconds) },
            { headers: { authorization: `Bearer ${token}` } },
          )
          .catch(() => {
            // The slot frees itself when no heartbeat comes.
          }),
      ]);
    },
    stopLast() {
      if (signal.aborted) return;
      over.abort();
      telemetry.flushLast();
      const position = fromSeconds(options.position().seconds);
      platform.sendLast(PlaybackService.method.stopPlayback, { playSession: name, position }, token);
    },
  };
}

function mayPass(error: MatineeError): boolean {
  return [Code.Unavailable, Code.DeadlineExceeded, Code.Unknown, Code.Internal].includes(error.code);
}
