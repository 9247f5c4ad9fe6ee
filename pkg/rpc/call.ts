/** A call as the chain and the handlers see it, whatever transport it came by. */

import type { IncomingMessage, ServerResponse } from "node:http";
import type { DescMessage, DescMethod, MessageInitShape, MessageShape } from "@bufbuild/protobuf";
import type { GenService, GenServiceMethods } from "@bufbuild/protobuf/codegenv2";

export type Exposure = "edge" | "internal";

export type PrincipalKind = "anyone" | "account" | "profile" | "creator" | "operator" | "play_session" | "service";

/** The access rule of a method or a raw route: read from the contract, or declared beside the route. */
export interface AccessRule {
  readonly exposure: Exposure;
  readonly principals: readonly PrincipalKind[];
  readonly permissions: readonly string[];
  /** Modules that may call it as themselves. */
  readonly callers: readonly string[];
  /** `isShared` where all processes count together: such as for methods that guess passwords. */
  readonly rateLimit: { readonly perSecond: number; readonly burst: number; readonly isShared?: true } | undefined;
}

/** Who is calling. `token` is the bearer token as it came, to be passed on with calls made for the same person. */
export type Principal =
  | { readonly kind: "anyone" }
  | {
      readonly kind: "user";
      readonly accountId: string;
      /** The chosen profile, where one was chosen. */
      readonly profileId: string | undefined;
      /** The sign-in session. */
      readonly sessionId: string;
      readonly roles: readonly ("creator" | "operator")[];
      /** What an operator may do; empty for others. */
      readonly permissions: readonly string[];
      readonly token: string;
    }
  | {
      readonly kind: "play_session";
      /** The verified claims of the play token. */
      readonly claims: Readonly<Record<string, unknown>>;
      readonly token: string;
    }
  | { readonly kind: "service"; readonly module: string };

/** What is called: a contract's method or a raw route. */
export interface Target {
  /** `matinee.catalog.v1.CatalogService/GetTitle`, or `GET /m/*`. Low-cardinality: it labels metrics. */
  readonly name: string;
  /** The module that serves it. */
  readonly module: string;
  readonly access: AccessRule;
  /** Undefined for a raw route. */
  readonly method: DescMethod | undefined;
  /** Set for a raw route that verifies the Authorization header itself. */
  readonly authenticates?: true;
}

export interface Call {
  readonly target: Target;
  readonly transport: "connect" | "grpc" | "grpc-web" | "http" | "inprocess";
  /** The calling module, proved by the listener; undefined for a caller from outside. */
  readonly peer: string | undefined;
  /** The address of the client as the listener or a trusted proxy knows it; empty in-process. */
  readonly remoteAddress: string;
  /** Lower-case names. Never trusted for identity. */
  readonly headers: Readonly<Record<string, string>>;
  /** Set by the authentication step; `anyone` before it. */
  readonly principal: Principal;
  /** Aborted when the caller goes away, the deadline passes or the host drains. Created at first use. */
  readonly signal: AbortSignal;
  /** When the caller stops waiting; undefined where it set no limit. */
  readonly deadline: Date | undefined;
  /** The trace id of this call, 32 hex digits, for messages that a person may quote. */
  readonly traceId: string;
  /** Response headers to set, lower-case names. */
  readonly responseHeaders: Record<string, string>;
}

/** What a module implements for a service: unary methods return the response, server streams an async iterable. */
export type Handler<S extends GenService<GenServiceMethods>> = {
  [M in keyof S["method"]]: S["method"][M] extends { methodKind: "unary"; input: infer I; output: infer O }
    ? I extends DescMessage
      ? O extends DescMessage
        ? (request: MessageShape<I>, call: Call) => Promise<MessageInitShape<O>>
        : never
      : never
    : S["method"][M] extends { methodKind: "server_streaming"; input: infer I; output: infer O }
      ? I extends DescMessage
        ? O extends DescMessage
          ? (request: MessageShape<I>, call: Call) => AsyncIterable<MessageInitShape<O>>
          : never
        : never
      : never;
};

/** A raw HTTP route's handler; it has passed the same chain as a method, validation excepted. */
export type RouteHandler = (
  request: IncomingMessage,
  response: ServerResponse,
  call: Call,
  params: Readonly<Record<string, string>>,
) => Promise<void>;

/** What is not RPC, declared in the same terms as the contracts. */
export interface RouteDeclaration {
  readonly method: "GET" | "HEAD" | "PUT" | "POST" | "DELETE" | "OPTIONS";
  /** Segments; `{name}` takes one segment, a last `{name...}` the rest. */
  readonly path: string;
  readonly access: AccessRule;
  /**
   * The handler verifies the Authorization header itself, because each of its refusals has consequences of its own;
   * the chain then leaves the header alone and the principal is `anyone`. Only with an access rule for anyone.
   */
  readonly authenticates?: true;
  /** Only the internal listener has it, for callers that are no modules, such as scrapers. */
  readonly inside?: true;
}

export interface Route extends RouteDeclaration {
  readonly handle: RouteHandler;
}
