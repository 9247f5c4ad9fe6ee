/**
 * The connections of a listener, bounded in all and by network. When there is no room, the connection that has been idle
 * longest goes; what works is never cut for a newcomer.
 */

import type { ServerHttp2Session } from "node:http2";
import type { Socket } from "node:net";
import { LRUCache } from "lru-cache";
import { takeFrom } from "#pkg/cache/bucket";
import type { Counter } from "#pkg/obs/obs";
import { networkOf } from "./network.ts";

export interface ConnectionLimits {
  readonly maxConnections: number;
  /** Of one network: an IPv4 address or the /64 of an IPv6 one; it may make a fifth as many anew each second. */
  readonly maxConnectionsPerNetwork: number;
  /** Until the first request, whatever was said before it. */
  readonly headersTimeoutMs: number;
  /** Between two requests. */
  readonly idleTimeoutMs: number;
  /** How long a client may take nothing of an answer: even a slow line empties a buffer in that time. */
  readonly stallTimeoutMs: number;
}

export interface ConnectionsOptions {
  readonly limits: ConnectionLimits;
  /** Proxies carry many people, so they are spared the limit by network. */
  readonly isTrusted: (address: string) => boolean;
  /** Connections that were closed by us, by why. */
  readonly closed: Counter;
}

/** Where there is no room, a client that has taken nothing for so long goes. */
const STALLED_FULL_MS = 10_000;
/** Idle connections are looked at this often. */
const SWEEP_INTERVAL_MS = 1_000;
/** Node's own time-outs of HTTP/1.1 are looked at every 5 s, and answer; ours cut off what they leave. */
const HTTP1_PATIENCE_MS = 10_000;

/** Taking a connection in costs a tenth of a millisecond and more, so that a network cannot do it as often as it likes. */
const NEW_PER_SECOND = 1 / 5;
/** What is forgotten has not made a connection for long, or is one of more networks than this. */
const MAX_NETWORKS = 50_000;

interface Network {
  count: number;
  /** Longest idle first. */
  readonly idle: Set<Connection>;
}

export interface Connection {
  readonly socket: Socket;
  /** Undefined for a trusted proxy. */
  readonly network: string | undefined;
  session: ServerHttp2Session | undefined;
  /** Requests and streams that are not over. */
  running: number;
  /** True once there was a request. */
  used: boolean;
  idleSinceMs: number;
  /** What has bytes for the client: responses of HTTP/1.1, streams of HTTP/2. */
  readonly writers: Set<Writer>;
  /** When the client last took something, or was last given nothing to take. */
  takenAtMs: number;
}

/** As much of a response or a stream as shows whether its reader reads. */
interface Writer {
  /** Bytes that have not left yet. */
  readonly writableLength: number;
  on(event: "drain", listener: () => void): unknown;
}

export class Connections {
  readonly #options: ConnectionsOptions;
  readonly #all = new Set<Connection>();
  /** Longest idle first. */
  readonly #idle = new Set<Connection>();
  readonly #networks = new Map<string, Network>();
  /** When the bucket of a network's new connections is full again. */
  readonly #fullAtMs = new LRUCache<string, number>({ max: MAX_NETWORKS });
  readonly #sweeping: NodeJS.Timeout;

  constructor(options: ConnectionsOptions) {
    this.#options = options;
    const { headersTimeoutMs, idleTimeoutMs } = options.limits;
    const everyMs = Math.min(SWEEP_INTERVAL_MS, headersTimeoutMs, idleTimeoutMs);
    this.#sweeping = setInterval(() => this.#sweep(), everyMs);
  }

