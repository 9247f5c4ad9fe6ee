/** The `Db` port over node-postgres: a bounded pool that reconnects, maps errors and traces each statement. */

import { randomInt } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import pg from "pg";
import type { Logger } from "#pkg/obs/obs";
import type { Db, Row, Tx } from "./db.ts";
import { databaseFull, errors, isConflict, isConnectionLoss, isDatabaseFull, toAppError } from "./errors.ts";
import { Listener } from "./listener.ts";
import { tracedStatement } from "./trace.ts";

export interface PoolOptions {
  /** `postgres://role:password@host:port/database`, from `roleUrl`. */
  readonly url: string;
  /** Shown in `pg_stat_activity` and in traces; the module's name. */
  readonly name: string;
  readonly log: Logger;
  /** Connections at most, besides one for `listen` where it is used. Default 4. */
  readonly maxConnections?: number;
  /** How long a statement may run. Default 30 s. */
  readonly statementTimeoutMs?: number;
  /** How long to wait for a connection while the server is down or every connection is in use. Default 5 s. */
  readonly connectTimeoutMs?: number;
}

const PING_TIMEOUT_MS = 2000;
/** How long a server that had no room for a statement is taken for full; whoever waits for room tries sooner again. */
const FULL_FOR_MS = 15_000;
const TX_TRIES = 4;

/** Opens no connection until the first use. Disposal waits for running statements. */
export function openPool(options: PoolOptions): Db {
  const statementTimeoutMs = options.statementTimeoutMs ?? 30_000;
  const connectTimeoutMs = options.connectTimeoutMs ?? 5000;
  const client: pg.ClientConfig = {
    connectionString: options.url,
    application_name: options.name,
    keepAlive: true,
    statement_timeout: statementTimeoutMs,
    // bounds a statement whose server has vanished without closing the connection
    query_timeout: statementTimeoutMs + 5000,
    idle_in_transaction_session_timeout: 60_000,
    types: { getTypeParser: parserOf },
  };
  const pool = new pg.Pool({
    ...client,
    max: options.maxConnections ?? 4,
    idleTimeoutMillis: 30_000,
    connectionTimeoutMillis: connectTimeoutMs,
    allowExitOnIdle: true,
  });
  // an idle connection that breaks is replaced at the next use; unheard, the event would end the process
  pool.on("error", (error) =>
    options.log.debug({ reason: error.message, pool: options.name }, "idle database connection lost"),
  );
  const listener = new Listener(client, options.log);
  let ending: Promise<unknown> | undefined;
  let fullAtMs = Number.NEGATIVE_INFINITY;

  function toOurs(error: unknown): unknown {
    if (isDatabaseFull(error)) {
      const nowMs = performance.now();
      if (nowMs - fullAtMs > FULL_FOR_MS) options.log.error({ err: error, pool: options.name }, "the database is full");
      fullAtMs = nowMs;
    }
    return toAppError(error);
  }

  function rethrow(error: unknown): never {
    throw toOurs(error);
  }

  /** Conflicts stay as they are inside a transaction, for `tx` to see and try again. */
  function rethrowConflict(error: unknown): never {
    throw isConflict(error) ? error : toOurs(error);
  }

  async function run<R extends Row>(
    connection: pg.PoolClient,
    sql: string,
    params: readonly unknown[] | undefined,
  ): Promise<pg.QueryResult<R>> {
    return tracedStatement(options.name, sql, (tagged) => connection.query<R>(tagged, params && [...params]));
  }

  async function statement<R extends Row>(sql: string, params?: readonly unknown[]): Promise<pg.QueryResult<R>> {
    return withConnection(pool, connectTimeoutMs, (connection) => run<R>(connection, sql, params)).catch(rethrow);
  }

  async function once<T>(work: (tx: Tx) => Promise<T>): Promise<T> {
    const afterCommit: (() => void)[] = [];
    const result = await withConnection(pool, connectTimeoutMs, async (connection) => {
      let open = true;
      const inside = async <R extends Row>(sql: string, params?: readonly unknown[]) => {
        if (!open) throw new Error("the transaction has ended");
        return run<R>(connection, sql, params).catch(rethrowConflict);
      };
      await connection.query("begin");
      try {
        const value = await work({
          query: async <R extends Row>(sql: string, params?: readonly unknown[]) => (await inside<R>(sql, params)).rows,
          execute: async (sql, params) => (await inside(sql, params)).rowCount ?? 0,
          afterCommit: (callback) => void afterCommit.push(callback),
        });
        open = false;
        await connection.query("commit");
        return value;
      } catch (error) {
        open = false;
        if (!isConnectionLoss(error)) await connection.query("rollback").catch(() => undefined);
        throw error;
      }
    });
    for (const callback of afterCommit) {
      try {
        callback();
      } catch (error) {
        options.log.error({ err: error, pool: options.name }, "work after a commit failed");
      }
    }
    return result;
  }

  return {
    query: async <R extends Row>(sql: string, params?: readonly unknown[]) => (await statement<R>(sql, params)).rows,
    execute: async (sql, params) => (await statement(sql, params)).rowCount ?? 0,
    async tx(work) {
      for (let attempt = 1; ; attempt++) {
        try {
          return await once(work);
        } catch (error) {
          if (!isConflict(error) || attempt === TX_TRIES) throw toOurs(error);
          await delay(randomInt(5, 20 * 2 ** attempt));
        }
      }
    },
    async ping() {
      const answered = withConnection(pool, 0, (connection) => connection.query("select 1"));
      answered.catch(() => undefined);
      const late = Symbol("late");
      const timer = new AbortController();
      const timeout = delay(PING_TIMEOUT_MS, late, { signal: timer.signal }).catch(() => undefined);
      const first = await Promise.race([answered, timeout]).catch(rethrow);
      timer.abort();
      if (first === late) throw errors.DATABASE_UNAVAILABLE(new Error(`no answer in ${PING_TIMEOUT_MS} ms`));
      if (performance.now() - fullAtMs < FULL_FOR_MS) throw databaseFull();
    },
    listen: (channel, wake, signal) => listener.listen(channel, wake, signal),
    async [Symbol.asyncDispose]() {
      ending ??= Promise.all([listener.close(), pool.end()]);
      await ending;
    },
  };
}

