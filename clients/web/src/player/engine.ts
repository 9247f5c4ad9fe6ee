/** Shaka Player over one play session: loads, licenses, and tells what tracks there are and how it goes. */

import { forEver } from "@matinee/sdk/browser-storage";
import { newTraceparent } from "@matinee/sdk/clock";
import type { MatineeError } from "@matinee/sdk/errors";
import type { PlaySessionHandle } from "@matinee/sdk/playback";
import { languageName } from "../words.ts";
import { startingBandwidth, transfersOfPage } from "./bandwidth.ts";
import { browserTooOld, fromShaka, insecureContext, isInterruption, mayPass, noManifest } from "./failure.ts";
import { renewLicenses } from "./license-renewal.ts";
import { loadShaka, type Shaka } from "./shaka.ts";

export interface Choice {
  readonly id: string;
  readonly label: string;
  readonly isChosen: boolean;
}

/** The menus' content as it is now. */
export interface Tracks {
  /** The first one switches captions off. */
  readonly captions: readonly Choice[];
  readonly audio: readonly Choice[];
  /** The first one lets the player choose. */
  readonly quality: readonly Choice[];
  /** Lines of the picture that is played. */
  readonly height: number;
  readonly bitsPerSecond: number;
}

export interface Engine {
  tracks(): Tracks;
  chooseCaptions(id: string): void;
  chooseAudio(id: string): void;
  chooseQuality(id: string): void;
  /** Switches captions off, or on in the language that was shown last. */
  toggleCaptions(): void;
  droppedFrames(): number;
}

export interface EngineOptions {
  readonly play: PlaySessionHandle;
  readonly format: "dash" | "hls";
  readonly startSeconds: number;
  readonly onTracks: () => void;
  readonly onError: (error: MatineeError) => void;
  /** The film cannot be fetched at the moment, and is being tried again; or it can again. */
  readonly onTrouble: (isThere: boolean) => void;
}

/** A server that restarts or a tunnel takes less; after it, the viewer is told. */
const MAX_TROUBLE_MS = 3 * 60_000;
const RETRY_SECONDS = 1.5;

export const PLAYER_NAME = "shaka-player 5.2.12";
export const OFF = "off";
export const AUTO = "auto";
const CAPTIONS_KEY = "matinee.captions";
const BANDWIDTH_KEY = "matinee.bandwidth";
const AUDIO_KEY = "matinee.audio";
const LANGUAGE_TAG = /^[a-zA-Z]{2,8}(-[a-zA-Z0-9]{1,8})*$/;

/** A player at its video, before it is known what it plays. */
export interface Preparation {
  readonly shaka: Shaka;
  readonly player: Player;
  /** Aborted with the player's end. */
  readonly over: AbortController;
}

type Player = InstanceType<Shaka["Player"]>;

/** A player whose video can be fed once `attached` resolves. */
interface Attached {
  readonly player: Player;
  readonly video: HTMLVideoElement;
  readonly attached: Promise<void>;
}

/** For DASH, made while the page that offers the film is read. */
let spare: Attached | undefined;

/** Makes a player with a video of its own for whoever asks next; a failure is told then. */
export async function spareEngine(): Promise<void> {
  const shaka = await loadShaka("dash");
  if (shaka.Player.isBrowserSupported()) spare ??= attach(shaka, document.createElement("video"));
}

/** The video of the player that stands ready, or a new one. */
export function videoFor(format: "dash" | "hls"): HTMLVideoElement {
  return (format === "dash" ? spare?.video : undefined) ?? document.createElement("video");
}

function attach(shaka: Shaka, video: HTMLVideoElement): Attached {
  const player = new shaka.Player();
  const attached = player.attach(video);
  // Thrown where it is awaited.
  attached.catch(() => undefined);
  return { player, video, attached };
}

