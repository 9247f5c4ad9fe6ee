/** What a session was granted, and what of a package it plays. */

import type { Ceiling } from "./ceiling.ts";

export type TrackClass = "audio" | "sd" | "hd" | "uhd";
export type Format = "dash" | "hls";
export type KeySystem = "clearkey" | "widevine" | "playready" | "fairplay";

/** A package as playback sees it. */
export interface PlayablePackage {
  readonly id: string;
  readonly revision: number;
  readonly assetId: string;
  readonly isEncrypted: boolean;
  readonly durationMs: number;
  readonly manifests: readonly { readonly format: Format; readonly ceiling: Ceiling; readonly path: string }[];
  /** Tracks that have a class, each with its file below the revision's folder. */
  readonly tracks: readonly { readonly trackClass: TrackClass; readonly path: string }[];
}

export interface KeyPolicy {
  readonly trackClass: TrackClass;
  readonly licenseDurationMs: number;
  readonly minHdcp: "none" | "v1" | "v2_2";
  readonly minRobustness: "none" | "software" | "hardware";
}

export interface Grant {
  readonly sessionId: string;
  readonly accountId: string;
  readonly profileId: string;
  readonly titleId: string;
  readonly deviceId: string;
  readonly pack: PlayablePackage;
  readonly ceiling: Ceiling;
  readonly territory: string;
  readonly rightsEndAt: Date | undefined;
  readonly policies: readonly KeyPolicy[];
}

/** What the holder of a play token was granted, as far as keeping and ending the play takes. */
export interface HeldGrant {
  readonly sessionId: string;
  readonly accountId: string;
  readonly profileId: string;
  readonly titleId: string;
  readonly territory: string;
  readonly rightsEndAt: Date | undefined;
  readonly tokenExpiresAt: Date;
  /** The whole grant as the token carries it, to be signed again. */
  readonly grant: object;
}

/** One policy for each class of the package that the ceiling allows. */
export function policiesFor(pack: PlayablePackage, ceiling: Ceiling, licenseDurationMs: number): KeyPolicy[] {
  if (!pack.isEncrypted) return [];
  const order: readonly TrackClass[] = ["audio", "sd", "hd", "uhd"];
  return order
    .slice(0, order.indexOf(ceiling) + 1)
    .filter((trackClass) => pack.tracks.some((track) => track.trackClass === trackClass))
    .map((trackClass) => ({ trackClass, licenseDurationMs, ...PROTECTION[trackClass] }));
}

/** What the output and the device must offer; an engine that can enforce it does. */
const PROTECTION = {
  audio: { minHdcp: "none", minRobustness: "none" },
  sd: { minHdcp: "none", minRobustness: "none" },
  hd: { minHdcp: "v1", minRobustness: "software" },
  uhd: { minHdcp: "v2_2", minRobustness: "hardware" },
} as const satisfies Record<TrackClass, Pick<KeyPolicy, "minHdcp" | "minRobustness">>;
