/** The controls over the film: a line of time, and one row of buttons. */

import { type RefObject, useState } from "react";
import { IconButton } from "../ui/button.tsx";
import type { IconName } from "../ui/icon.tsx";
import { clock } from "../words.ts";
import styles from "./controls.module.css";
import type { Engine, Tracks } from "./engine.ts";
import { type Actions, JUMP_SECONDS } from "./keyboard.ts";
import { Menu } from "./menu.tsx";
import { SeekBar } from "./seek-bar.tsx";
import type { VideoState } from "./use-video-state.ts";

const RATES = [0.5, 0.75, 1, 1.25, 1.5, 2];

export function Controls({
  title,
  state,
  tracks,
  engine,
  video,
  actions,
  onMenu,
}: {
  readonly title: string;
  readonly state: VideoState;
  readonly tracks: Tracks | undefined;
  readonly engine: Engine | undefined;
  readonly video: RefObject<HTMLVideoElement | null>;
  readonly actions: Actions;
  readonly onMenu: (isOpen: boolean) => void;
}) {
  const [open, setOpen] = useState<string>();
  const show = (name: string | undefined) => {
    setOpen(name);
    onMenu(name !== undefined);
  };
  const menu = { open, onOpen: show };
  const captionsOn = tracks?.captions[0]?.isChosen === false;
  return (
    <div className={styles.controls}>
      <div className={styles.top}>
        <IconButton icon="arrowLeft" label="Back" onClick={actions.leave} data-testid="player-back" />
        <p className={styles.title} data-testid="player-title" dir="auto">
          {title}
        </p>
      </div>
      <div className={styles.bottom}>
        <SeekBar state={state} onSeek={actions.seekTo} />
        <div className={styles.row}>
          <IconButton
            icon={state.isPaused ? "play" : "pause"}
            label={state.isPaused ? "Play" : "Pause"}
            onClick={actions.togglePlay}
            data-testid="play-pause"
          />
          <IconButton icon="back10" label="Back 10 seconds" onClick={() => actions.seekBy(-JUMP_SECONDS)} />
          <IconButton icon="forward10" label="Forward 10 seconds" onClick={() => actions.seekBy(JUMP_SECONDS)} />
          <div className={styles.volume}>
            <IconButton
              icon={volumeIcon(state)}
              label={state.isMuted ? "Sound on" : "Mute"}
              onClick={actions.toggleMuted}
            />
            <input
              type="range"
              min={0}
              max={1}
              step={0.05}
              value={state.isMuted ? 0 : state.volume}
              aria-label="Volume"
              aria-valuetext={`${Math.round((state.isMuted ? 0 : state.volume) * 100)} percent`}
              style={{ "--share": state.isMuted ? 0 : state.volume } as React.CSSProperties}
              onChange={(event) => {
                if (video.current === null) return;
                video.current.muted = false;
                video.current.volume = Number(event.target.value);
              }}
              // Set by hand: the arrow keys go on to mean what they mean over the film.
              onPointerUp={(event) => event.currentTarget.blur()}
            />
          </div>
          <p className={styles.time} data-testid="time">
            <span data-testid="position">{clock(state.seconds)}</span>
            <span aria-hidden="true"> / </span>
            <span className="visually-hidden">of</span>
            <span data-testid="duration">{clock(Math.round(state.durationSeconds))}</span>
          </p>
          <span className={styles.space} />
          {(tracks?.captions.length ?? 0) > 1 && (
            <Menu
              {...menu}
              name="captions"
              label="Captions"
              icon="captions"
              isOn={captionsOn}
              choices={tracks?.captions ?? []}
              onChoose={(id) => engine?.chooseCaptions(id)}
            />
          )}
          {(tracks?.audio.length ?? 0) > 1 && (
            <Menu
              {...menu}
              name="audio"
              label="Audio"
              icon="audio"
              choices={tracks?.audio ?? []}
              onChoose={(id) => engine?.chooseAudio(id)}
            />
          )}
          {(tracks?.quality.length ?? 0) > 2 && (
            <Menu
              {...menu}
              name="quality"
              label="Quality"
              icon="quality"
              choices={tracks?.quality ?? []}
              onChoose={(id) => engine?.chooseQuality(id)}
            />
          )}
          <Menu
            {...menu}
            name="speed"
            label="Speed"
            icon="speed"
            isOn={state.rate !== 1}
            choices={RATES.map((rate) => ({
              id: String(rate),
              label: rate === 1 ? "Normal" : `${rate}×`,
              isChosen: state.rate === rate,
            }))}
            onChoose={(id) => {
              if (video.current !== null) video.current.playbackRate = Number(id);
            }}
          />
          {document.pictureInPictureEnabled && (
            <span className={styles.wide}>
              <IconButton
                icon="pip"
                label={state.isInPip ? "Leave picture in picture" : "Picture in picture"}
                onClick={actions.togglePip}
              />
            </span>
          )}
          {document.fullscreenEnabled && (
            <IconButton
              icon={state.isFullscreen ? "exitFullscreen" : "fullscreen"}
              label={state.isFullscreen ? "Leave full screen" : "Full screen"}
              onClick={actions.toggleFullscreen}
              data-testid="fullscreen"
            />
          )}
        </div>
      </div>
    </div>
  );
}

function volumeIcon({ isMuted, volume }: VideoState): IconName {
  if (isMuted) return "muted";
  return volume < 0.5 ? "volumeLow" : "volume";
}
