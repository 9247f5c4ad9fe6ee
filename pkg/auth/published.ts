/** What another module publishes as JSON, read over HTTP with what proves who asks. */

import { once } from "node:events";
import { get as getClear, type IncomingMessage } from "node:http";
import { get as getSecure } from "node:https";
import { text } from "node:stream/consumers";
import type { ConnectionOptions } from "node:tls";

export interface Published {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  /** For an `https:` URL: such as the certificate to present, which the global `fetch` could not. */
  readonly tls: ConnectionOptions | undefined;
}

const TIMEOUT_MS = 5_000;

/** Rejects with a plain Error, also where it takes longer than 5 s. */
export async function readPublished({ url, headers, tls }: Published, signal?: AbortSignal): Promise<unknown> {
  const limit = AbortSignal.timeout(TIMEOUT_MS);
  const until = signal === undefined ? limit : AbortSignal.any([signal, limit]);
  const get = url.startsWith("https:") ? getSecure : getClear;
  const request = get(url, { ...tls, headers, signal: until });
  // What breaks after the response has begun breaks its reading.
  const responded = once(request, "response");
  request.on("error", () => {});
  const [response] = (await responded) as [IncomingMessage];
  const body = await text(response);
  if (response.statusCode !== 200) throw new Error(`${url} answered ${response.statusCode}`);
  return JSON.parse(body);
}
