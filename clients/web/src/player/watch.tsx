/** The player's page: the film, and quiet controls over it. */

import type { MatineeError } from "@matinee/sdk/errors";
import { CatalogService } from "@matinee/sdk/gen/matinee/catalog/v1/catalog_service_pb";
import {
  type RefObject,
  startTransition,
  useCallback,
  useEffect,
  useEffectEvent,
  useLayoutEffect,
  useRef,
  useState,
} from "react";
import { useLocation, useSearch } from "wouter";
import { useApp } from "../app-context.ts";
import { useQuery } from "../query.ts";
import { SignOutEverywhere } from "../shell/sign-out.tsx";
import { Button, LinkButton } from "../ui/button.tsx";
import { sentence } from "../ui/notice.tsx";
import { mayComeBack } from "../use-comeback.ts";
import { useTitle } from "../use-title.ts";
import { idOf } from "../words.ts";
import { Controls } from "./controls.tsx";
import { EndScreen } from "./end-screen.tsx";
import { videoFor } from "./engine.ts";
import { type Actions, useKeyboard } from "./keyboard.ts";
import { PlayingElsewhere } from "./playing-elsewhere.tsx";
import { useMediaSession } from "./use-media-session.ts";
import { usePlayer } from "./use-player.ts";
import { useVideoState, type VideoState } from "./use-video-state.ts";
import styles from "./watch.module.css";

export { askEarly } from "./asking.ts";
export { spareEngine } from "./engine.ts";

const HIDE_MS = 3_000;

export function WatchPage({ name }: { readonly name: string }) {
  const video = useRef<HTMLVideoElement>(null);
  const stage = useRef<HTMLDivElement>(null);
  const root = useRef<HTMLElement>(null);
  const [, navigate] = useLocation();
  const format = new URLSearchParams(useSearch()).get("format") === "hls" ? "hls" : "dash";
  useVideo(video, stage, format);
  const player = usePlayer(name, format, video, stage);
  const state = useVideoState(video);
  const [menuOpen, setMenuOpen] = useState(false);
  const hasControls = useAfterwards();
  const awake = useAwake(root, state.isPaused || menuOpen || player.needsClick);
  useTitle(player.displayTitle);
  const home = `/title/${idOf(name)}`;

  const play = () => {
    // What the browser refuses, it refuses to a click as well: the button stays.
    if (player.error === undefined) void video.current?.play().catch(() => undefined);
  };
  const pause = () => video.current?.pause();
  const actions: Actions = {
    play,
    pause,
    togglePlay: () => (video.current?.paused === false ? pause() : play()),
    seekBy: (seconds) => seek(video.current, (video.current?.currentTime ?? 0) + seconds),
    seekTo: (seconds) => seek(video.current, seconds),
    seekToShare: (share) => seek(video.current, (video.current?.duration ?? 0) * share),
    volumeBy: (step) => {
      const element = video.current;
      if (element === null) return;
      element.muted = false;
      element.volume = Math.min(1, Math.max(0, element.volume + step));
    },
    toggleMuted: () => {
      if (video.current !== null) video.current.muted = !video.current.muted;
    },
    toggleCaptions: () => player.engine?.toggleCaptions(),
    toggleFullscreen: () => void toggleFullscreen(root.current),
    togglePip: () => void togglePip(video.current),
    rateBy: (step) => {
      if (video.current !== null)
        video.current.playbackRate = Math.min(2, Math.max(0.5, video.current.playbackRate + step));
    },
    leave: () => navigate(home),
  };
  useKeyboard(actions, awake.wake);
  useVideoEvents(video, {
    click: actions.togglePlay,
    dblclick: actions.toggleFullscreen,
    // The service learns of a pause and of a jump at once, not at the next heartbeat.
    ...{ pause: player.beat, seeked: player.beat, ended: player.beat },
  });

  const isReady = player.engine !== undefined;
  const isOver = isReady && state.isEnded && player.error === undefined;
  // What had the focus is gone with the refusal or with the controls.
  const hasFailed = player.error !== undefined;
  const hadFailed = useRef(hasFailed);
  useEffect(() => {
    if (hadFailed.current && !hasFailed) root.current?.querySelector("h1")?.focus();
    hadFailed.current = hasFailed;
  }, [hasFailed]);
  const showSpinner = useLate(player.error === undefined && (!isReady || state.isBuffering), 400);
  return (
    <main
      ref={root}
      className={styles.player}
      data-idle={!awake.isAwake}
      data-testid="player"
      data-state={player.error !== undefined ? "error" : isReady ? (state.isPaused ? "paused" : "playing") : "loading"}
    >
      <h1 className="visually-hidden" tabIndex={-1} dir="auto">
        {player.displayTitle || "Player"}
      </h1>
      <div ref={stage} className={styles.stage} />
      {showSpinner && (
        <div className={styles.spinner} role="status" data-testid="buffering">
          {player.hasTrouble ? (
            <p>No connection. Trying again.</p>
          ) : (
            <span className="visually-hidden">Loading the film</span>
          )}
        </div>
      )}
      {player.needsClick && player.error === undefined && (
        <button
          type="button"
          className={styles.bigPlay}
          onClick={actions.togglePlay}
          aria-label="Play"
          data-testid="big-play"
        >
          <svg viewBox="0 0 24 24" fill="currentColor" aria-hidden="true">
            <path d="M7 4.5v15l12.5-7.5z" />
          </svg>
        </button>
      )}
      {isReady && (
        <NowPlaying
          name={name}
          displayTitle={player.displayTitle}
          state={state}
          isOver={isOver}
          home={home}
          actions={actions}
        />
      )}
      {player.error === undefined && !isOver && hasControls && (
        <Controls
          title={player.displayTitle}
          state={state}
          tracks={player.tracks}
          engine={player.engine}
          video={video}
          actions={actions}
          onMenu={setMenuOpen}
        />
      )}
      {player.error !== undefined && <Refusal error={player.error} home={home} onRetry={player.retry} />}
    </main>
  );
}

