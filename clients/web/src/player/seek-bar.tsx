/** The line of time: what is watched, what is buffered, and where the pointer would go. */

import { type CSSProperties, type PointerEvent, useRef, useState } from "react";
import { clock, spokenClock } from "../words.ts";
import styles from "./seek-bar.module.css";
import type { VideoState } from "./use-video-state.ts";

export function SeekBar({ state, onSeek }: { readonly state: VideoState; readonly onSeek: (seconds: number) => void }) {
  const bar = useRef<HTMLDivElement>(null);
  const [hover, setHover] = useState<number>();
  // While it is dragged the thumb follows the hand, not the film.
  const [dragged, setDragged] = useState<number>();
  const duration = state.durationSeconds;
  const seconds = dragged ?? state.seconds;
  const share = (value: number) => (duration > 0 ? Math.min(1, value / duration) : 0);

  const point = (event: PointerEvent) => {
    const box = bar.current?.getBoundingClientRect();
    if (box === undefined || duration === 0) return;
    setHover(Math.min(1, Math.max(0, (event.clientX - box.left) / box.width)) * duration);
  };

  return (
    <div
      ref={bar}
      className={styles.bar}
      onPointerMove={point}
      onPointerLeave={() => setHover(undefined)}
      style={{ "--share": share(seconds), "--buffered": share(state.bufferedSeconds) } as CSSProperties}
    >
      <input
        type="range"
        className={styles.input}
        data-testid="seek"
        data-keys="player"
        aria-label="Position"
        aria-valuetext={`${spokenClock(seconds)} of ${spokenClock(duration)}`}
        min={0}
        max={duration || 1}
        // A step would round the value, React would take the rounded one for a change by hand, and seek back.
        step="any"
        value={Math.min(seconds, duration || 1)}
        disabled={duration === 0}
        onChange={(event) => {
          const to = Number(event.target.value);
          if (dragged === undefined) onSeek(to);
          else setDragged(to);
        }}
        onPointerDown={() => setDragged(state.seconds)}
        onPointerUp={(event) => {
          onSeek(Number(event.currentTarget.value));
          setDragged(undefined);
        }}
        onPointerCancel={() => setDragged(undefined)}
      />
      {hover !== undefined && (
        <span className={styles.hover} style={{ left: `${share(hover) * 100}%` }} aria-hidden="true">
          {clock(hover)}
        </span>
      )}
    </div>
  );
}
