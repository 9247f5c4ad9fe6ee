/** What the errors of every AWS SDK client have in common, so that adapters tell an outage from a want of permission alike. */

/**
 * `away`: the service, or the way to it, cannot answer now; repeating may help. `denied`: no credentials, expired or wrong
 * ones, or none of this permission. `unreadable`: an answer that is none, which the error quotes: it may hold secrets.
 */
export type AwsFailure = "away" | "denied" | "unreadable";

/** In the words of services and of what stands before them. */
const DENIED: ReadonlySet<string> = new Set([
  "AccessDenied",
  "AccessDeniedException",
  "CredentialsProviderError",
  "ExpiredToken",
  "ExpiredTokenException",
  "IncompleteSignature",
  "InvalidAccessKeyId",
  "InvalidClientTokenId",
  "InvalidSecurity",
  "InvalidSignatureException",
  "MissingAuthenticationTokenException",
  "SignatureDoesNotMatch",
  "TokenProviderError",
  "UnrecognizedClientException",
]);

const AWAY: ReadonlySet<string> = new Set([
  "AbortError",
  "RequestThrottled",
  "SlowDown",
  "ThrottlingException",
  "TimeoutError",
]);

/** Undefined for what is neither, such as a refusal of the service's own or a region that nobody named. */
export function failureOf(error: Error): AwsFailure | undefined {
  const status = statusOf(error);
  if (status === 200) return "unreadable";
  // A status alone is what somebody between here and the service says.
  if (DENIED.has(error.name) || status === 401 || status === 403) return "denied";
  if (AWAY.has(error.name) || status === 429 || (status ?? 0) >= 500 || isOfNetwork(error)) return "away";
  return undefined;
}

function statusOf(error: Error): number | undefined {
  return "$metadata" in error ? (error.$metadata as { readonly httpStatusCode?: number }).httpStatusCode : undefined;
}

/** ECONNREFUSED and its like; Node's own begin otherwise. */
function isOfNetwork(error: Error): boolean {
  return "code" in error && typeof error.code === "string" && !error.code.startsWith("ERR_");
}
