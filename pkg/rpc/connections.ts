/**
 * The connections of a listener, bounded in all and by network. When there is no room, the connection that has been idle
 * longest goes; what works is never cut for a newcomer.
 */

import { constants, type ServerHttp2Session } from "node:http2";
import type { Socket } from "node:net";
import { LRUCache } from "lru-cache";
import { takeFrom } from "#pkg/cache/bucket";
import type { Counter } from "#pkg/obs/obs";
import { COST, Conduct } from "./conduct.ts";
import { networkOf } from "./network.ts";

export interface ConnectionLimits {
  readonly maxConnections: number;
  /** Of one network: an IPv4 address or the /64 of an IPv6 one; it may make a fifth as many anew each second. */
  readonly maxConnectionsPerNetwork: number;
  /** What one network may be refused at once, and a twentieth of it each second; see `Conduct`. */
  readonly maxRefusalsPerNetwork: number;
  /** Streams of one HTTP/2 connection, and requests that one of HTTP/1.1 may send ahead. */
  readonly maxStreamsPerConnection: number;
  /** Streams that one HTTP/2 connection may reset at once and per second (CVE-2023-44487); of a trusted proxy a hundredfold. */
  readonly streamResetBurst: number;
  readonly streamResetRate: number;
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
/** Idle connections are looked at this often; what has to go then is not so much that others would wait for it. */
const SWEEP_INTERVAL_MS = 100;
/** All of them are, to see whether they read and what they say. */
const LOOK_INTERVAL_MS = 1_000;
/** What HTTP/2 has to say in that time without asking anything: settings, pings, windows. */
const MAX_IDLE_TALK_BYTES = 4_096;
/** Refusals over one connection, beyond which it is closed. */
const BLAMES = { perSecond: 1, burst: 30 };
/** How long the others of a connection may go on whose client is told to go. */
const DOOM_MS = 1_000;
/** Requests that may come until it has heard that. */
const MAX_LATE = 256;
/** How long what was answered last may take to leave. */
const END_MS = 1_000;
/** Why connections are closed that are not to blame for it. */
const OURS: ReadonlySet<string> = new Set(["full", "misconduct"]);
/** Of its share, a network may be refused so much anew each second. */
const REFUSALS_PER_SECOND = 1 / 20;
/** Who makes a connection to ask something asks within this time. */
const SILENT_MS = 1_000;
/** HTTP/2 sessions that a network may have and ask nothing over. */
const MAX_UNASKED_SESSIONS = 4;
/** Node's own time-outs of HTTP/1.1 are looked at every 5 s, and answer; ours cut off what they leave. */
const HTTP1_PATIENCE_MS = 10_000;

/** Taking a connection in costs a tenth of a millisecond and more, so that a network cannot do it as often as it likes. */
const NEW_PER_SECOND = 1 / 5;
/** What is forgotten has not made a connection for long, or is one of more networks than this. */
const MAX_NETWORKS = 50_000;

interface Network {
  count: number;
  /** Those that wait until they may have a session without asking anything: call when one may. */
  readonly waiting: Map<Connection, () => void>;
  /** Sessions of HTTP/2 over which nothing was asked yet. */
  unasked: number;
  /** Longest idle first. */
  readonly idle: Set<Connection>;
}

export interface Connection {
  readonly socket: Socket;
  /** Undefined for a trusted proxy. */
  readonly network: string | undefined;
  session: ServerHttp2Session | undefined;
  /** When the bucket of refusals over it is full again. */
  blamesFullAtMs: number;
  /** True once it was told to wait. */
  isTold: boolean;
  /** Since when it is about to be closed: nothing new is answered. */
  doomedAtMs: number | undefined;
  /** Requests that came since. */
  late: number;
  /** What had been read, and how many requests had begun, at the last look. */
  seenBytes: number;
  seenBegun: number;
  /** Requests that have begun over it. */
  begun: number;
  /** When the bucket of its resets is full again. */
  resetsFullAtMs: number;
  /** Requests and streams that are not over. */
  running: number;
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
  /** About to be closed; longest first. */
  readonly #doomed = new Set<Connection>();
  /** Forgotten, but for a moment still taking what was answered last. */
  readonly #ending = new Set<Connection>();
  readonly #networks = new Map<string, Network>();
  /** When the bucket of a network's new connections is full again. */
  readonly #fullAtMs = new LRUCache<string, number>({ max: MAX_NETWORKS });
  readonly #conduct: Conduct;
  readonly #sweeping: NodeJS.Timeout;
  readonly #looking: NodeJS.Timeout;

