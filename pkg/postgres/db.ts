/** The relational database as a service sees it: parameterized SQL in its own schema, and transactions. */

/**
 * A row as the driver returns it: bigint and numeric columns as strings, timestamptz as Date (milliseconds), date as
 * YYYY-MM-DD, jsonb parsed, bytea as Buffer.
 */
export type Row = Record<string, unknown>;

export interface Queryable {
  /** Runs one statement and returns its rows. Parameters are `$1`, `$2`, ...; pass jsonb as JSON text. */
  query<R extends Row = Row>(sql: string, params?: readonly unknown[]): Promise<R[]>;
  /** Runs one statement and returns how many rows it touched. */
  execute(sql: string, params?: readonly unknown[]): Promise<number>;
}

/** Inside a transaction: everything commits together or not at all. */
export interface Tx extends Queryable {
  /** Runs after the transaction has committed, never when it rolled back; errors in it are logged, not thrown. */
  afterCommit(work: () => void): void;
}

export interface Db extends Queryable, AsyncDisposable {
  /**
   * Runs `work` in one READ COMMITTED transaction. Serialization failures and deadlocks are tried again up to three
   * times, so `work` must be repeatable. Throws what `work` throws.
   */
  tx<T>(work: (tx: Tx) => Promise<T>): Promise<T>;
  /** Answers when the server does. Throws `unavailable` within two seconds when it does not. */
  ping(): Promise<void>;
  /**
   * Calls `wake` with the payload whenever a session of this schema runs
   * `select pg_notify(current_schema() || '.<channel>', payload)`, and with `""` each time that listening begins
   * anew. A hint: what is notified while the connection is down is lost, so look by time as well. Resolves on abort.
   */
  listen(channel: string, wake: (payload: string) => void, signal: AbortSignal): Promise<void>;
}
