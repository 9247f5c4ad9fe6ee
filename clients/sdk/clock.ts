/** Time and chance, in one place: now, waiting, backoff and request ids. */

import { canceled } from "./errors.ts";

/** Milliseconds since 1970. */
export function nowMs(): number {
  return Date.now();
}

/** Waits, or rejects as cancelled as soon as the signal is aborted. */
export function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted === true) return reject(canceled(signal.reason));
    const stop = () => {
      clearTimeout(timer);
      reject(canceled(signal?.reason));
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", stop);
      resolve();
    }, ms);
    signal?.addEventListener("abort", stop, { once: true });
  });
}

/** Doubles from `firstMs` to `maxMs` with ±25 % of chance, so that a thousand clients do not come back at once. */
export function backoffMs(attempt: number, firstMs: number, maxMs: number): number {
  const exact = Math.min(maxMs, firstMs * 2 ** attempt);
  return exact * (0.75 + Math.random() / 2);
}

/** A random UUID; also where the page is no secure context and `crypto.randomUUID` is missing. */
export function newRequestId(): string {
  if (typeof crypto.randomUUID === "function") return crypto.randomUUID();
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x40;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  const hex = toHex(bytes);
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}

/** A W3C traceparent that begins a new, sampled trace: https://www.w3.org/TR/trace-context/ */
export function newTraceparent(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(24));
  return `00-${toHex(bytes.subarray(0, 16))}-${toHex(bytes.subarray(16))}-01`;
}

function toHex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
