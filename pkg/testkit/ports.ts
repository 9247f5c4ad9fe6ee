/** Ports for servers that must be told theirs before they start. */

import { connect } from "node:net";

/** Ports that nobody listens on, below the range that the kernel gives to outgoing connections, so that they stay free. */
export async function freePorts(count: number): Promise<readonly number[]> {
  const ports = new Set<number>();
  while (ports.size < count) {
    const port = 15_000 + Math.floor(Math.random() * 15_000);
    if (!ports.has(port) && !(await isTaken(port))) ports.add(port);
  }
  return [...ports];
}

function isTaken(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: "127.0.0.1" });
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
}
