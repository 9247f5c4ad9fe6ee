/** Opens the cache that a URL names, loading only that adapter. */

import type { Clock } from "#pkg/clock/clock";
import type { Logger } from "#pkg/obs/obs";
import type { Cache } from "./cache.ts";
import { errors } from "./errors.ts";

export interface OpenCacheOptions {
  readonly clock: Clock;
  readonly log: Logger;
}

/**
 * `memory:` lives in this process and holds 64 MiB; `memory:?max_bytes=…` holds more or less. `redis://host:port/db`, with
 * TLS `rediss:`, is shared by processes; `?cluster=true` where the host is one node of a cluster.
 */
export async function openCache(url: string, options: OpenCacheOptions): Promise<Cache> {
  const scheme = url.slice(0, url.indexOf(":") + 1);
  switch (scheme) {
    case "memory:": {
      const { openMemoryCache } = await import("./memory.ts");
      const maxBytes = new URL(url).searchParams.get("max_bytes");
      return openMemoryCache({ clock: options.clock, ...(maxBytes === null ? {} : { maxBytes: Number(maxBytes) }) });
    }
    case "redis:":
    case "rediss:": {
      const { openRedisCache } = await import("./redis.ts");
      return openRedisCache({ url, log: options.log });
    }
    default:
      throw errors.CACHE_URL_UNSUPPORTED(scheme);
  }
}