/** What the system and the end of the film need to know of it, asked for once it plays. */
function NowPlaying({
  name,
  displayTitle,
  state,
  isOver,
  home,
  actions,
}: {
  readonly name: string;
  readonly displayTitle: string;
  readonly state: VideoState;
  readonly isOver: boolean;
  readonly home: string;
  readonly actions: Actions;
}) {
  const { platform } = useApp();
  const film = useQuery(["playing", name], async (signal) => {
    const { title } = await platform.client(CatalogService).getTitle({ name }, { signal });
    return title;
  });
  useMediaSession(displayTitle, film.data, state, actions);
  if (!isOver) return null;
  const again = () => {
    actions.seekTo(0);
    actions.play();
  };
  return <EndScreen name={name} title={film.data} displayTitle={displayTitle} home={home} onAgain={again} />;
}

function Refusal({
  error,
  home,
  onRetry,
}: {
  readonly error: MatineeError;
  readonly home: string;
  readonly onRetry: () => void;
}) {
  const reason = error.metadata.availability || error.reason;
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => heading.current?.focus(), []);
  return (
    <div className={styles.refusal} role="alert" data-testid="player-error" data-reason={reason}>
      <h2 ref={heading} tabIndex={-1}>
        {headlineOf(reason)}
      </h2>
      <p>{sentence(error.message)}</p>
      {mayComeBack(error) && <p>It is tried again by itself.</p>}
      {reason === "STREAM_LIMIT_REACHED" && <PlayingElsewhere onStopped={onRetry} />}
      <div className={styles.refusalActions}>
        <Button kind="primary" icon="retry" onClick={onRetry}>
          Try again
        </Button>
        <LinkButton href={home}>Back to the film</LinkButton>
        {reason === "STREAM_LIMIT_REACHED" && (
          <SignOutEverywhere>{(ask) => <Button onClick={ask}>Sign out everywhere</Button>}</SignOutEverywhere>
        )}
      </div>
      <p className={styles.reason}>{reason}</p>
    </div>
  );
}

