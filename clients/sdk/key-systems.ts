/** Which of the key systems that licences are issued of a device can use: the service names them, the device tries. */

import { nowMs } from "./clock.ts";
import type { KeySystem } from "./gen/matinee/common/v1/media_pb.ts";
import { LicenseService } from "./gen/matinee/license/v1/license_service_pb.ts";
import type { Platform } from "./platform.ts";

/** They change with a deployment, and a page may stay open for days. */
const KEEP_MS = 10 * 60_000;

type KeySystems = Promise<KeySystem[]>;

const known = new WeakMap<Platform, { readonly usable: KeySystems; readonly untilMs: number }>();

/**
 * Numbers for `Device.key_systems`, in the order of the offer; none where the service cannot be asked, for what is not
 * encrypted plays without. `supports` is asked about names in Encrypted Media Extensions. Remembered for ten minutes.
 */
export function usableKeySystems(platform: Platform, supports: (emeName: string) => Promise<boolean>): KeySystems {
  const kept = known.get(platform);
  if (kept !== undefined && nowMs() < kept.untilMs) return kept.usable;
  const usable = ask(platform, supports).catch(() => {
    known.delete(platform);
    return [];
  });
  known.set(platform, { usable, untilMs: nowMs() + KEEP_MS });
  return usable;
}

async function ask(platform: Platform, supports: (emeName: string) => Promise<boolean>): KeySystems {
  const { keySystems } = await platform.client(LicenseService).listKeySystems({});
  const tried = await Promise.all(
    keySystems.map(async ({ keySystem, isEnabled, emeNames }) => {
      const isUsable = isEnabled && (await Promise.all(emeNames.map(supports))).includes(true);
      return isUsable ? [keySystem] : [];
    }),
  );
  return tried.flat();
}
