/** The key systems of this installation: which engines are on, and why the others are off. */

import { KEY_SYSTEMS, type KeySystem } from "../domain/record.ts";
import { errors } from "../errors.ts";
import type { LicenseEngine, Trust } from "./engine.ts";

export interface SystemStatus {
  readonly system: KeySystem;
  readonly trust: Trust;
  readonly isEnabled: boolean;
  readonly note: string;
  readonly emeNames: readonly string[];
  /** A UUID; empty where no DASH `pssh` box of key ids is meant for it. */
  readonly systemId: string;
  /** Empty where it has no key lines in HLS. */
  readonly hlsKeyFormat: string;
}

export interface KeySystems {
  /** Throws `KEY_SYSTEM_UNKNOWN` for what is no key system, `KEY_SYSTEM_OFF` where it has no engine here. */
  engine(system: string): LicenseEngine;
  list(): readonly SystemStatus[];
  /** What a viewer may know: the systems that are on, without what is said to operators. */
  listForViewers(): readonly SystemStatus[];
}

/**
 * How manifests name each system. A package outlives what is on today, so this is known of systems that are off, too.
 * Widevine and PlayReady need initialization data that only an engine of theirs can write.
 */
const SIGNALING: Readonly<Record<KeySystem, { readonly systemId: string; readonly hlsKeyFormat: string }>> = {
  // W3C's common system, which lists key ids and means nobody's DRM in particular.
  clearkey: { systemId: "1077efec-c0b2-4d02-ace3-3c1e52e2fb4b", hlsKeyFormat: "" },
  widevine: { systemId: "", hlsKeyFormat: "" },
  playready: { systemId: "", hlsKeyFormat: "" },
  fairplay: { systemId: "", hlsKeyFormat: "com.apple.streamingkeydelivery" },
};

/** What only the owner of each system can give (drm.md 9), and what is missing without it. */
const MISSING: Readonly<Record<KeySystem, string>> = {
  clearkey: "LICENSE_CLEARKEY_ENABLED is false",
  widevine: "needs a provider name and signing key of Google's Widevine licence service",
  playready: "needs a PlayReady server licence and the operator's service that runs Microsoft's Server SDK",
  fairplay: "needs Apple's FPS deployment package: certificate, private key and the SDK's derivation function",
};

export function newKeySystems(engines: readonly LicenseEngine[]): KeySystems {
  const bySystem = new Map<string, LicenseEngine>(engines.map((engine) => [engine.system, engine]));
  const list = (): SystemStatus[] =>
    KEY_SYSTEMS.map((system) => {
      const engine = bySystem.get(system);
      if (engine === undefined) {
        const note = `off: ${MISSING[system]}`;
        return { system, trust: "none", isEnabled: false, note, emeNames: [], ...SIGNALING[system] };
      }
      const { trust, note, emeNames } = engine;
      return { system, trust, isEnabled: true, note, emeNames, ...SIGNALING[system] };
    });
  return {
    list,
    listForViewers: () => list().flatMap((status) => (status.isEnabled ? [{ ...status, note: "" }] : [])),

    engine(system) {
      const engine = bySystem.get(system);
      if (engine !== undefined) return engine;
      const known = toKeySystem(system);
      throw known === undefined ? errors.KEY_SYSTEM_UNKNOWN() : errors.KEY_SYSTEM_OFF(known, MISSING[known]);
    },
  };
}

/** Undefined for what is no key system. */
export function toKeySystem(text: string): KeySystem | undefined {
  return KEY_SYSTEMS.find((system) => system === text);
}
