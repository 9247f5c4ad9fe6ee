/** Groups addresses by who can have them at once: one IPv4 address, or the /64 of IPv6 that one line is given. */

import { isIPv4, isIPv6 } from "node:net";

/** Hexadecimal groups of an IPv6 address that name its network. */
const NETWORK_GROUPS = 4;
const GROUPS = 8;

/**
 * `192.0.2.1` for itself and for `::ffff:192.0.2.1`; `2001:db8:0:1::/64` for `2001:db8:0:1:2:3:4:5`. What is no address,
 * such as the empty one of a call in the same process, stays as it is.
 */
export function networkOf(address: string): string {
  const zone = address.indexOf("%");
  const plain = zone === -1 ? address : address.slice(0, zone);
  if (!isIPv6(plain)) return plain;
  const groups = groupsOf(plain);
  if (groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xffff) {
    const [high = 0, low = 0] = groups.slice(6);
    return [high >> 8, high & 0xff, low >> 8, low & 0xff].join(".");
  }
  const network = groups.slice(0, NETWORK_GROUPS).map((group) => group.toString(16));
  return `${network.join(":")}::/64`;
}

/** The eight groups of an address that `isIPv6` has accepted. */
function groupsOf(address: string): readonly number[] {
  const [head = "", tail] = address.split("::");
  const front = parse(head);
  if (tail === undefined) return front;
  const back = parse(tail);
  return [...front, ...Array<number>(GROUPS - front.length - back.length).fill(0), ...back];
}

function parse(part: string): number[] {
  if (part === "") return [];
  return part.split(":").flatMap((group) => {
    if (!isIPv4(group)) return [Number.parseInt(group, 16)];
    const [a = 0, b = 0, c = 0, d = 0] = group.split(".").map(Number);
    return [(a << 8) | b, (c << 8) | d];
  });
}
