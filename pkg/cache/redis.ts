/** A cache in Redis or Valkey, one server or a cluster: every operation is one command or script on one key. */

import { Cluster, type ClusterOptions, Redis, type RedisOptions, ReplyError } from "ioredis";
import type { Logger } from "#pkg/obs/obs";
import type { Cache } from "./cache.ts";
import { errors } from "./errors.ts";
import { checkKey, checkKeys, checkTtl, checkValue } from "./limits.ts";

export interface RedisCacheOptions {
  /** `redis:` or, with TLS, `rediss:`; `?cluster=true` where it is one node of a cluster. */
  readonly url: string;
  readonly log: Logger;
}

/** How long an operation waits for its answer, the time to connect included. */
const COMMAND_TIMEOUT_MS = 2_000;
const MAX_RECONNECT_MS = 1_000;

/** Answers of a server that cannot serve now. */
const AWAY = /^(LOADING|CLUSTERDOWN|TRYAGAIN|READONLY|MASTERDOWN)/;

const COMPARE_AND_SET = `
  local found = redis.call('GET', KEYS[1])
  if found ~= ARGV[1] then return {found} end
  redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
  return 1`;

const INCREMENT = `
  local sum = redis.call('INCRBY', KEYS[1], ARGV[1])
  if redis.call('PTTL', KEYS[1]) < 0 then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
  return sum`;

// Generic cell rate algorithm, as in the memory cache; the time is the server's, so that callers' clocks do not matter.
const TAKE_TOKEN = `
  local time = redis.call('TIME')
  local now = time[1] * 1000 + time[2] / 1000
  local token = 1000 / ARGV[1]
  local full = math.max(tonumber(redis.call('GET', KEYS[1]) or now), now) + token
  local wait = full - ARGV[2] * token - now
  if wait > 0.000001 then return math.ceil(wait) end
  redis.call('SET', KEYS[1], string.format('%.6f', full), 'PX', math.max(1, math.ceil(full - now)))
  return 0`;

const SCRIPTS = {
  compareAndSet: { lua: COMPARE_AND_SET, numberOfKeys: 1 },
  increment: { lua: INCREMENT, numberOfKeys: 1 },
  takeToken: { lua: TAKE_TOKEN, numberOfKeys: 1 },
};

/** The commands that ioredis makes of the scripts: by their digest, sent whole only where the server has not got them. */
interface Scripted {
  compareAndSet(key: string, expected: string, value: string, ttlMs: number): Promise<1 | [string | null]>;
  increment(key: string, by: number, ttlMs: number): Promise<number>;
  takeToken(key: string, perSecond: number, burst: number): Promise<number>;
}

export function openRedisCache(options: RedisCacheOptions): Cache {
  const client = connect(options.url);
  let isAway = false;
  client.on("error", (err: Error) => {
    // Said once for each outage; the operations that fail say so to their callers.
    if (!isAway) options.log.warn({ err }, "the cache is away");
    isAway = true;
  });
  client.on("ready", () => {
    isAway = false;
  });

  async function run<T>(operation: () => Promise<T>): Promise<T> {
    try {
      return await operation();
    } catch (error) {
      const answer = answerOf(error);
      if (answer === undefined || AWAY.test(answer)) throw errors.CACHE_UNAVAILABLE(error);
      throw error;
    }
  }

  return {
    async get(key) {
      checkKey(key);
      return (await run(() => client.get(key))) ?? undefined;
    },

    async getMany(keys) {
      checkKeys(keys);
      // Not MGET, which a cluster takes for keys of one slot only; what is asked for in one turn travels together anyhow.
      const values = await run(() => Promise.all(keys.map((key) => client.get(key))));
      return values.map((value) => value ?? undefined);
    },

    async set(key, value, ttlMs) {
      checkKey(key);
      checkValue(value, ttlMs);
      await run(() => client.set(key, value, "PX", Math.ceil(ttlMs)));
    },

    async setIfAbsent(key, value, ttlMs) {
      checkKey(key);
      checkValue(value, ttlMs);
      return (await run(() => client.set(key, value, "PX", Math.ceil(ttlMs), "NX"))) === "OK";
    },

    async compareAndSet(key, expected, value, ttlMs) {
      checkKey(key);
      checkValue(value, ttlMs);
      const answer = await run(() => client.compareAndSet(key, expected, value, Math.ceil(ttlMs)));
      return answer === 1 ? { isSet: true } : { isSet: false, value: answer[0] ?? undefined };
    },

    async delete(key) {
      checkKey(key);
      await run(() => client.del(key));
    },

    async increment(key, by, ttlMs) {
      checkKey(key);
      checkTtl(ttlMs);
      try {
        return await run(() => client.increment(key, by, Math.ceil(ttlMs)));
      } catch (error) {
        if (answerOf(error)?.includes("not an integer")) throw errors.CACHE_NOT_A_COUNTER(key);
        throw error;
      }
    },

    async takeToken(key, { perSecond, burst }) {
      checkKey(key);
      return { retryAfterMs: await run(() => client.takeToken(key, perSecond, burst)) };
    },

    async [Symbol.asyncDispose]() {
      client.disconnect();
    },
  };
}

/** What the server answered in place of a result; undefined where it answered nothing. */
function answerOf(error: unknown): string | undefined {
  return error instanceof Error && error instanceof ReplyError ? (error as Error).message : undefined;
}

function connect(url: string): (Redis | Cluster) & Scripted {
  const { protocol, hostname, port, username, password, pathname, searchParams } = new URL(url);
  const common = {
    ...(username === "" ? {} : { username: decodeURIComponent(username) }),
    ...(password === "" ? {} : { password: decodeURIComponent(password) }),
    ...(protocol === "rediss:" ? { tls: {} } : {}),
    connectTimeout: COMMAND_TIMEOUT_MS,
    commandTimeout: COMMAND_TIMEOUT_MS,
    maxRetriesPerRequest: 1,
  } satisfies RedisOptions;
  // What is asked for in one turn goes out as one write.
  const shared = { enableAutoPipelining: true, scripts: SCRIPTS };
  const node = { host: hostname, port: port === "" ? 6379 : Number(port) };
  const again = (attempt: number) => Math.min(50 * attempt, MAX_RECONNECT_MS);
  const client =
    searchParams.get("cluster") === "true"
      ? new Cluster([node], { ...shared, redisOptions: common, clusterRetryStrategy: again } satisfies ClusterOptions)
      : new Redis({ ...node, ...common, ...shared, db: Number(pathname.slice(1)) || 0, retryStrategy: again });
  return client as (Redis | Cluster) & Scripted;
}
