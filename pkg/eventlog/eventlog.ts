/**
 * A partitioned, append-only log for high-volume records. What holds for every adapter, because Kafka can keep it:
 * records with the same key keep their order; across keys there is none. A consumer group reads each record at least
 * once and continues after the last offset that it committed. Records older than the retention may be gone.
 */

export interface LogRecord {
  /** Chooses the partition, 1 to 128 characters. */
  readonly key: string;
  /** At most 900 KiB. */
  readonly value: Uint8Array;
}

export interface StoredRecord extends LogRecord {
  readonly partition: number;
  /** Grows within a partition, with gaps. */
  readonly offset: bigint;
  readonly appendedAt: Date;
}

export interface EventLog extends AsyncDisposable {
  /** Resolves once all records are durable; when it throws, some of them may be. */
  append(topic: string, records: readonly LogRecord[]): Promise<void>;
  /**
   * Hands batches of one partition in offset order to `handle` and commits when it resolves; when it throws, the same
   * batch comes again after a delay. A new group starts at the oldest record kept. Runs until the signal is aborted.
   */
  consume(
    topic: string,
    group: string,
    handle: (batch: readonly StoredRecord[], signal: AbortSignal) => Promise<void>,
    signal: AbortSignal,
  ): Promise<void>;
}
