/** The license service as the packager needs it. */

import type { Client } from "@connectrpc/connect";
import type { LicenseService } from "#gen/matinee/license/v1/license_service_pb";
import { SecretBytes } from "#pkg/keys/keys";
import { toKeyClass, toTrackClass } from "./convert.ts";
import type { Signaling } from "./domain/manifests.ts";
import type { KeyClass } from "./domain/revision.ts";
import type { ServedKey } from "./shaka/key-server.ts";

export interface TrackIv {
  /** 32 hex digits. */
  readonly keyId: string;
  readonly trackId: string;
  readonly constantIv: Uint8Array;
}

export interface ContentKeyPeer {
  /** How manifests name the key systems that license knows. */
  signaling(signal: AbortSignal): Promise<Signaling>;
  /** One key for each class, the same ones at every call; the caller zeroes them. */
  ensure(assetId: string, classes: readonly KeyClass[], signal: AbortSignal): Promise<ServedKey[]>;
  recordIvs(
    of: { readonly assetId: string; readonly packageId: string; readonly revision: number },
    ivs: readonly TrackIv[],
    signal: AbortSignal,
  ): Promise<void>;
}

export function contentKeyPeer(license: Client<typeof LicenseService>): ContentKeyPeer {
  return {
    async signaling(signal) {
      const { keySystems } = await license.listKeySystems({}, { signal });
      const said = (values: readonly string[]) => [...new Set(values.filter((value) => value !== ""))];
      return {
        systemIds: said(keySystems.map(({ systemId }) => systemId)),
        hlsKeyFormats: said(keySystems.map(({ hlsKeyFormat }) => hlsKeyFormat)),
      };
    },

    async ensure(assetId, classes, signal) {
      const { contentKeys } = await license.ensureContentKeys(
        { content: `assets/${assetId}`, trackClasses: classes.map(toTrackClass) },
        { signal },
      );
      return contentKeys.flatMap(({ keyId, key, trackClass }): ServedKey[] => {
        const keyClass = toKeyClass(trackClass);
        return keyClass === undefined ? [] : [{ keyId, key: new SecretBytes(key), keyClass }];
      });
    },

    async recordIvs({ assetId, packageId, revision }, ivs, signal) {
      await license.recordContentKeyIvs(
        {
          content: `assets/${assetId}`,
          package: `packages/${packageId}`,
          revision,
          ivs: ivs.map(({ keyId, trackId, constantIv }) => ({
            keyId: new Uint8Array(Buffer.from(keyId, "hex")),
            track: trackId,
            constantIv: new Uint8Array(constantIv),
          })),
        },
        { signal },
      );
    },
  };
}
