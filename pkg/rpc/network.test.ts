/** Which addresses count as one. */

import assert from "node:assert/strict";
import { networkOf } from "./network.ts";

describe("the network of an address", () => {
  it("is the address itself for IPv4, however it is written", () => {
    assert.equal(networkOf("192.0.2.1"), "192.0.2.1");
    assert.equal(networkOf("::ffff:192.0.2.1"), "192.0.2.1");
    assert.equal(networkOf("::FFFF:c000:201"), "192.0.2.1");
    assert.equal(networkOf("0:0:0:0:0:ffff:c000:201"), "192.0.2.1");
  });

  it("is the /64 for IPv6, however it is written", () => {
    const network = "2001:db8:0:1::/64";
    for (const address of [
      "2001:db8:0:1:2:3:4:5",
      "2001:db8:0:1::",
      "2001:0DB8:0000:0001::1",
      "2001:db8:0:1:ffff:ffff:ffff:ffff",
      "2001:db8:0:1::192.0.2.1",
    ]) {
      assert.equal(networkOf(address), network, address);
    }
    assert.notEqual(networkOf("2001:db8:0:2::1"), network);
    assert.equal(networkOf("::1"), "0:0:0:0::/64");
    assert.equal(networkOf("fe80::1%eth0"), networkOf("fe80::2%eth1"));
    assert.equal(networkOf("64:ff9b::192.0.2.1"), "64:ff9b:0:0::/64");
  });

  it("leaves alone what is no address", () => {
    assert.equal(networkOf(""), "");
    assert.equal(networkOf("somewhere"), "somewhere");
  });
});