  constructor(options: ConnectionsOptions) {
    this.#options = options;
    const { headersTimeoutMs, idleTimeoutMs, maxRefusalsPerNetwork: burst } = options.limits;
    this.#conduct = new Conduct({ perSecond: burst * REFUSALS_PER_SECOND, burst });
    this.#sweeping = setInterval(() => this.#sweep(), Math.min(SWEEP_INTERVAL_MS, headersTimeoutMs, idleTimeoutMs));
    this.#looking = setInterval(() => this.#look(), LOOK_INTERVAL_MS);
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
    if (network !== undefined && this.#conduct.isSpent(network)) return this.#refuse(socket, "misconduct");
    if (network !== undefined && !this.#mayMakeAnother(network)) return this.#refuse(socket, "too many new");
    const neighbours = network === undefined ? undefined : this.#networks.get(network);
    if (neighbours !== undefined && neighbours.count >= limits.maxConnectionsPerNetwork) {
      if (!this.#closeFirst(neighbours.idle, "network full")) return this.#refuse(socket, "network full");
    }
    if (this.#all.size >= limits.maxConnections) {
      if (!this.#closeFirst(this.#idle, "full") && !this.#closeStalled()) return this.#refuse(socket, "full");
    }
    const connection: Connection = {
      ...{ socket, network, session: undefined, running: 0, begun: 0, idleSinceMs: 0 },
      ...{ blamesFullAtMs: 0, isTold: false, doomedAtMs: undefined, late: 0 },
      ...{ seenBytes: 0, seenBegun: 0, resetsFullAtMs: 0 },
      ...{ writers: new Set(), takenAtMs: performance.now() },
    };
    this.#all.add(connection);
    if (network !== undefined) {
      const known = this.#networks.get(network) ?? { count: 0, unasked: 0, waiting: new Map(), idle: new Set() };
      known.count += 1;
      this.#networks.set(network, known);
    }
    this.#toIdle(connection);
    socket.once("close", () => this.#forget(connection, false));
    return connection;
  }

  /**
   * Whether HTTP/2 is spoken before anything was asked. Some clients wait for it, but a session costs much more than a
   * socket, so that a network gets a few; its others get theirs when they ask, or when `later` is called.
   */
  maySpeakFirst(connection: Connection, later: () => void): boolean {
    const network = this.#networkOf(connection);
    if (network === undefined || network.unasked < MAX_UNASKED_SESSIONS) return true;
    network.waiting.set(connection, later);
    return false;
  }

  /** The connection speaks HTTP/2. */
  speaks(connection: Connection, session: ServerHttp2Session): void {
    connection.session = session;
    const network = this.#networkOf(connection);
    if (network === undefined) return;
    network.waiting.delete(connection);
    network.unasked += 1;
  }

  /**
   * A request or stream of the connection has begun; its answer leaves by `writer`. False where it is not to be answered:
   * the connection is about to be closed.
   */
  begin(connection: Connection, writer: Writer): boolean {
    if (!this.#all.has(connection)) return false;
    if (connection.doomedAtMs !== undefined) {
      connection.late += 1;
      if (connection.late > MAX_LATE) this.#close(connection, "misconduct");
      return false;
    }
    if (connection.running >= this.#options.limits.maxStreamsPerConnection) {
      this.blame(connection, COST.hostile);
      this.#close(connection, "too many at once");
      return false;
    }
    if (connection.begun === 0) this.#asked(connection);
    connection.running += 1;
    connection.begun += 1;
    connection.writers.add(writer);
    const taken = () => {
      connection.takenAtMs = performance.now();
    };
    writer.on("drain", taken);
    taken();
    this.#fromIdle(connection);
    return true;
  }

  /** It is over. */
  end(connection: Connection, writer: Writer): void {
    if (!connection.writers.delete(writer)) return;
    connection.running -= 1;
    connection.takenAtMs = performance.now();
    if (!this.#all.has(connection)) return;
    // The answers of HTTP/1.1 come in order: what stands behind one that was refused is refused too.
    const isOver = connection.running === 0 || connection.session === undefined;
    if (connection.doomedAtMs !== undefined && isOver) this.#close(connection, "misconduct");
    else if (connection.running === 0) this.#toIdle(connection);
  }

  /** Its client has behaved so that it costs us; where that goes on, the connection is closed after its answer. */
  blame(connection: Connection, cost: number): void {
    const { network, session, isTold } = connection;
    if (network === undefined) return;
    connection.isTold ||= cost === COST.impatient;
    this.#conduct.blame(network, cost === COST.impatient && !isTold ? COST.refused : cost);
    const { fullAtMs, retryAfterMs } = takeFrom(connection.blamesFullAtMs, performance.now(), BLAMES);
    connection.blamesFullAtMs = fullAtMs;
    if (connection.doomedAtMs !== undefined || !(retryAfterMs > 0 || this.#conduct.isSpent(network))) return;
    connection.doomedAtMs = performance.now();
    this.#doomed.add(connection);
    this.#conduct.blame(network, COST.hostile);
    // Its others may end: a code of an error would make clients give them up.
    session?.close();
  }

  /** Its client has reset a stream before a word of the answer: the work was for nothing. */
  reset(connection: Connection): void {
    const { streamResetRate: perSecond, streamResetBurst: burst } = this.#options.limits;
    const { fullAtMs, retryAfterMs } = takeFrom(connection.resetsFullAtMs, performance.now(), { perSecond, burst });
    connection.resetsFullAtMs = fullAtMs;
    if (retryAfterMs > 0 && connection.network !== undefined) this.broken(connection);
  }

  /** It broke the rules of its protocol, so that it is of no more use. */
  broken(connection: Connection): void {
    this.blame(connection, COST.hostile);
    this.#close(connection, "broken protocol");
  }

  /** Closes what is idle, and of what only came, what has been silent since; tells HTTP/2 clients to go. */
  closeIdle(): void {
    const now = performance.now();
    for (const connection of this.#all) {
      const { session, begun, idleSinceMs } = connection;
      const isSilent = begun === 0 && now - idleSinceMs > SILENT_MS;
      if (isSilent || (session === undefined && begun > 0 && connection.running === 0)) this.#end(connection);
      else if (session?.closed === false) session.close();
    }
  }

  destroyAll(): void {
    for (const { socket } of [...this.#all, ...this.#ending]) socket.destroy();
  }

  /** Stops looking after them. */
  stop(): void {
    clearInterval(this.#sweeping);
    clearInterval(this.#looking);
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
    if (!this.#all.has(connection)) return;
    this.#options.closed.add(1, { why });
    this.#forget(connection, OURS.has(why));
    if (why === "misconduct") this.#end(connection);
    else connection.socket.destroy();
  }

  /** Lets what was answered last leave, for a moment: not everybody reads. */
  #end(connection: Connection): void {
    this.#forget(connection, true);
    const { session, socket } = connection;
    this.#ending.add(connection);
    // Not even the system keeps what nobody takes.
    const timer = setTimeout(() => socket.resetAndDestroy(), END_MS);
    socket.once("close", () => {
      clearTimeout(timer);
      this.#ending.delete(connection);
    });
    if (session === undefined) socket.destroySoon();
    else if (!session.destroyed) {
      if (connection.doomedAtMs !== undefined) session.goaway(constants.NGHTTP2_ENHANCE_YOUR_CALM);
      session.destroy();
    }
  }

  /** Something was asked over it for the first time, or it has gone without. */
  #asked(connection: Connection): void {
    const network = this.#networkOf(connection);
    if (network === undefined || connection.session === undefined) return;
    network.unasked -= 1;
    const [next] = network.waiting;
    if (next === undefined) return;
    network.waiting.delete(next[0]);
    setImmediate(next[1]);
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

  /** Notes whose client takes what it is sent; closes those whose client takes nothing, or talks and asks nothing. */
  #look(): void {
    const now = performance.now();
    for (const connection of this.#all) {
      const { session, begun, seenBytes, seenBegun } = connection;
      if (session !== undefined && connection.network !== undefined) {
        connection.seenBytes = connection.socket.bytesRead;
        connection.seenBegun = begun;
        const isLongIdle = connection.running === 0 && now - connection.idleSinceMs > 2 * LOOK_INTERVAL_MS;
        const isTalk = isLongIdle && begun === seenBegun;
        if (isTalk && connection.seenBytes - seenBytes > MAX_IDLE_TALK_BYTES) {
          this.broken(connection);
          continue;
        }
      }
      let isWaiting = false;
      for (const writer of connection.writers) isWaiting ||= writer.writableLength > 0;
      if (!isWaiting) connection.takenAtMs = now;
      else if (now - connection.takenAtMs > this.#options.limits.stallTimeoutMs) this.#close(connection, "stalled");
    }
  }

  #forget(connection: Connection, isOurs: boolean): void {
    if (!this.#all.delete(connection)) return;
    this.#doomed.delete(connection);
    this.#fromIdle(connection);
    const network = this.#networkOf(connection);
    if (network === undefined) return;
    network.waiting.delete(connection);
    if (connection.begun === 0) {
      this.#asked(connection);
      if (!isOurs) this.#conduct.blame(connection.network ?? "", COST.silent);
    }
    network.count -= 1;
    if (network.count === 0) this.#networks.delete(connection.network ?? "");
  }

  #sweep(): void {
    const { headersTimeoutMs, idleTimeoutMs } = this.#options.limits;
    const now = performance.now();
    // One at a time: each may have hundreds of streams to end.
    const [doomed] = this.#doomed;
    if (doomed !== undefined && now - (doomed.doomedAtMs ?? now) > DOOM_MS) this.#close(doomed, "misconduct");
    for (const connection of this.#idle) {
      const idleMs = now - connection.idleSinceMs;
      if (idleMs < Math.min(headersTimeoutMs, idleTimeoutMs)) break;
      const { session, begun } = connection;
      const limitMs = (begun > 0 ? idleTimeoutMs : headersTimeoutMs) + (session === undefined ? HTTP1_PATIENCE_MS : 0);
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
