/** What a session was granted, and what of a package it plays. */

import { RESOLUTION_CLASSES } from "#pkg/media/resolution-class";
import { type Ceiling, isWithin } from "./ceiling.ts";

export type TrackClass = "audio" | Ceiling;
export type Format = "dash" | "hls";

/**
 * The contract's number of a key system. Which there are is license's to say; here what a device names is only held
 * against what is offered.
 */
export type KeySystem = number;

/** A key system that licences are issued of, and where. */
export interface OfferedKeySystem {
  readonly keySystem: KeySystem;
  /** A reference resolved against the edge's origin, or absolute. */
  readonly uri: string;
  /** Names in Encrypted Media Extensions. */
  readonly emeNames: readonly string[];
}

/** A package as playback sees it. */
export interface PlayablePackage {
  readonly id: string;
  readonly revision: number;
  readonly assetId: string;
  readonly isEncrypted: boolean;
  readonly durationMs: number;
  /** Format and ceiling are undefined where this release does not know them. */
  readonly manifests: readonly {
    readonly format: Format | undefined;
    readonly ceiling: Ceiling | undefined;
    readonly path: string;
  }[];
  /** Tracks that have a class, undefined where this release does not know it; the file is below the revision's folder. */
  readonly tracks: readonly { readonly trackClass: TrackClass | undefined; readonly path: string }[];
}

export interface KeyPolicy {
  readonly trackClass: TrackClass;
  readonly licenseDurationMs: number;
  readonly minHdcp: "none" | "v1" | "v2_2" | "v2_3";
  readonly minRobustness: "none" | "software_crypto" | "hardware_all";
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
  readonly claim: string;
}

/** One policy for each class of the package that the ceiling allows. */
export function policiesFor(pack: PlayablePackage, ceiling: Ceiling, licenseDurationMs: number): KeyPolicy[] {
  if (!pack.isEncrypted) return [];
  const within = RESOLUTION_CLASSES.filter((resolutionClass) => isWithin(resolutionClass, ceiling));
  return (["audio", ...within] as const)
    .filter((trackClass) => pack.tracks.some((track) => track.trackClass === trackClass))
    .map((trackClass) => ({ trackClass, licenseDurationMs, ...PROTECTION[trackClass] }));
}

/** What the output and the device must offer; an engine that can enforce it does. */
const PROTECTION = {
  audio: { minHdcp: "none", minRobustness: "none" },
  sd: { minHdcp: "none", minRobustness: "none" },
  hd: { minHdcp: "v1", minRobustness: "software_crypto" },
  uhd: { minHdcp: "v2_2", minRobustness: "hardware_all" },
  uhd2: { minHdcp: "v2_3", minRobustness: "hardware_all" },
} as const satisfies Record<TrackClass, Pick<KeyPolicy, "minHdcp" | "minRobustness">>;
