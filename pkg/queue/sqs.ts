/** The queue in Amazon SQS: standard queues that are there already, made with their dead-letter queues by who runs it. */

import {
  ChangeMessageVisibilityCommand,
  DeleteMessageBatchCommand,
  GetQueueAttributesCommand,
  GetQueueUrlCommand,
  type Message,
  ReceiveMessageCommand,
  SendMessageBatchCommand,
  SQSClient,
} from "@aws-sdk/client-sqs";
import { failureOf } from "#pkg/aws/failure";
import { within } from "#pkg/aws/within";
import type { Clock } from "#pkg/clock/clock";
import { isAppError } from "#pkg/errors/errors";
import { errors } from "./errors.ts";
import {
  checkName,
  checkReceive,
  checkSend,
  checkVisibility,
  MAX_BATCH,
  MAX_BODY_BYTES,
  MAX_VISIBILITY_SECONDS,
} from "./limits.ts";
import type { Queue, QueueMessage } from "./queue.ts";

export interface SqsQueueOptions {
  /** `sqs:PREFIX`. */
  readonly url: string;
  readonly clock: Clock;
}

/** How long an operation waits for SQS beyond what it waits for messages, repeats included. */
const TIMEOUT_MS = 2_500;
const CONNECT_TIMEOUT_MS = 1_000;
const REQUEST_TIMEOUT_MS = 1_100;
const ATTEMPTS = 3;
/** Each receiver that waits has a connection of its own. */
const MAX_CONNECTIONS = 256;
/** SQS counts from when it hands a message out, we from when it came: so long before its time-out it is late for us. */
const LATE_MS = 250;

const PREFIX = /^[A-Za-z0-9_-]{0,40}$/;

/** What SQS says of a receipt that it no longer goes by. */
const LATE: ReadonlySet<string> = new Set(["MessageNotInflight", "ReceiptHandleIsInvalid"]);

