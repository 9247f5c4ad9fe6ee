/** Typed records on the event log: the topic is the message's type, the consumer group the module that reads. */

import { create, type DescMessage, fromBinary, type MessageShape, toBinary } from "@bufbuild/protobuf";
import type { EventLog, StoredRecord } from "#pkg/eventlog/eventlog";
import type { Logger } from "#pkg/obs/obs";
import { currentTraceparent, inSpan, type Tracer } from "#pkg/obs/trace";
import type { LogWriter, Reader, ReadRecord } from "./module.ts";

export function openLogWriter(log: () => Promise<EventLog>): LogWriter<DescMessage> {
  return {
    async append(record, entries) {
      const traceparent = currentTraceparent();
      const headers = { type: record.typeName, ...(traceparent === undefined ? {} : { traceparent }) };
      const records = entries.map(({ key, message }) => ({
        ...{ key, headers },
        value: toBinary(record, create(record, message)),
      }));
      await (await log()).append(record.typeName, records);
    },
  };
}

/** Hands batches to the reader until the signal is aborted. */
export function runReader(
  reader: Reader,
  group: string,
  deps: { readonly eventlog: EventLog; readonly log: Logger; readonly tracer: Tracer },
  signal: AbortSignal,
): Promise<void> {
  const { record } = reader;
  return deps.eventlog.consume(
    record.typeName,
    group,
    async (batch, until) => {
      // A batch has records of many traces; it goes on with that of its first one.
      const span = deps.tracer.start(`${group} ${record.typeName}`, "consumer", batch[0]?.headers.traceparent);
      try {
        const read = batch.flatMap((one) => parse(record, one, deps.log));
        await inSpan(span, () => reader.handle(read as never, until));
        span.end();
      } catch (error) {
        span.end(error instanceof Error ? error : undefined);
        throw error;
      }
    },
    signal,
  );
}

/**
 * A record that cannot be read now never can: it is left out, or it would hold up its partition for ever. A tombstone says
 * nothing to who reads what happens.
 */
function parse<R extends DescMessage>(record: R, stored: StoredRecord, log: Logger): ReadRecord<R>[] {
  if (stored.value === undefined) return [];
  try {
    const message: MessageShape<R> = fromBinary(record, stored.value);
    return [{ key: stored.key, message, appendedAt: stored.appendedAt }];
  } catch (err) {
    const { partition, offset } = stored;
    log.error({ err, record: record.typeName, partition, offset: String(offset) }, "a record cannot be read");
    return [];
  }
}
