/**
 * W3C ClearKey (Encrypted Media Extensions, section 9.1): the licence is the keys in JSON. It protects nothing, since the
 * page sees the key, and serves development and tests.
 */

import { base64UrlBytes } from "#pkg/keys/base64";
import { KEY_BYTES, KEY_ID_BYTES, toKid } from "../domain/content-key.ts";
import { errors } from "../errors.ts";
import { type LicenseEngine, MAX_KEY_IDS, type ParsedChallenge } from "./engine.ts";

/** Sixteen bytes in base64url without padding; the last digit carries two bits. */
const KID = /^[A-Za-z0-9_-]{21}[AQgw]$/;

interface ClearKeyEngine extends LicenseEngine {
  parse(challenge: Uint8Array): Promise<ParsedChallenge>;
}

export function openClearKeyEngine(): ClearKeyEngine {
  return {
    system: "clearkey",
    trust: "none",
    emeNames: ["org.w3.clearkey"],
    saysDuration: false,
    needsIvs: false,
    note: "protects nothing: the page sees the key; for development and tests",

    async parse(challenge) {
      return { keyIds: parseKeyIds(parseRequest(challenge)), kind: "new", state: undefined };
    },

    async issue(_challenge, _grant, keys) {
      const parts = keys.flatMap(({ keyId, key }, index) => {
        if (key.reveal().byteLength !== KEY_BYTES) throw new Error("a content key has the wrong length");
        return [
          Buffer.from(`${index === 0 ? "" : ","}{"kty":"oct","kid":"`),
          base64UrlBytes(keyId),
          Buffer.from('","k":"'),
          base64UrlBytes(key.reveal()),
          Buffer.from('"}'),
        ];
      });
      const body = Buffer.concat([Buffer.from('{"keys":['), ...parts, Buffer.from('],"type":"temporary"}')]);
      for (const part of parts) part.fill(0);
      return { body, contentType: "application/json" };
    },
  };
}

function parseRequest(challenge: Uint8Array): Readonly<Record<string, unknown>> {
  let request: unknown;
  try {
    request = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(challenge));
  } catch (error) {
    throw errors.LICENSE_REQUEST_MALFORMED("it is not JSON", error);
  }
  if (typeof request !== "object" || request === null || Array.isArray(request)) {
    throw errors.LICENSE_REQUEST_MALFORMED("it is not a JSON object");
  }
  return request as Readonly<Record<string, unknown>>;
}

function parseKeyIds(request: Readonly<Record<string, unknown>>): Uint8Array[] {
  const { kids, type = "temporary" } = request;
  if (typeof type !== "string") throw errors.LICENSE_REQUEST_MALFORMED("type is not a string");
  if (!Array.isArray(kids) || kids.length === 0)
    throw errors.LICENSE_REQUEST_MALFORMED("kids is not a list of key ids");
  if (kids.length > MAX_KEY_IDS) throw errors.LICENSE_REQUEST_MALFORMED(`it asks for more than ${MAX_KEY_IDS} keys`);
  const byKid = new Map<string, Uint8Array>();
  for (const kid of kids) {
    if (typeof kid !== "string" || !KID.test(kid)) {
      throw errors.LICENSE_REQUEST_MALFORMED(`a key id is not ${KEY_ID_BYTES} bytes in base64url without padding`);
    }
    const bytes = new Uint8Array(Buffer.from(kid, "base64url"));
    byKid.set(toKid(bytes), bytes);
  }
  if (type !== "temporary") throw errors.LICENSE_TYPE_UNSUPPORTED(type.slice(0, 40));
  return [...byKid.values()];
}