const DATE_OID = 1082;

/** The driver's parsers, but a date stays text: as a Date it would be midnight in the machine's own time zone. */
function parserOf(oid: number, format?: "text" | "binary") {
  if (oid === DATE_OID) return (text: string) => text;
  return format === "binary" ? pg.types.getTypeParser(oid, "binary") : pg.types.getTypeParser(oid, "text");
}

async function withConnection<T>(
  pool: pg.Pool,
  patienceMs: number,
  work: (connection: pg.PoolClient) => Promise<T>,
): Promise<T> {
  const connection = await connect(pool, patienceMs);
  // @NOTE a checked-out client has no listener of the pool's; its error event would end the process
  let broken: Error | undefined;
  const onError = (error: Error) => {
    broken = error;
  };
  connection.on("error", onError);
  try {
    return await work(connection);
  } catch (error) {
    if (isConnectionLoss(error)) broken = error as Error;
    throw error;
  } finally {
    connection.off("error", onError);
    connection.release(broken);
  }
}

/** A server that is being restarted refuses connections for a moment; waiting here spares every caller a retry. */
async function connect(pool: pg.Pool, patienceMs: number): Promise<pg.PoolClient> {
  const giveUpAt = performance.now() + patienceMs;
  for (let waitMs = 25; ; waitMs = Math.min(waitMs * 2, 250)) {
    try {
      return await pool.connect();
    } catch (error) {
      if (!isConnectionLoss(error) || performance.now() + waitMs > giveUpAt) throw error;
      await delay(waitMs);
    }
  }
}