/** What needs no play session, done while one is asked for. Throws MatineeError. */
export async function prepareEngine(
  format: "dash" | "hls",
  video: HTMLVideoElement,
  stage: HTMLElement,
): Promise<Preparation> {
  const shaka = await loadShaka(format);
  if (!shaka.Player.isBrowserSupported()) throw browserTooOld();
  const isReady = spare?.video === video;
  const { player, attached } = (isReady ? spare : undefined) ?? attach(shaka, video);
  if (isReady) spare = undefined;
  player.setVideoContainer(stage);
  await attached;
  return { shaka, player, over: new AbortController() };
}

/** Remembers how fast the line was, and ends the player. */
export async function destroyEngine({ player, over }: Preparation): Promise<void> {
  over.abort();
  const { estimatedBandwidth } = player.getStats();
  if (estimatedBandwidth > 0) forEver.set(BANDWIDTH_KEY, String(Math.round(estimatedBandwidth)));
  await player.destroy();
}

/** Throws MatineeError with the service's reason or the browser's. */
export async function openEngine({ shaka, player, over }: Preparation, options: EngineOptions): Promise<Engine> {
  const { play } = options;
  const manifest = play.manifests.find(({ format }) => format === options.format);
  if (manifest === undefined) throw noManifest(options.format);
  if (play.licenseServers.length > 0 && !window.isSecureContext) throw insecureContext();

  let isLoaded = false;
  let troubleSinceMs: number | undefined;
  const language = rememberedLanguage() ?? play.preferredLanguage;
  player.configure({
    drm: {
      servers: Object.fromEntries(
        play.licenseServers.flatMap(({ emeNames, url }) => emeNames.map((name) => [name, url])),
      ),
    },
    preferredAudio: language === "" ? [] : [{ language }],
    // A switch right after the first segment would fetch the beginning twice before anything is seen.
    abr: {
      useNetworkInformation: false,
      defaultBandwidthEstimate: startingBandwidth(forEver.get(BANDWIDTH_KEY), transfersOfPage()),
    },
    streaming: {
      // A picture soon, then enough in hand for a tunnel.
      rebufferingGoal: 0.5,
      bufferingGoal: 40,
      bufferBehind: 30,
      retryParameters: { maxAttempts: 4, baseDelay: 300, backoffFactor: 1.7, fuzzFactor: 0.4, timeout: 20_000 },
    },
  });
  player.getNetworkingEngine()?.registerRequestFilter((type, request) => {
    if (type !== shaka.net.NetworkingEngine.RequestType.LICENSE) return;
    // The token of now, not of the start: licences are renewed.
    Object.assign(request.headers, play.licenseHeaders(request.uris[0] ?? ""), { traceparent: newTraceparent() });
  });
  const stopRenewals = renewLicenses(shaka, player, options.onError);
  over.signal.addEventListener("abort", stopRenewals, { once: true });
  player.addEventListener("error", (event) => {
    const { detail } = event as unknown as { detail: { handled: boolean } };
    if (isInterruption(detail)) return;
    if (isLoaded && mayPass(detail)) {
      troubleSinceMs ??= performance.now();
      if (performance.now() - troubleSinceMs < MAX_TROUBLE_MS) {
        detail.handled = true;
        options.onTrouble(true);
        player.retryStreaming(RETRY_SECONDS);
        return;
      }
    }
    options.onError(fromShaka(detail));
  });
  player.getNetworkingEngine()?.registerResponseFilter(() => {
    if (troubleSinceMs === undefined) return;
    troubleSinceMs = undefined;
    options.onTrouble(false);
  });
  for (const name of ["trackschanged", "adaptation", "variantchanged", "textchanged", "audiotrackschanged"] as const) {
    player.addEventListener(name, options.onTracks);
  }

  try {
    await player.load(manifest.url, options.startSeconds);
  } catch (error) {
    throw fromShaka(error);
  }

  isLoaded = true;
  let lastCaptions = forEver.get(CAPTIONS_KEY) ?? OFF;
  const textId = (track: { language: string; roles: string[]; label: string | null; forced: boolean }) =>
    [track.language, track.label ?? "", track.roles.join("+")].join("|");
  const audioId = textId as (track: { language: string; roles: string[]; label: string | null }) => string;
  const texts = () => player.getTextTracks().filter(({ forced }) => !forced);

  // Shaka takes versions whose frames were dropped away for half a minute: they stay in the menu, and one that is
  // chosen while it is away plays as soon as it is back.
  const heights = new Set<number>();
  let wantedHeight: number | undefined;
  const playWantedHeight = () => {
    const variants = player.getVariantTracks();
    const active = variants.find((variant) => variant.active);
    if (wantedHeight === undefined || active?.height === wantedHeight) return;
    const ofHeight = variants.filter(({ height }) => height === wantedHeight);
    const best = ofHeight.find(({ language }) => language === active?.language) ?? ofHeight[0];
    // What is buffered is replaced, but for what is about to be shown.
    if (best !== undefined) player.selectVariantTrack(best, true, 2);
  };
  player.addEventListener("trackschanged", playWantedHeight);

  const chooseCaptions = (id: string) => {
    const track = texts().find((candidate) => textId(candidate) === id);
    if (track !== undefined) lastCaptions = id;
    // Choosing a track shows it; choosing none hides it.
    player.selectTextTrack(track ?? null);
    forEver.set(CAPTIONS_KEY, track === undefined ? OFF : id);
    options.onTracks();
  };
  if (lastCaptions !== OFF) chooseCaptions(lastCaptions);
  else player.selectTextTrack(null);

  const tracks = (): Tracks => {
    const variants = player.getVariantTracks();
    const active = variants.find((variant) => variant.active);
    const isAuto = player.getConfiguration().abr.enabled;
    for (const { height } of variants) if (height !== null && height > 0) heights.add(height);
    const audios = player.getAudioTracks();
    const shownTexts = texts();
    const activeText = shownTexts.find((track) => track.active);
    return {
      captions: [
        { id: OFF, label: "Off", isChosen: activeText === undefined },
        ...shownTexts.map((track) => ({
          id: textId(track),
          label: labelOf(track.language, track.roles, track.label),
          isChosen: track === activeText,
        })),
      ],
      audio: audios.map((track) => ({
        id: audioId(track),
        label: labelOf(track.language, track.roles, track.label),
        isChosen: track.active,
      })),
      quality: [
        { id: AUTO, label: isAuto && active?.height ? `Auto (${active.height}p)` : "Auto", isChosen: isAuto },
        ...[...heights]
          .sort((a, b) => b - a)
          .map((height) => ({
            id: String(height),
            label: `${height}p`,
            isChosen: height === wantedHeight,
          })),
      ],
      height: active?.height ?? 0,
      bitsPerSecond: active?.bandwidth ?? 0,
    };
  };

  return {
    tracks,
    chooseCaptions,
    toggleCaptions() {
      const isOn = tracks().captions[0]?.isChosen === false;
      const first = texts()[0];
      const last = texts().find((track) => textId(track) === lastCaptions) ?? first;
      chooseCaptions(isOn || last === undefined ? OFF : textId(last));
    },
    chooseAudio(id) {
      const track = player.getAudioTracks().find((candidate) => audioId(candidate) === id);
      if (track === undefined) return;
      player.selectAudioTrack(track);
      forEver.set(AUDIO_KEY, track.language);
      options.onTracks();
    },
    chooseQuality(id) {
      wantedHeight = id === AUTO ? undefined : Number(id);
      player.configure({ abr: { enabled: wantedHeight === undefined } });
      playWantedHeight();
      options.onTracks();
    },
    droppedFrames: () => player.getStats().droppedFrames || 0,
  };
}

function labelOf(language: string, roles: readonly string[], label: string | null): string {
  if (label !== null && label !== "" && label.toLowerCase() !== language.toLowerCase()) return label;
  const note =
    roles.includes("caption") && roles.includes("sdh") ? " (SDH)" : roles.includes("description") ? " (described)" : "";
  return `${languageName(language)}${note}`;
}

/** The language that was chosen last, unless what is kept is no language tag: Shaka throws at those. */
function rememberedLanguage(): string | undefined {
  const kept = forEver.get(AUDIO_KEY);
  return kept !== undefined && LANGUAGE_TAG.test(kept) ? kept : undefined;
}
