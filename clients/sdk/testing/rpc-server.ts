/** Services of a test on a real port. */

import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { type Code, ConnectError, type ConnectRouter } from "@connectrpc/connect";
import { connectNodeAdapter } from "@connectrpc/connect-node";
import { ErrorInfoSchema } from "../gen/google/rpc/error_details_pb.ts";

export interface RpcServer extends AsyncDisposable {
  readonly origin: string;
  /** Breaks every connection, as a dying server does. */
  breakConnections(): void;
}

export async function startRpcServer(routes: (router: ConnectRouter) => void): Promise<RpcServer> {
  const server = createServer(connectNodeAdapter({ routes }));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    breakConnections: () => server.closeAllConnections(),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** A refusal as our services make them. */
export function refusal(code: Code, reason: string, message = reason.toLowerCase()): ConnectError {
  return new ConnectError(message, code, undefined, [{ desc: ErrorInfoSchema, value: { reason } }]);
}
