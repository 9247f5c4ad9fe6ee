/** Which proxies are believed about where a request comes from. */

import { BlockList, isIPv6 } from "node:net";
import type { NodeRequest } from "#pkg/http/node";

export interface Proxies {
  isTrusted(address: string): boolean;
  /** The client's address: the last one in X-Forwarded-For that no trusted proxy has, where the socket is one's. */
  clientOf(request: NodeRequest): string;
}

/** `trusted` are addresses and CIDR ranges. */
export function newProxies(trusted: readonly string[]): Proxies {
  const list = new BlockList();
  for (const entry of trusted) {
    const [address = "", prefix] = entry.split("/");
    const family = isIPv6(address) ? "ipv6" : "ipv4";
    if (prefix === undefined) list.addAddress(address, family);
    else list.addSubnet(address, Number(prefix), family);
  }
  const isTrusted = (address: string) =>
    trusted.length > 0 && address !== "" && list.check(address, isIPv6(address) ? "ipv6" : "ipv4");
  return {
    isTrusted,
    clientOf(request) {
      const own = request.socket.remoteAddress ?? "";
      if (!isTrusted(own)) return own;
      const header = request.headers["x-forwarded-for"];
      const said = Array.isArray(header) ? header.join(",") : (header ?? "");
      const forwarded = said.split(",").map((part) => part.trim());
      return forwarded.findLast((address) => address !== "" && !isTrusted(address)) ?? own;
    },
  };
}