  /** Takes a connection in, closing an idle one where there is no room; undefined where it was closed instead. */
  admit(socket: Socket): Connection | undefined {
    const { limits, isTrusted } = this.#options;
    const address = socket.remoteAddress;
    // It has gone already.
    if (address === undefined) {
      socket.destroy();
      return undefined;
    }
    const network = isTrusted(address) ? undefined : networkOf(address);
    if (network !== undefined && !this.#mayMakeAnother(network)) return this.#refuse(socket, "too many new");
    const neighbours = network === undefined ? undefined : this.#networks.get(network);
    if (neighbours !== undefined && neighbours.count >= limits.maxConnectionsPerNetwork) {
      if (!this.#closeFirst(neighbours.idle, "network full")) return this.#refuse(socket, "network full");
    }
    if (this.#all.size >= limits.maxConnections) {
      if (!this.#closeFirst(this.#idle, "full") && !this.#closeStalled()) return this.#refuse(socket, "full");
    }
    const connection: Connection = {
      ...{ socket, network, session: undefined, running: 0, used: false, idleSinceMs: 0 },
      ...{ writers: new Set(), takenAtMs: performance.now() },
    };
    this.#all.add(connection);
    if (network !== undefined) {
      const known = this.#networks.get(network) ?? { count: 0, idle: new Set() };
      known.count += 1;
      this.#networks.set(network, known);
    }
    this.#toIdle(connection);
    socket.once("close", () => this.#forget(connection));
    return connection;
  }

  /** A request or stream of the connection has begun; its answer leaves by `writer`. */
  begin(connection: Connection, writer: Writer): void {
    connection.running += 1;
    connection.used = true;
    connection.writers.add(writer);
    const taken = () => {
      connection.takenAtMs = performance.now();
    };
    writer.on("drain", taken);
    taken();
    this.#fromIdle(connection);
  }

  /** It is over. */
  end(connection: Connection, writer: Writer): void {
    connection.running -= 1;
    connection.writers.delete(writer);
    connection.takenAtMs = performance.now();
    if (connection.running === 0 && this.#all.has(connection)) this.#toIdle(connection);
  }

  /** Tells HTTP/2 clients to go, and lets what runs finish. */
  closeSessions(): void {
    for (const { session } of this.#all) session?.close();
  }

  destroyAll(): void {
    for (const { socket } of this.#all) socket.destroy();
  }

  /** Stops looking after them. */
  stop(): void {
    clearInterval(this.#sweeping);
  }

  #mayMakeAnother(network: string): boolean {
    const { maxConnectionsPerNetwork: burst } = this.#options.limits;
    const bucket = { perSecond: burst * NEW_PER_SECOND, burst };
    const { fullAtMs, retryAfterMs } = takeFrom(this.#fullAtMs.get(network), performance.now(), bucket);
    this.#fullAtMs.set(network, fullAtMs);
    return retryAfterMs === 0;
  }

  #toIdle(connection: Connection): void {
    connection.idleSinceMs = performance.now();
    this.#idle.add(connection);
    this.#networkOf(connection)?.idle.add(connection);
  }

  #fromIdle(connection: Connection): void {
    this.#idle.delete(connection);
    this.#networkOf(connection)?.idle.delete(connection);
  }

  #networkOf({ network }: Connection): Network | undefined {
    return network === undefined ? undefined : this.#networks.get(network);
  }

  #refuse(socket: Socket, why: string): undefined {
    this.#options.closed.add(1, { why });
    socket.destroy();
  }

  #closeFirst(idle: ReadonlySet<Connection>, why: string): boolean {
    const [first] = idle;
    if (first === undefined) return false;
    this.#close(first, why);
    return true;
  }

  #close(connection: Connection, why: string): void {
    this.#options.closed.add(1, { why });
    this.#forget(connection);
    connection.socket.destroy();
  }

  /** The one whose client has taken nothing for longest, where that is long enough. */
  #closeStalled(): boolean {
    let longest: Connection | undefined;
    for (const connection of this.#all) {
      if (longest === undefined || connection.takenAtMs < longest.takenAtMs) longest = connection;
    }
    if (longest === undefined || performance.now() - longest.takenAtMs < STALLED_FULL_MS) return false;
    this.#close(longest, "stalled");
    return true;
  }

  /** Notes whose client takes what it is sent, and closes those whose client has long taken nothing. */
  #sweepStalled(): void {
    const now = performance.now();
    for (const connection of this.#all) {
      let isWaiting = false;
      for (const writer of connection.writers) isWaiting ||= writer.writableLength > 0;
      if (!isWaiting) connection.takenAtMs = now;
      else if (now - connection.takenAtMs > this.#options.limits.stallTimeoutMs) this.#close(connection, "stalled");
    }
  }

  #forget(connection: Connection): void {
    if (!this.#all.delete(connection)) return;
    this.#fromIdle(connection);
    const network = this.#networkOf(connection);
    if (network === undefined) return;
    network.count -= 1;
    if (network.count === 0) this.#networks.delete(connection.network ?? "");
  }

  #sweep(): void {
    const { headersTimeoutMs, idleTimeoutMs } = this.#options.limits;
    const now = performance.now();
    this.#sweepStalled();
    for (const connection of this.#idle) {
      const idleMs = now - connection.idleSinceMs;
      if (idleMs < Math.min(headersTimeoutMs, idleTimeoutMs)) break;
      const { session, used } = connection;
      const limitMs = (used ? idleTimeoutMs : headersTimeoutMs) + (session === undefined ? HTTP1_PATIENCE_MS : 0);
      if (idleMs < limitMs) continue;
      if (session === undefined || session.closed) {
        this.#options.closed.add(1, { why: "idle" });
        connection.socket.destroy();
      } else {
        // One that is still there at the next look does not follow.
        session.close();
      }
    }
  }
}
