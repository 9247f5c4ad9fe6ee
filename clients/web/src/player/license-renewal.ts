/**
 * Renews licences in good time where the key system does not ask for it by itself: such licences cannot say how long they
 * last, so the answer's header does. Nothing new comes of a renewal, but of a play that has ended none is had.
 */

import type { MatineeError } from "@matinee/sdk/errors";
import { fromShaka, mayPass } from "./failure.ts";
import type { Shaka } from "./shaka.ts";

const DURATION_HEADER = "x-license-duration";
/** Renewed after this part of its life, so that a network that is away for a moment does no harm. */
const RENEW_AFTER = 0.5;
const MIN_WAIT_MS = 2_000;
const RETRY_MS = 3_000;

type Player = InstanceType<Shaka["Player"]>;

/** Call it before the film is loaded; what it returns ends the renewals. */
export function renewLicenses(shaka: Shaka, player: Player, onRefused: (error: MatineeError) => void): () => void {
  const network = player.getNetworkingEngine();
  if (network === null) return () => {};
  const { RequestType } = shaka.net.NetworkingEngine;
  /** By what was asked for: a film may need several licences. */
  const timers = new Map<string, ReturnType<typeof setTimeout>>();
  let isOver = false;

  const later = (server: string, challenge: string, ms: number) => {
    const key = `${server} ${challenge}`;
    clearTimeout(timers.get(key));
    timers.set(
      key,
      setTimeout(() => void renew(server, challenge), ms),
    );
  };
  const renew = async (server: string, challenge: string) => {
    const { retryParameters } = player.getConfiguration().drm;
    const request = shaka.net.NetworkingEngine.makeRequest([server], retryParameters);
    request.method = "POST";
    request.body = new TextEncoder().encode(challenge);
    try {
      await network.request(RequestType.LICENSE, request).promise;
    } catch (error) {
      if (isOver) return;
      if (mayPass(error)) later(server, challenge, RETRY_MS);
      else onRefused(fromShaka(error));
    }
  };
  network.registerResponseFilter((type, response) => {
    if (type !== RequestType.LICENSE || isOver) return;
    const seconds = Number(response.headers[DURATION_HEADER]);
    const { body, uris } = response.originalRequest;
    const [server] = uris;
    if (!(seconds > 0) || body === null || server === undefined) return;
    later(server, new TextDecoder().decode(body), Math.max(MIN_WAIT_MS, seconds * 1000 * RENEW_AFTER));
  });
  return () => {
    isOver = true;
    for (const timer of timers.values()) clearTimeout(timer);
  };
}