function headlineOf(reason: string): string {
  switch (reason) {
    case "STREAM_LIMIT_REACHED":
      return "Playing elsewhere";
    case "TITLE_TERRITORY":
    case "LICENSE_TERRITORY":
      return "Not shown where you are";
    case "TITLE_ENDED":
    case "LICENSE_RIGHTS_ENDED":
      return "This film has left";
    case "TITLE_NOT_STARTED":
      return "Not yet";
    case "TITLE_TIER":
      return "Not in your plan";
    case "TITLE_MATURITY":
      return "Not for this profile";
    case "TITLE_NOT_PLAYABLE":
      return "Still being prepared";
    case "TITLE_NOT_PUBLISHED":
    case "TITLE_NOT_FOUND":
      return "This film is not here";
    case "UNREACHABLE":
    case "PLAYER_OFFLINE":
      return "No connection";
    case "PLAYER_INSECURE_PAGE":
      return "This address is not secure";
    default:
      return reason.startsWith("LICENSE_") ? "No licence for this film" : "The film stopped";
  }
}

function seek(video: HTMLVideoElement | null, seconds: number): void {
  if (video === null || !Number.isFinite(video.duration)) return;
  video.currentTime = Math.min(Math.max(0, seconds), Math.max(0, video.duration - 0.1));
}

async function toggleFullscreen(root: HTMLElement | null): Promise<void> {
  try {
    if (document.fullscreenElement !== null) await document.exitFullscreen();
    else await root?.requestFullscreen({ navigationUI: "hide" });
  } catch {
    // Refused by the browser or the frame: the film goes on as it is.
  }
}

async function togglePip(video: HTMLVideoElement | null): Promise<void> {
  try {
    if (document.pictureInPictureElement !== null) await document.exitPictureInPicture();
    else await video?.requestPictureInPicture();
  } catch {
    // Refused by the browser: the film goes on as it is.
  }
}

/** Puts the video on the page: one that a player is attached to already is not React's to make. */
function useVideo(
  video: RefObject<HTMLVideoElement | null>,
  stage: RefObject<HTMLElement | null>,
  format: "dash" | "hls",
): void {
  // biome-ignore lint/correctness/useExhaustiveDependencies: the page keeps its video, whatever comes to play in it
  useLayoutEffect(() => {
    const element = videoFor(format);
    element.className = styles.video ?? "";
    element.dataset.testid = "video";
    element.playsInline = true;
    stage.current?.prepend(element);
    video.current = element;
  }, []);
}

function useVideoEvents(
  video: RefObject<HTMLVideoElement | null>,
  listeners: Readonly<Record<"click" | "dblclick" | "pause" | "seeked" | "ended", () => void>>,
): void {
  const hear = useEffectEvent((event: Event) => listeners[event.type as keyof typeof listeners]());
  useEffect(() => {
    const element = video.current;
    if (element === null) return;
    const listen = (event: Event) => hear(event);
    const names = ["click", "dblclick", "pause", "seeked", "ended"] as const;
    for (const name of names) element.addEventListener(name, listen);
    return () => {
      for (const name of names) element.removeEventListener(name, listen);
    };
  }, [video]);
}

/** False at first: the video is on the page, and its film asked for, before the rest is made in the time that is left. */
function useAfterwards(): boolean {
  const [isAfter, setAfter] = useState(false);
  useEffect(() => startTransition(() => setAfter(true)), []);
  return isAfter;
}

/** True after a while of `value`; false at once. What comes and goes quickly is never shown. */
function useLate(value: boolean, ms: number): boolean {
  const [late, setLate] = useState(false);
  useEffect(() => {
    if (!value) return setLate(false);
    const timer = setTimeout(() => setLate(true), ms);
    return () => clearTimeout(timer);
  }, [value, ms]);
  return value && late;
}

/** The controls show while something moves or `hold` says so, and for three seconds after. */
function useAwake(root: { readonly current: HTMLElement | null }, hold: boolean) {
  const [isAwake, setAwake] = useState(true);
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  const wake = useCallback(() => {
    setAwake(true);
    clearTimeout(timer.current);
    timer.current = setTimeout(() => setAwake(false), HIDE_MS);
  }, []);
  useEffect(() => {
    const element = root.current;
    if (element === null) return;
    wake();
    const names = ["pointermove", "pointerdown", "focusin"] as const;
    for (const name of names) element.addEventListener(name, wake);
    return () => {
      for (const name of names) element.removeEventListener(name, wake);
      clearTimeout(timer.current);
    };
  }, [root, wake]);
  return { isAwake: isAwake || hold, wake };
}
