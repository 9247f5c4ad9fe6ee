/** What stopped the player, in the service's words where it was the service, in ours where it was the browser. */

import { Code } from "@connectrpc/connect";
import { MatineeError } from "@matinee/sdk/errors";
import type { Shaka } from "./shaka.ts";

/** Shaka's numbers that we speak about: https://shaka-player-demo.appspot.com/docs/api/shaka.util.Error.html */
const BAD_HTTP_STATUS = 1001;
const HTTP_ERROR = 1002;
const TIMEOUT = 1003;
const VIDEO_ERROR = 3016;
const KEY_SYSTEM_UNAVAILABLE = 6001;
const LICENSE_REQUEST_FAILED = 6007;
const LICENSE_RESPONSE_REJECTED = 6008;
const ALL_RESTRICTED = 4012;
const LOAD_INTERRUPTED = 7000;
const OPERATION_ABORTED = 7001;
/** HTTP's; this one and those above. */
const SERVER_ERRORS = 500;
const TOO_MANY_REQUESTS = 429;

type ShakaError = InstanceType<Shaka["util"]["Error"]>;

export function isShakaError(error: unknown): error is ShakaError {
  return typeof error === "object" && error !== null && "category" in error && "code" in error && "severity" in error;
}

/** The player was told to stop; nobody has to know. */
export function isInterruption(error: unknown): boolean {
  return isShakaError(error) && (error.code === LOAD_INTERRUPTED || error.code === OPERATION_ABORTED);
}

/** The network or the server has a bad moment: the same request may succeed soon. */
export function mayPass(error: unknown): boolean {
  if (!isShakaError(error)) return false;
  if (error.code === HTTP_ERROR || error.code === TIMEOUT) return true;
  const status: unknown = error.code === BAD_HTTP_STATUS ? error.data[1] : undefined;
  return typeof status === "number" && (status >= SERVER_ERRORS || status === TOO_MANY_REQUESTS);
}

export function fromShaka(error: unknown): MatineeError {
  if (error instanceof MatineeError) return error;
  if (!isShakaError(error)) return failure("PLAYER_FAILED", "The player stopped.", error);
  const answer = findAnswer(error);
  if (answer !== undefined) return answer;
  switch (error.code) {
    case HTTP_ERROR:
    case TIMEOUT:
      return failure("PLAYER_OFFLINE", "The film cannot be fetched at the moment. Check the connection.", error);
    case BAD_HTTP_STATUS:
      return failure("PLAYER_MEDIA_REFUSED", "A part of the film was refused by the server.", error);
    case KEY_SYSTEM_UNAVAILABLE:
      return failure("PLAYER_KEY_SYSTEM", "This browser cannot decrypt the film.", error);
    case LICENSE_REQUEST_FAILED:
    case LICENSE_RESPONSE_REJECTED:
      return failure("PLAYER_LICENSE", "No licence could be had for this film.", error);
    case ALL_RESTRICTED:
      return failure("PLAYER_RESTRICTED", "None of the film's versions may be played on this device.", error);
    case VIDEO_ERROR:
      return failure("PLAYER_DECODE", "This browser could not decode the film.", error);
    default:
      return failure("PLAYER_FAILED", `The player stopped (Shaka ${error.code}).`, error);
  }
}

/** This page cannot have EME: only https and localhost can. */
export function insecureContext(): MatineeError {
  return failure(
    "PLAYER_INSECURE_PAGE",
    "Browsers decrypt films only on https pages and on localhost. Open Matinee at one of these.",
  );
}

export function browserTooOld(): MatineeError {
  return failure("PLAYER_UNSUPPORTED", "This browser cannot play films. A current one can.");
}

export function noManifest(format: string): MatineeError {
  return failure("PLAYER_NO_MANIFEST", `This film is not offered as ${format.toUpperCase()}.`);
}

function failure(reason: string, message: string, cause?: unknown): MatineeError {
  return new MatineeError({ code: Code.FailedPrecondition, reason, message, cause });
}

/** The refusal that the service wrote into an HTTP answer, inside the error or an error inside it. */
function findAnswer(error: ShakaError): MatineeError | undefined {
  const data: readonly unknown[] = Array.isArray(error.data) ? error.data : [];
  if (error.code === BAD_HTTP_STATUS) {
    // [uri, status, body, headers, request type, ...]
    const body = data[2];
    if (typeof body !== "string" || !body.startsWith("{")) return undefined;
    try {
      return fromBody(JSON.parse(body) as ErrorBody, error);
    } catch {
      return undefined;
    }
  }
  for (const inner of data) {
    const found = isShakaError(inner) ? findAnswer(inner) : undefined;
    if (found !== undefined) return found;
  }
  return undefined;
}

interface ErrorBody {
  readonly message?: string;
  readonly details?: readonly { readonly debug?: { readonly reason?: string } }[];
}

function fromBody(body: ErrorBody, cause: unknown): MatineeError | undefined {
  const reason = body.details?.find(({ debug }) => debug?.reason !== undefined)?.debug?.reason;
  if (reason === undefined || body.message === undefined) return undefined;
  return failure(reason, body.message, cause);
}
