/** One play on one page: starts the session and the engine, and keeps what the controls show. */

import { Code } from "@connectrpc/connect";
import { newRequestId, sleep } from "@matinee/sdk/clock";
import { type MatineeError, toMatineeError } from "@matinee/sdk/errors";
import { type PlaySessionHandle, startPlayback } from "@matinee/sdk/playback";
import { Telemetry } from "@matinee/sdk/telemetry";
import { useQueryClient } from "@tanstack/react-query";
import { type RefObject, useEffect, useRef, useState } from "react";
import { useApp } from "../app-context.ts";
import { useComeback } from "../use-comeback.ts";
import { askToPlay } from "./asking.ts";
import { destroyEngine, type Engine, openEngine, type Preparation, prepareEngine, type Tracks } from "./engine.ts";
import { keepPosition, lastPosition } from "./last-position.ts";
import { type Metrics, newMetrics } from "./metrics.ts";

/** Stopped this close to the end, the film begins anew. */
const END_SECONDS = 5;
/** Reasons that a new session cures: the old one's token or slot has run out. */
const RESTARTABLE = new Set(["MEDIA_TOKEN_EXPIRED", "LICENSE_TOKEN_EXPIRED", "PLAY_SESSION_ENDED", "TOKEN_EXPIRED"]);
const MAX_RESTARTS = 3;
/** Media and licences say only that the play is over; the next heartbeat says why. */
const OVER = new Set(["MEDIA_SESSION_ENDED", "LICENSE_PLAY_ENDED"]);
const WHY_MS = 10_000;
/** On a slow line the controls come before the picture. */
const CONTROLS_MS = 1_000;
/** Ends that are meant: starting again would take the film from where it was taken to, or from nobody. */
const MEANT = new Set(["replaced", "signed_out", "account_deleted", "ended_elsewhere"]);

/** One click on play, until it came to a play or was told to have come to none. */
interface View {
  readonly title: string;
  readonly id: string;
  isTold: boolean;
}

export interface Player {
  readonly displayTitle: string;
  readonly tracks: Tracks | undefined;
  readonly engine: Engine | undefined;
  readonly error: MatineeError | undefined;
  /** The browser wants a click before it plays sound. */
  readonly needsClick: boolean;
  /** The film cannot be fetched at the moment; it is being tried again. */
  readonly hasTrouble: boolean;
  readonly retry: () => void;
  /** Tells the service the position at once. */
  readonly beat: () => void;
}

