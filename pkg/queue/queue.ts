/**
 * Work handed from one process to another. What holds for every adapter, because Amazon SQS (standard) can keep it:
 * at least once, in no order, with a visibility time-out; a message may come twice, also after it was acknowledged.
 * Times are whole seconds.
 */

/** A received message, invisible to others until its visibility time-out passes. */
export interface QueueMessage {
  readonly id: string;
  /** 1 byte to 256 KiB; of the control characters only tab and line ends. */
  readonly body: string;
  /** How often it has been received, this time included; approximate. */
  readonly receiveCount: number;
  /** Removes it for good. Late, when it may have been received again, is no error. */
  ack(): Promise<void>;
  /**
   * Makes it visible again after the delay (0 = now; 12 h at most): to retry later, or to keep working on it. Late, when
   * it may have been received again, is no error and does nothing to whoever has it now.
   */
  setVisibility(delaySeconds: number): Promise<void>;
}

export interface Queue extends AsyncDisposable {
  /** Resolves once the message is durable. `delaySeconds` is at most 15 minutes. */
  send(queue: string, body: string, options?: { readonly delaySeconds?: number }): Promise<void>;
  /** Any number of messages in few round trips. Resolves once all are durable; when it throws, some of them may be. */
  sendMany(queue: string, bodies: readonly string[], options?: { readonly delaySeconds?: number }): Promise<void>;
  /** Up to `max` (1 to 10) messages, waiting up to `waitSeconds` (20 at most) for the first; empty when none came. */
  receive(
    queue: string,
    options: {
      readonly max: number;
      readonly waitSeconds: number;
      readonly visibilitySeconds: number;
      readonly signal?: AbortSignal;
    },
  ): Promise<QueueMessage[]>;
  /** Acknowledges messages of the queue in few round trips; when it throws, some of them may come again. */
  ackMany(queue: string, messages: readonly QueueMessage[]): Promise<void>;
  /** Approximate numbers for autoscaling and dashboards. */
  depth(queue: string): Promise<{ readonly visible: number; readonly inFlight: number }>;
}
