/** `POST /license/{system}?session={play session}`: the raw endpoint that players send their challenges to. */

import type { IncomingMessage } from "node:http";
import { send } from "#pkg/http/send";
import { edge } from "#pkg/rpc/access";
import type { Call, RouteDeclaration, RouteHandler } from "#pkg/rpc/call";
import { toKeySystem } from "./drm/systems.ts";
import { errors } from "./errors.ts";
import type { Issuing } from "./issue.ts";

/** Far above any real challenge; more is refused unread. */
const MAX_CHALLENGE_BYTES = 64 * 1024;
const BEARER = /^bearer +([^ ]+)$/i;

/** The play token is verified by the use case, so that each refusal has its own reason and its row in the audit log. */
export const licenseRoute: RouteDeclaration = {
  method: "POST",
  path: "/license/{system}",
  // By address, and a whole town may share one behind a carrier: the play token is what limits a viewer.
  access: { ...edge("anyone"), rateLimit: { perSecond: 100, burst: 500 } },
  authenticates: true,
};

/** `territoryOf` says where a request comes from, as ISO 3166-1 alpha-2. */
export function licenseHandler(issuing: Issuing, territoryOf: (call: Call) => string): RouteHandler {
  return async (request, response, call, params) => {
    const system = toKeySystem(params.system ?? "");
    if (system === undefined) throw errors.KEY_SYSTEM_UNKNOWN();
    const license = await issuing.issue({
      system,
      token: BEARER.exec(call.headers.authorization ?? "")?.[1],
      playSessionId: new URL(request.url ?? "", "http://host").searchParams.get("session") ?? "",
      territory: territoryOf(call),
      remoteAddress: call.remoteAddress,
      traceId: call.traceId,
      readChallenge: () => {
        // A challenge that is too large is not read to its end, so nothing else can come on that connection.
        const isLarge = Number(request.headers["content-length"] ?? Number.POSITIVE_INFINITY) > MAX_CHALLENGE_BYTES;
        if (isLarge && request.httpVersionMajor === 1) response.setHeader("connection", "close");
        return readChallenge(request);
      },
    });
    try {
      await send(response, {
        status: 200,
        headers: {
          "content-type": license.contentType,
          "cache-control": "no-store",
          "x-content-type-options": "nosniff",
          "x-license-trust": license.trust,
          // For players of key systems whose licences do not say it themselves.
          ...(license.lastsMs !== undefined && { "x-license-duration": String(Math.floor(license.lastsMs / 1000)) }),
        },
        body: license.body,
      });
    } finally {
      license.body.fill(0);
    }
  };
}

async function readChallenge(request: IncomingMessage): Promise<Uint8Array> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    // To end the loop early must not end the connection: the refusal is still to leave.
    for await (const chunk of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
      bytes += chunk.byteLength;
      if (bytes > MAX_CHALLENGE_BYTES) break;
      chunks.push(chunk);
    }
  } catch (error) {
    throw errors.LICENSE_REQUEST_MALFORMED("it ended early", error);
  }
  if (bytes > MAX_CHALLENGE_BYTES) throw errors.LICENSE_REQUEST_TOO_LARGE(MAX_CHALLENGE_BYTES);
  return Buffer.concat(chunks);
}