export function usePlayer(
  name: string,
  format: "dash" | "hls",
  video: RefObject<HTMLVideoElement | null>,
  stage: RefObject<HTMLElement | null>,
): Player {
  const { platform, session: signedIn } = useApp();
  const queries = useQueryClient();
  const [attempt, setAttempt] = useState(0);
  const [displayTitle, setDisplayTitle] = useState("");
  const [tracks, setTracks] = useState<Tracks>();
  const [engine, setEngine] = useState<Engine>();
  const [error, setError] = useState<MatineeError>();
  const [needsClick, setNeedsClick] = useState(false);
  const [hasTrouble, setTrouble] = useState(false);
  const play = useRef<PlaySessionHandle>(undefined);
  const discarded = useRef(Promise.resolve());
  const restarts = useRef(0);
  const continueAt = useRef<number>(undefined);
  const view = useRef<View>(undefined);

  // biome-ignore lint/correctness/useExhaustiveDependencies: `attempt` starts it again
  useEffect(() => {
    const element = video.current;
    const box = stage.current;
    if (element === null || box === null) return;
    let isGone = false;
    let session: PlaySessionHandle | undefined;
    let prepared: Promise<Preparation> | undefined;
    let opened: Engine | undefined;
    let mine: View | undefined;
    let telemetry: Telemetry | undefined;
    let metrics: Metrics | undefined;
    let startSeconds = 0;
    /** The controls know of the film. */
    let isShown = false;
    const requestedMs = performance.now();
    setTrouble(false);
    setEngine(undefined);
    setTracks(undefined);

    const account = signedIn.current?.account ?? "";
    const keep = () => {
      if (opened !== undefined && element.currentTime > 0) keepPosition(name, account, element.currentTime);
    };
    let whyTimer: ReturnType<typeof setTimeout> | undefined;
    const discard = () => {
      const last = prepared;
      prepared = undefined;
      if (last === undefined) return;
      // The next player of this video waits for it.
      discarded.current = last
        .then(destroyEngine)
        .catch(() => undefined)
        .then(() => {
          // Timers of Shaka's hold the stage for some seconds: they need not hold the page around it.
          if (!box.isConnected) box.remove();
        });
    };
    const fail = (failure: MatineeError, canRestart: boolean) => {
      if (isGone) return;
      if (OVER.has(failure.reason) && session !== undefined && !canRestart) {
        session.beat();
        whyTimer ??= setTimeout(() => fail(failure, true), WHY_MS);
        return;
      }
      clearTimeout(whyTimer);
      const isMeant = MEANT.has(failure.metadata.end_reason ?? "");
      const mayRestart = (canRestart || RESTARTABLE.has(failure.reason)) && !isMeant;
      if (mayRestart && restarts.current < MAX_RESTARTS) {
        restarts.current += 1;
        continueAt.current = element.currentTime || undefined;
        setAttempt((count) => count + 1);
        return;
      }
      metrics?.failed(failure);
      tellAsView();
      continueAt.current = element.currentTime || undefined;
      keep();
      element.pause();
      setDisplayTitle(session?.displayTitle ?? "");
      setError(failure);
      // Nothing plays any more, so nothing holds a stream of the plan.
      void session?.stop();
      discard();
    };
    // Once for each click, however often it is tried again; and not where it came to a play before.
    const tellAsView = () => {
      if (session !== undefined || mine === undefined || mine.isTold) return;
      mine.isTold = true;
      telemetry?.tellAsView();
    };
    const leave = () => {
      keep();
      metrics?.ended();
      if (session !== undefined) session.stopLast();
      else if (mine?.isTold === false) telemetry?.flushLast();
    };
    // However it began, such as by a key of the keyboard or of the headphones.
    const isPlaying = () => setNeedsClick(false);
    element.addEventListener("playing", isPlaying);
    addEventListener("pagehide", leave);
    // A page that comes back from the browser's cache has no session any more.
    const comeBack = (event: PageTransitionEvent) => event.persisted && location.reload();
    addEventListener("pageshow", comeBack);

    const start = async () => {
      if (view.current?.title !== name) view.current = { title: name, id: newRequestId(), isTold: false };
      mine = view.current;
      telemetry = new Telemetry({ platform, title: name, viewId: mine.id });
      metrics = newMetrics(element, () => opened, telemetry, requestedMs);
      try {
        prepared = discarded.current.then(() => prepareEngine(format, element, box));
        // Thrown where it is awaited, if the service lets the film be played at all.
        prepared.catch(() => undefined);
        const preparation = prepared;
        session = startPlayback({
          platform,
          asked: await askToPlay(platform, name, format),
          // Whoever leaves before the film is there has stopped where it would have begun.
          position: () => ({
            seconds: opened === undefined ? startSeconds : element.currentTime,
            isPaused: element.paused,
          }),
          onEnded: (cause, canRestart) => fail(cause, canRestart),
          telemetry,
        });
        mine.isTold = true;
        if (isGone) return void session.stop();
        play.current = session;
        const known = lastPosition(name, account) ?? session.resumeSeconds;
        startSeconds = continueAt.current ?? (known < session.durationSeconds - END_SECONDS ? known : 0);
        metrics.begin();
        const readied = await preparation;
        if (isGone) return;
        opened = await openEngine(readied, {
          play: session,
          format,
          startSeconds,
          onTracks: () => {
            metrics?.renditionMayHaveChanged();
            if (opened !== undefined && isShown) setTracks(opened.tracks());
          },
          onError: (cause) => fail(cause, false),
          onTrouble: setTrouble,
        });
        if (isGone) return;
        // Browsers may ask for a click before they play sound.
        const playing = element.play().catch((refusal: unknown) => {
          // Anything else is a pause or a new source: the viewer's own doing.
          if (refusal instanceof DOMException && refusal.name === "NotAllowedError" && !isGone) setNeedsClick(true);
        });
        // The first picture does not wait for its controls.
        await Promise.race([playing, sleep(CONTROLS_MS)]);
        if (isGone) return;
        setError(undefined);
        setDisplayTitle(session.displayTitle);
        isShown = true;
        setEngine(opened);
        setTracks(opened.tracks());
        metrics.renditionMayHaveChanged();
      } catch (cause) {
        const failure = toMatineeError(cause);
        // Left before it was known what the start comes to.
        if (isGone) tellAsView();
        else if (failure.code !== Code.Canceled) fail(failure, false);
      }
    };
    // Not before React is through with it: what is taken back at once, as its strict mode does, starts no session. Nor
    // after the page was painted, which a timer would wait for.
    queueMicrotask(() => {
      if (!isGone) void start();
    });

    return () => {
      isGone = true;
      clearTimeout(whyTimer);
      element.removeEventListener("playing", isPlaying);
      removeEventListener("pagehide", leave);
      removeEventListener("pageshow", comeBack);
      keep();
      metrics?.ended();
      metrics?.stop();
      void session?.stop();
      discard();
      // Where one stopped, and with it the rows of the home page.
      void queries.invalidateQueries({ refetchType: "none" });
    };
  }, [name, format, platform, queries, signedIn, attempt]);

  // What stands on the page while it is tried again stays until it is answered.
  const tryAgain = () => {
    restarts.current = 0;
    setAttempt((count) => count + 1);
  };
  const retry = () => {
    setError(undefined);
    view.current = undefined;
    tryAgain();
  };
  useComeback(error, tryAgain);

  return {
    displayTitle,
    tracks,
    engine,
    error,
    needsClick,
    hasTrouble,
    retry,
    beat: () => play.current?.beat(),
  };
}
