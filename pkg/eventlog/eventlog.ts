/**
 * A partitioned, append-only log for high-volume records. What holds for every adapter, because Kafka can keep it:
 * records with the same key keep their order; across keys there is none. A consumer group reads each record at least
 * once and continues after the last offset that it committed. Records older than the retention may be gone. A tombstone,
 * which has no value, says that what was said of its key is void: of a topic that is compacted, older records of the key
 * may then be gone too.
 */

export interface LogRecord {
  /** Chooses the partition, 1 to 128 characters. */
  readonly key: string;
  /** At most 900 KiB; undefined makes a tombstone. */
  readonly value: Uint8Array | undefined;
  /** Such as `traceparent`: at most 16, names of 1 to 64 characters of [a-z0-9-], values of at most 256 characters. */
  readonly headers?: Readonly<Record<string, string>>;
}

export interface StoredRecord extends LogRecord {
  readonly headers: Readonly<Record<string, string>>;
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
   * One call handles one batch at a time; calls with one group's name, in this process and in others, share its
   * partitions and run beside each other. The handler's signal is also aborted when its partition goes to another one,
   * which gets the batch again: what it does from then on may be done twice.
   */
  consume(
    topic: string,
    group: string,
    handle: (batch: readonly StoredRecord[], signal: AbortSignal) => Promise<void>,
    signal: AbortSignal,
  ): Promise<void>;
  /** How many records of the topic the group has not finished, about; all that are kept before it first consumes. */
  lag(topic: string, group: string): Promise<number>;
}
