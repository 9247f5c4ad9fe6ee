/** An event as the outbox and the deliveries keep it. */

import { create } from "@bufbuild/protobuf";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import { type EventEnvelope, EventEnvelopeSchema } from "#gen/matinee/common/v1/event_pb";

export type EnvelopeRow = {
  readonly source: string;
  readonly type: string;
  readonly key: string;
  readonly occurred_at: Date;
  readonly traceparent: string;
  readonly version: string;
  readonly payload: Buffer;
};

export function toEvent(id: string, row: EnvelopeRow): EventEnvelope {
  return create(EventEnvelopeSchema, {
    id,
    type: row.type,
    source: row.source,
    key: row.key,
    occurTime: timestampFromDate(row.occurred_at),
    traceparent: row.traceparent,
    version: BigInt(row.version),
    data: new Uint8Array(row.payload),
  });
}
