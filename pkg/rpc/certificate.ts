/** The certificate that a caller's connection has proved to hold the key of. */

import type { X509Certificate } from "node:crypto";
import type { Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import type { NodeRequest } from "#pkg/http/node";

/** By connection: parsing one costs more than the call that it comes with. */
const parsed = new WeakMap<object, X509Certificate>();

/** Undefined on clear text, and for a certificate that none of the listener's authorities has signed. */
export function certificateOf(request: NodeRequest): X509Certificate | undefined {
  const session = "stream" in request ? request.stream.session : undefined;
  const socket = session?.socket ?? request.socket;
  if (!isVerified(socket)) return undefined;
  const connection = session ?? socket;
  let certificate = parsed.get(connection);
  if (certificate === undefined) {
    certificate = socket.getPeerX509Certificate();
    if (certificate !== undefined) parsed.set(connection, certificate);
  }
  return certificate;
}

/** An HTTP/2 session shows its socket's properties to those who read them, not to `in`. */
function isVerified(socket: Socket): socket is TLSSocket {
  return Reflect.get(socket, "authorized") === true;
}
