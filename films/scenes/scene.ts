/** How a film is put together from scenes: their times, cross-fades, and the fades at both ends. */

import { createCanvas } from "@napi-rs/canvas";
import { type Layer, openStage, ramp, type Stage } from "../draw/stage.ts";

/** Paints one frame of a scene; `seconds` since the scene began, `share` of it that has passed. */
export type Paint = (seconds: number, share: number) => void;

export interface Scene {
  /** Seconds into the film. */
  readonly from: number;
  readonly to: number;
  /** Seconds of cross-fade from the scene before, taken from the scene's first seconds; 0 is a cut. */
  readonly crossFade: number;
  /** Paints the scene's layers and returns what paints its frames. */
  readonly open: (stage: Stage) => Paint;
}

export interface Painter {
  readonly stage: Stage;
  /** Paints the frame at this time of the film. */
  paint(seconds: number): void;
}

/** A painter of these scenes, which must follow each other without a gap. */
export function openPainter(pixelWidth: number, pixelHeight: number, scenes: readonly Scene[]): Painter {
  const stage = openStage(pixelWidth, pixelHeight);
  const opened = new Map<Scene, Paint>();
  const end = scenes.at(-1)?.to ?? 0;
  const under = createCanvas(pixelWidth, pixelHeight);

  const show = (scene: Scene, seconds: number) => {
    let paint = opened.get(scene);
    if (!paint) {
      for (const known of opened.keys()) if (known.to < seconds - 1) opened.delete(known);
      paint = scene.open(stage);
      opened.set(scene, paint);
    }
    paint(seconds - scene.from, (seconds - scene.from) / (scene.to - scene.from));
  };

  return {
    stage,
    paint(seconds) {
      const at = scenes.findIndex((scene) => seconds < scene.to);
      const scene = scenes[at < 0 ? scenes.length - 1 : at];
      if (!scene) return;
      show(scene, seconds);
      const before = scenes[at - 1];
      const shown = scene.crossFade > 0 ? ramp(seconds, scene.from, scene.from + scene.crossFade) : 1;
      if (before && shown < 1) {
        under.getContext("2d").drawImage(stage.brush.canvas, 0, 0);
        show(before, seconds);
        stage.put({ canvas: under, width: stage.width, height: stage.height } satisfies Layer, 0, 0, { alpha: shown });
      }
      const dark = 1 - ramp(seconds, 0, 1.4) * (1 - ramp(seconds, end - 1.6, end - 0.2));
      if (dark > 0) {
        stage.brush.fillStyle = `rgba(2,3,8,${dark})`;
        stage.brush.fillRect(0, 0, stage.width, stage.height);
      }
    },
  };
}
