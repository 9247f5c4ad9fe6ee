/**
 * Work handed from one process to another. What holds for every adapter, because Amazon SQS (standard) can keep it:
 * at least once, in no order, with a visibility time-out; a message may come twice, also after it was acknowledged.
 */

/** A received message, invisible to others until its visibility time-out passes. */
export interface QueueMessage {
  readonly id: string;
  /** 1 byte to 256 KiB; of the control characters only tab and line ends. */
  readonly body: string;
  /** How often it has been received, this time included; approximate. */
  readonly receiveCount: number;
  /** Removes it for good. Acknowledging late is no error, but it may have been received again. */
  ack(): Promise<void>;
  /** Makes it visible again after `delayMs` (0 = now; 12 h at most): to retry later, or to keep working on it. */
  setVisibility(delayMs: number): Promise<void>;
}

export interface Queue extends AsyncDisposable {
  /** Resolves once the message is durable. `delayMs` is at most 15 minutes. */
  send(queue: string, body: string, options?: { readonly delayMs?: number }): Promise<void>;
  /** Up to `max` (1 to 10) messages, waiting up to `waitMs` (20 s at most) for the first; empty when none came. */
  receive(
    queue: string,
    options: {
      readonly max: number;
      readonly waitMs: number;
      readonly visibilityMs: number;
      readonly signal?: AbortSignal;
    },
  ): Promise<QueueMessage[]>;
  /** Approximate numbers for autoscaling and dashboards. */
  depth(queue: string): Promise<{ readonly visible: number; readonly inFlight: number }>;
}
