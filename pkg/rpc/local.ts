/** The services that are open in this process, by name. */

import type { DescMethod, DescService, Message } from "@bufbuild/protobuf";
import { accessOf, methodName } from "./access.ts";
import type { AccessRule, Target } from "./call.ts";
import type { StreamHandler, UnaryHandler } from "./chain.ts";

/** One served method: its target and what handles it. */
export type LocalMethod = { readonly target: Target & { readonly method: DescMethod } } & (
  | { readonly kind: "unary"; readonly handle: UnaryHandler }
  | { readonly kind: "server_streaming"; readonly handle: StreamHandler }
  | { readonly kind: "bidi_streaming"; readonly handle: StreamHandler<AsyncIterable<Message>> }
);

export interface LocalService {
  readonly service: DescService;
  readonly module: string;
  readonly methods: ReadonlyMap<string, LocalMethod>;
}

/**
 * `access` is for services of the frame itself, whose contracts are not ours and carry no rule; only those may stream from
 * the client, since the chain does not look into such messages. Throws a plain Error where a method has no access rule, no
 * implementation or a kind that we do not serve.
 */
export function newLocalService(
  module: string,
  service: DescService,
  handler: object,
  access?: AccessRule,
): LocalService {
  const methods = new Map<string, LocalMethod>();
  for (const method of service.methods) {
    const target = { name: methodName(method), module, access: access ?? accessOf(method), method };
    const implementation: unknown = Reflect.get(handler, method.localName);
    if (typeof implementation !== "function") throw new Error(`${target.name} is not implemented`);
    const handle = implementation.bind(handler);
    const { methodKind: kind } = method;
    const carried =
      kind === "unary" || kind === "server_streaming" || (kind === "bidi_streaming" && access !== undefined);
    if (!carried) throw new Error(`${target.name} streams from the client, which the chain does not carry`);
    methods.set(method.name, { kind, target, handle });
  }
  return { service, module, methods };
}

/** Filled as modules open; looked at when a call is made. */
export class LocalServices {
  readonly #services = new Map<string, LocalService>();

  add(service: LocalService): void {
    this.#services.set(service.service.typeName, service);
  }

  find(typeName: string): LocalService | undefined {
    return this.#services.get(typeName);
  }

  all(): readonly LocalService[] {
    return [...this.#services.values()];
  }
}
