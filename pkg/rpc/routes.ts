/** Finds the raw route of a request: literal segments before `{name}`, `{name}` before `{name...}`. */

import { checkAccess } from "./access.ts";
import type { Route, Target } from "./call.ts";

export interface BoundRoute {
  readonly route: Route;
  readonly target: Target;
}

export interface RouteMatch {
  readonly bound: BoundRoute;
  readonly params: Readonly<Record<string, string>>;
}

interface Node {
  readonly literals: Map<string, Node>;
  one: Node | undefined;
  readonly rest: Map<string, { readonly bound: BoundRoute; readonly names: readonly string[] }>;
  readonly ends: Map<string, { readonly bound: BoundRoute; readonly names: readonly string[] }>;
}

const SEGMENT = /^\{([a-z][A-Za-z0-9]*)(\.\.\.)?\}$/;

/** `GET /m/{token}/{rest...}` with its module. Throws a plain Error where the access rule is incomplete. */
export function bindRoute(module: string, route: Route): BoundRoute {
  const name = `${route.method} ${route.path}`;
  checkAccess(name, route.access);
  const target = { name, module, access: route.access, method: undefined };
  if (route.authenticates === undefined) return { route, target };
  if (!route.access.principals.includes("anyone")) throw new Error(`${name} authenticates itself but not anyone`);
  return { route, target: { ...target, authenticates: true } };
}

export interface RouteTable {
  /** `path` without the query; undefined where no route fits, "method" where only the method does not. */
  find(method: string, path: string): RouteMatch | "method" | undefined;
}

/** Throws a plain Error where two routes are the same or a pattern is malformed. */
export function newRouteTable(routes: readonly BoundRoute[]): RouteTable {
  const root = newNode();
  for (const bound of routes) insert(root, bound);
  return {
    find(method, path) {
      const segments = decodeSegments(path);
      if (segments === undefined) return undefined;
      const values: string[] = [];
      return search(root, method, segments, 0, values);
    },
  };
}

function newNode(): Node {
  return { literals: new Map(), one: undefined, rest: new Map(), ends: new Map() };
}

function insert(root: Node, bound: BoundRoute): void {
  const { method, path } = bound.route;
  const names: string[] = [];
  let node = root;
  const segments = path.split("/").slice(1);
  for (const [index, segment] of segments.entries()) {
    const [, name, rest] = SEGMENT.exec(segment) ?? [];
    if (name === undefined) {
      if (/[{}]/.test(segment)) throw new Error(`${path} has a malformed segment`);
      let next = node.literals.get(segment);
      if (next === undefined) {
        next = newNode();
        node.literals.set(segment, next);
      }
      node = next;
      continue;
    }
    names.push(name);
    if (rest !== undefined) {
      if (index !== segments.length - 1) throw new Error(`${path} goes on after {${name}...}`);
      if (node.rest.has(method)) throw new Error(`${method} ${path} is declared twice`);
      node.rest.set(method, { bound, names });
      return;
    }
    node.one ??= newNode();
    node = node.one;
  }
  if (node.ends.has(method)) throw new Error(`${method} ${path} is declared twice`);
  node.ends.set(method, { bound, names });
}

function search(
  node: Node,
  method: string,
  segments: readonly string[],
  index: number,
  values: readonly string[],
): RouteMatch | "method" | undefined {
  const segment = segments[index];
  let wrongMethod: "method" | undefined;
  if (segment === undefined) {
    const found = pick(node.ends, method);
    if (found === "method") wrongMethod = "method";
    else if (found !== undefined) return toMatch(found, values);
  } else {
    const literal = node.literals.get(segment);
    const found = literal && search(literal, method, segments, index + 1, values);
    if (found === "method") wrongMethod = "method";
    else if (found !== undefined) return found;
    if (node.one !== undefined && segment !== "") {
      const below = search(node.one, method, segments, index + 1, [...values, segment]);
      if (below === "method") wrongMethod = "method";
      else if (below !== undefined) return below;
    }
    const rest = pick(node.rest, method);
    if (rest === "method") wrongMethod = "method";
    else if (rest !== undefined) return toMatch(rest, [...values, segments.slice(index).join("/")]);
  }
  return wrongMethod;
}

/** HEAD is served by GET where it has no route of its own; Node drops the body. */
function pick<T>(byMethod: ReadonlyMap<string, T>, method: string): T | "method" | undefined {
  const found = byMethod.get(method) ?? (method === "HEAD" ? byMethod.get("GET") : undefined);
  return found ?? (byMethod.size > 0 ? "method" : undefined);
}

function toMatch(
  found: { readonly bound: BoundRoute; readonly names: readonly string[] },
  values: readonly string[],
): RouteMatch {
  return {
    bound: found.bound,
    params: Object.fromEntries(found.names.map((name, index) => [name, values[index] ?? ""])),
  };
}

function decodeSegments(path: string): string[] | undefined {
  try {
    return path
      .split("/")
      .slice(1)
      .map((segment) => (segment.includes("%") ? decodeURIComponent(segment) : segment));
  } catch {
    return undefined;
  }
}