/** Throws `QUEUE_URL_INVALID`; operations `QUEUE_MISSING`, `QUEUE_DENIES`, `QUEUE_UNAVAILABLE`. */
export function openSqsQueue({ url, clock }: SqsQueueOptions): Queue {
  const prefix = url.slice("sqs:".length);
  if (!PREFIX.test(prefix)) throw errors.QUEUE_URL_INVALID(url);
  const client = new SQSClient({
    maxAttempts: ATTEMPTS,
    // Else an endpoint of one's own network is left for the public one that the queue's URL names.
    useQueueUrlAsEndpoint: false,
    requestHandler: {
      connectionTimeout: CONNECT_TIMEOUT_MS,
      throwOnRequestTimeout: true,
      httpsAgent: { keepAlive: true, maxSockets: MAX_CONNECTIONS },
    },
  });
  const closed = new AbortController();
  const urls = new Map<string, Promise<string>>();
  const receipts = new WeakMap<QueueMessage, string>();

  type Limits = { readonly abortSignal: AbortSignal; readonly requestTimeout: number };

  async function ask<T>(
    queue: string,
    send: (limits: Limits) => Promise<T>,
    { waitMs = 0, ending }: { readonly waitMs?: number; readonly ending?: AbortSignal } = {},
  ): Promise<T> {
    const requestTimeout = REQUEST_TIMEOUT_MS + waitMs;
    try {
      return await within(TIMEOUT_MS + waitMs, (abortSignal) => send({ abortSignal, requestTimeout }), ending);
    } catch (error) {
      throw translated(error, queue);
    }
  }

  /** Queues do not move: one that was found is not looked for again. */
  function urlOf(queue: string): Promise<string> {
    const known = urls.get(queue);
    if (known !== undefined) return known;
    const QueueName = `${prefix}${queue}`;
    const asked = ask(queue, (limits) => client.send(new GetQueueUrlCommand({ QueueName }), limits)).then(
      ({ QueueUrl = "" }) => QueueUrl,
    );
    urls.set(queue, asked);
    asked.catch(() => urls.delete(queue));
    return asked;
  }

  async function sendMany(
    queue: string,
    bodies: readonly string[],
    { delaySeconds = 0 }: { readonly delaySeconds?: number } = {},
  ): Promise<void> {
    for (const body of bodies) checkSend(queue, body, delaySeconds);
    if (bodies.length === 0) return;
    const QueueUrl = await urlOf(queue);
    for (const batch of batchesOf(bodies)) {
      const Entries = batch.map((body, index) => ({
        Id: String(index),
        MessageBody: body,
        DelaySeconds: delaySeconds,
      }));
      const { Failed = [] } = await ask(queue, (limits) =>
        client.send(new SendMessageBatchCommand({ QueueUrl, Entries }), limits),
      );
      if (Failed.length > 0) throw errors.QUEUE_UNAVAILABLE(new Error(`SQS did not take them: ${Failed[0]?.Code}`));
    }
  }

  async function deleteAll(queue: string, handles: readonly string[]): Promise<void> {
    const QueueUrl = await urlOf(queue);
    for (let at = 0; at < handles.length; at += MAX_BATCH) {
      const Entries = handles
        .slice(at, at + MAX_BATCH)
        .map((ReceiptHandle, index) => ({ Id: String(index), ReceiptHandle }));
      const { Failed = [] } = await ask(queue, (limits) =>
        client.send(new DeleteMessageBatchCommand({ QueueUrl, Entries }), limits),
      );
      const failed = Failed.find(({ Code = "" }) => !LATE.has(Code));
      if (failed !== undefined) throw errors.QUEUE_UNAVAILABLE(new Error(`SQS keeps some: ${failed.Code}`));
    }
  }

  function toMessage(queue: string, received: Message, visibilitySeconds: number): QueueMessage {
    const { MessageId = "", Body = "", ReceiptHandle = "", Attributes } = received;
    const receivedAtMs = clock.now().getTime();
    let lateAtMs = receivedAtMs + 1000 * visibilitySeconds - LATE_MS;
    const message: QueueMessage = {
      id: MessageId,
      body: Body,
      receiveCount: Number(Attributes?.ApproximateReceiveCount ?? 1),

      ack: () => deleteAll(queue, [ReceiptHandle]),

      async setVisibility(delaySeconds) {
        checkVisibility(delaySeconds);
        const nowMs = clock.now().getTime();
        // SQS may go by an old receipt, too, and would take the message from whoever has it now.
        if (nowMs >= lateAtMs) return;
        // Since it was received, a message can be invisible for as long as this and no longer.
        const leftSeconds = MAX_VISIBILITY_SECONDS - Math.ceil((nowMs - receivedAtMs) / 1000);
        const VisibilityTimeout = Math.max(0, Math.min(delaySeconds, leftSeconds));
        const QueueUrl = await urlOf(queue);
        await ask(queue, (limits) =>
          client
            .send(new ChangeMessageVisibilityCommand({ QueueUrl, ReceiptHandle, VisibilityTimeout }), limits)
            .catch((error: unknown) => {
              if (!isOfLate(error)) throw error;
            }),
        );
        lateAtMs = nowMs + 1000 * VisibilityTimeout - LATE_MS;
      },
    };
    receipts.set(message, ReceiptHandle);
    return message;
  }

  return {
    send: (queue, body, options) => sendMany(queue, [body], options),

    sendMany,

    async receive(queue, { max, waitSeconds, visibilitySeconds, signal: callerSignal }) {
      checkReceive(queue, max, waitSeconds, visibilitySeconds);
      const ending = callerSignal ? AbortSignal.any([callerSignal, closed.signal]) : closed.signal;
      const QueueUrl = await urlOf(queue);
      const command = new ReceiveMessageCommand({
        ...{ QueueUrl, MaxNumberOfMessages: max, WaitTimeSeconds: waitSeconds, VisibilityTimeout: visibilitySeconds },
        MessageSystemAttributeNames: ["ApproximateReceiveCount"],
      });
      try {
        const { Messages = [] } = await ask(queue, (limits) => client.send(command, limits), {
          waitMs: 1000 * waitSeconds,
          ending,
        });
        return Messages.map((message) => toMessage(queue, message, visibilitySeconds));
      } catch (error) {
        if (ending.aborted) return [];
        throw error;
      }
    },

    async ackMany(queue, messages) {
      checkName(queue);
      const handles = messages.map((message) => receipts.get(message));
      const known = handles.filter((handle) => handle !== undefined);
      if (known.length < handles.length) throw errors.QUEUE_ARGUMENT_INVALID("Not a message of this queue.");
      if (known.length > 0) await deleteAll(queue, known);
    },

    async depth(queue) {
      checkName(queue);
      const QueueUrl = await urlOf(queue);
      const { Attributes = {} } = await ask(queue, (limits) =>
        client.send(
          new GetQueueAttributesCommand({
            QueueUrl,
            AttributeNames: ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"],
          }),
          limits,
        ),
      );
      return {
        visible: Number(Attributes.ApproximateNumberOfMessages ?? 0),
        inFlight: Number(Attributes.ApproximateNumberOfMessagesNotVisible ?? 0),
      };
    },

    async [Symbol.asyncDispose]() {
      closed.abort();
      client.destroy();
    },
  };
}

/** As many bodies as one request may carry, by number and by all their bytes. */
function batchesOf(bodies: readonly string[]): readonly (readonly string[])[] {
  const batches: string[][] = [];
  let left = 0;
  for (const body of bodies) {
    const bytes = Buffer.byteLength(body);
    const last = batches.at(-1);
    if (last === undefined || last.length === MAX_BATCH || bytes > left) {
      batches.push([body]);
      left = MAX_BODY_BYTES - bytes;
    } else {
      last.push(body);
      left -= bytes;
    }
  }
  return batches;
}

function isOfLate(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  // "Message does not exist or is not available for visibility timeout change" comes without a name of its own.
  return LATE.has(error.name) || /does not exist or is not available/i.test(error.message);
}

function translated(error: unknown, queue: string): unknown {
  if (isAppError(error) || !(error instanceof Error)) return error;
  if (error.name === "QueueDoesNotExist" || error.name === "AWS.SimpleQueueService.NonExistentQueue") {
    return errors.QUEUE_MISSING(queue, error);
  }
  const failure = failureOf(error);
  if (failure === "denied") return errors.QUEUE_DENIES(error);
  return failure === undefined && error.name !== "OverLimit" ? error : errors.QUEUE_UNAVAILABLE(error);
}
