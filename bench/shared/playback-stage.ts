/** What the benches of playback stand on: its module in a host of its own, a real Redis, stand-ins, plays. */

import { AsyncLocalStorage } from "node:async_hooks";
import { randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { durationFromMs } from "@bufbuild/protobuf/wkt";
import pg from "pg";
import { CatalogService } from "#gen/matinee/catalog/v1/catalog_service_pb";
import { Ceiling, KeySystem, ManifestFormat, Protection, TrackClass } from "#gen/matinee/common/v1/media_pb";
import { LicenseService } from "#gen/matinee/license/v1/license_service_pb";
import { ProfileService } from "#gen/matinee/profile/v1/profile_service_pb";
import { type Host, openHost } from "#pkg/app/host";
import { generateSigningKey, signToken, toPublicJwk } from "#pkg/auth/tokens";
import { VIEWER_ISSUER } from "#pkg/auth/viewer";
import type { Cache } from "#pkg/cache/cache";
import { openCache } from "#pkg/cache/open";
import { newId, systemClock } from "#pkg/clock/clock";
import { silentLogger } from "#pkg/obs/logger";
import type { Db } from "#pkg/postgres/db";
import { openPool } from "#pkg/postgres/pool";
import { roleUrl } from "#pkg/postgres/roles";
import { fake } from "#pkg/testkit/module";
import { testPostgresUrl } from "#pkg/testkit/postgres";
import { startRedis, type TestRedis } from "#pkg/testkit/redis";
import { playback } from "../../services/playback/module.ts";

export interface BenchStage extends AsyncDisposable {
  readonly host: Host;
  readonly redis: TestRedis;
  /** A client of the same server, beside the host's own. */
  readonly cache: Cache;
  /** A pool of the same size as the module's own, on its schema. */
  readonly db: Db;
  /** Headers of a new viewer of a new account. */
  viewer(): Promise<{
    readonly accountId: string;
    readonly profileId: string;
    readonly headers: { readonly authorization: string };
  }>;
}

export const DEVICE = {
  id: "device-0001",
  displayName: "Chrome on Linux",
  keySystems: [KeySystem.CLEARKEY],
  formats: [ManifestFormat.DASH],
};

export async function openBenchStage(): Promise<BenchStage> {
  await using stack = new AsyncDisposableStack();
  const redis = stack.use(await startRedis());
  const data = await mkdtemp(join(tmpdir(), "matinee-bench-playback-"));
  stack.defer(() => rm(data, { recursive: true, force: true }));
  const key = await generateSigningKey();
  const packageName = `packages/${newId()}`;
  const adminUrl = await testPostgresUrl();
  const roleSecret = randomBytes(32);
  const tracks = ["240p", "360p", "480p", "720p", "1080p"].map((lines) => ({
    trackClass: lines.length < 5 && lines !== "720p" ? TrackClass.SD : TrackClass.HD,
    path: `a1b2c3d4/video-${lines}.mp4`,
  }));
  const host = stack.use(
    await openHost({
      modules: [playback],
      known: [playback],
      env: {
        ...{ LISTEN: "off", INTERNAL_LISTEN: "off", WEB_ROOT: "off", DATA: data, CACHE_URL: redis.url },
        // The limit is asked each time and never reached.
        ...{ RATE_LIMIT_PER_SECOND: "1000000", RATE_LIMIT_BURST: "1000000" },
      },
      log: silentLogger,
      given: {
        database: { adminUrl, roleSecret, nameOf: (name) => name },
        services: [
          {
            module: "catalog",
            binding: fake(CatalogService, {
              checkAvailability: async () => ({
                availability: { isAvailable: true },
                title: { displayTitle: "The Night Train" },
                package: {
                  ...{ name: packageName, asset: packageName.replace("packages", "assets"), revision: 1, tracks },
                  protection: Protection.CBCS,
                  manifests: [
                    { format: ManifestFormat.DASH, ceiling: Ceiling.SD, path: "a1b2c3d4/sd.mpd" },
                    { format: ManifestFormat.DASH, ceiling: Ceiling.HD, path: "a1b2c3d4/hd.mpd" },
                  ],
                  duration: durationFromMs(6_000_000),
                },
              }),
            }),
          },
          {
            module: "profile",
            binding: fake(ProfileService, {
              getViewer: async () => ({
                viewer: { tier: "standard", maxHeight: 1080, maxStreams: 2, maximumAge: 21, language: "en" },
              }),
            }),
          },
          {
            module: "license",
            binding: fake(LicenseService, {
              listKeySystems: async () => ({
                keySystems: [{ keySystem: KeySystem.CLEARKEY, isEnabled: true, uri: "/license/clearkey" }],
              }),
            }),
          },
        ],
        keySets: new Map([[VIEWER_ISSUER, { keys: async () => [toPublicJwk(key)] }]]),
      },
    }),
  );
  const cache = stack.use(await openCache(redis.url, { clock: systemClock, log: silentLogger }));
  const url = roleUrl(adminUrl, roleSecret, "playback");
  const db = stack.use(openPool({ url, name: "bench", log: silentLogger }));
  const owned = stack.move();
  return {
    host,
    redis,
    cache,
    db,
    async viewer() {
      const [accountId, profileId, issuedAt] = [newId(), newId(), systemClock.now()];
      const token = await signToken(key, {
        issuer: VIEWER_ISSUER,
        subject: accountId,
        issuedAt,
        expiresAt: new Date(issuedAt.getTime() + 3_600_000),
        claims: { sid: newId(), pid: profileId, roles: [], permissions: [] },
      });
      return { accountId, profileId, headers: { authorization: `Bearer ${token}` } };
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

export interface Load {
  readonly count: number;
  readonly perSecond: number;
  /** CPU of this process for each, its threads included. */
  readonly cpuMicroseconds: number;
}

/** So many callers, each asking again as soon as it was answered. */
export async function drive(
  callers: number,
  seconds: number,
  ask: (caller: number) => Promise<unknown>,
): Promise<Load> {
  const [beganAt, before] = [performance.now(), process.cpuUsage()];
  const endAt = beganAt + seconds * 1000;
  let count = 0;
  await Promise.all(
    Array.from({ length: callers }, async (_, caller) => {
      while (performance.now() < endAt) {
        await ask(caller);
        count += 1;
      }
    }),
  );
  const { user, system } = process.cpuUsage(before);
  return { count, perSecond: (count * 1000) / (performance.now() - beganAt), cpuMicroseconds: (user + system) / count };
}

/** Lets the engine compile what is going to be measured, however slow the machine is at the moment. */
export async function warm(times: number, callers: number, ask: (caller: number) => Promise<unknown>): Promise<void> {
  const all = Array.from({ length: callers }, (_, caller) => caller);
  for (let count = 0; count < times; count += callers) await Promise.all(all.map(ask));
}

/** Counts the statements that the driver sends, and apart from them those that come from inside `within`. */
export function countStatements() {
  const inside = new AsyncLocalStorage<true>();
  const counted = { all: 0, within: 0 };
  const send = pg.Client.prototype.query;
  pg.Client.prototype.query = function (this: pg.Client, ...args: unknown[]) {
    counted.all += 1;
    if (inside.getStore() === true) counted.within += 1;
    return Reflect.apply(send, this, args);
  } as typeof send;
  return { counted, within: <T>(work: () => T): T => inside.run(true, work) };
}

export function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
}
