/** Clients for services: in this process where the service is open, else over the wire with balancing and retries. */

import type { DescService } from "@bufbuild/protobuf";
import { type Client, createClient, type Transport } from "@connectrpc/connect";
import type { Clock } from "#pkg/clock/clock";
import type { Tracer } from "#pkg/obs/trace";
import type { Chain } from "./chain.ts";
import { newInProcessTransport } from "./inprocess.ts";
import type { LocalServices } from "./local.ts";
import type { PeerProof } from "./loopback.ts";
import { newWireTransport } from "./wire.ts";

/** A peer that does not answer in this time counts as failed, unless the caller says otherwise. */
export const DEFAULT_TIMEOUT_MS = 10_000;

export interface DialerOptions {
  readonly local: LocalServices;
  readonly chain: Chain;
  readonly clock: Clock;
  readonly tracer: Tracer;
  readonly proof: PeerProof;
  /** `host:port` of each replica of a module; undefined where none is configured. */
  readonly addressesOf: (module: string) => readonly string[] | undefined;
}

export interface Dialer extends AsyncDisposable {
  /** The same client in one process and over the wire; it rejects with AppErrors. `caller` is the calling module. */
  dial<S extends DescService>(service: S, caller: string | undefined): Client<S>;
}

export function newDialer(options: DialerOptions): Dialer {
  const wires = new Map<string, Transport & AsyncDisposable>();

  function wire(service: DescService, caller: string | undefined): Transport | undefined {
    const module = moduleOfService(service);
    const addresses = options.addressesOf(module);
    if (addresses === undefined || addresses.length === 0) return undefined;
    const key = `${module} ${caller ?? ""}`;
    let transport = wires.get(key);
    if (transport === undefined) {
      transport = newWireTransport({ ...options, module, caller, addresses });
      wires.set(key, transport);
    }
    return transport;
  }

  return {
    dial(service, caller) {
      const inProcess = newInProcessTransport({
        caller,
        find: (typeName) => options.local.find(typeName),
        chain: options.chain,
      });
      // Chosen at call time: the service may open after its caller asked for the client.
      const choose = (): Transport =>
        options.local.find(service.typeName) === undefined ? (wire(service, caller) ?? inProcess) : inProcess;
      return createClient(service, {
        unary: (method, signal, timeoutMs, header, input, values) =>
          choose().unary(method, signal, timeoutMs ?? DEFAULT_TIMEOUT_MS, header, input, values),
        stream: (method, signal, timeoutMs, header, input, values) =>
          choose().stream(method, signal, timeoutMs, header, input, values),
      });
    },
    async [Symbol.asyncDispose]() {
      for (const transport of wires.values()) await transport[Symbol.asyncDispose]();
    },
  };
}

/** `transcode` for `matinee.transcode.v1.WorkerService`: a contract's package names the module that serves it. */
export function moduleOfService(service: DescService): string {
  return (service.file.proto.package.split(".")[1] ?? "").replaceAll("_", "-");
}
