/** Calls a method as anyone would without our SDK: JSON over fetch, a stream in Connect's envelopes. */

import type { MethodDoc } from "./reference.ts";

export interface Call {
  readonly url: string;
  readonly kind: MethodDoc["kind"];
  /** JSON, as it was typed. */
  readonly body: string;
  readonly token: string | undefined;
  readonly signal: AbortSignal;
}

/** What came: an answer, a message of a stream, or an error of either. */
export interface Answer {
  readonly status: number;
  /** Readable JSON where it is JSON. */
  readonly text: string;
  /** The error's reason; undefined where all went well. */
  readonly reason: string | undefined;
}

/** Bit of an envelope's flags: the stream's end, which may carry an error. */
const END_OF_STREAM = 2;
const PREFIX_BYTES = 5;

/** Throws what fetch throws where nobody answers. */
export async function* call({ url, kind, body, token, signal }: Call): AsyncGenerator<Answer> {
  const isStream = kind !== "unary";
  const response = await fetch(url, {
    method: "POST",
    signal,
    headers: {
      "content-type": isStream ? "application/connect+json" : "application/json",
      "connect-protocol-version": "1",
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    },
    body: isStream ? envelope(body) : body,
  });
  const { status } = response;
  if (!isStream || !response.ok || response.body === null) {
    const text = await response.text();
    yield response.ok ? { status, text: readable(text), reason: undefined } : refusalOf(status, text);
    return;
  }
  for await (const { isEnd, text } of envelopes(chunksOf(response.body))) {
    const error = isEnd ? errorOf(text) : undefined;
    if (error !== undefined) yield refusalOf(status, JSON.stringify(error));
    else if (!isEnd) yield { status, text: readable(text), reason: undefined };
  }
}

export function envelope(text: string): Uint8Array<ArrayBuffer> {
  const message = new TextEncoder().encode(text);
  const bytes = new Uint8Array(PREFIX_BYTES + message.byteLength);
  new DataView(bytes.buffer).setUint32(1, message.byteLength);
  bytes.set(message, PREFIX_BYTES);
  return bytes;
}

/** However the network cut them. */
export async function* envelopes(
  chunks: AsyncIterable<Uint8Array>,
): AsyncGenerator<{ readonly isEnd: boolean; readonly text: string }> {
  let rest = new Uint8Array();
  for await (const chunk of chunks) {
    const joined = new Uint8Array(rest.byteLength + chunk.byteLength);
    joined.set(rest);
    joined.set(chunk, rest.byteLength);
    rest = joined;
    while (rest.byteLength >= PREFIX_BYTES) {
      const end = PREFIX_BYTES + new DataView(rest.buffer, rest.byteOffset).getUint32(1);
      if (rest.byteLength < end) break;
      const text = new TextDecoder().decode(rest.subarray(PREFIX_BYTES, end));
      yield { isEnd: ((rest[0] ?? 0) & END_OF_STREAM) !== 0, text };
      rest = rest.slice(end);
    }
  }
}

/** ReadableStream is iterable in all browsers but Safari. */
async function* chunksOf(stream: ReadableStream<Uint8Array>): AsyncGenerator<Uint8Array> {
  const reader = stream.getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      yield value;
    }
  } finally {
    // Whoever stops reading wants no more of it.
    await reader.cancel().catch(() => undefined);
  }
}

/** With the reason of the ErrorInfo that Connect's JSON brings in readable form; with its code where there is none. */
export function refusalOf(status: number, text: string): Answer {
  const answer = parse(text);
  const { code, details } = isObject(answer) ? answer : {};
  const infos = (Array.isArray(details) ? details : []).filter(isObject).map(({ debug }) => debug);
  const info = infos.filter(isObject).find(({ reason }) => typeof reason === "string");
  const reason = info?.reason ?? (typeof code === "string" ? code.toUpperCase() : `HTTP ${status}`);
  return { status, text: readable(text), reason: String(reason) };
}

function readable(text: string): string {
  const parsed = parse(text);
  return parsed === undefined ? text : JSON.stringify(parsed, null, 2);
}

function errorOf(text: string): unknown {
  const end = parse(text);
  return isObject(end) ? end.error : undefined;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null;
}
