/** Compares what an opened module provides with what it declared, so that the graph cannot lie. */

import type { Module, OpenedModule } from "./module.ts";

/** Throws a plain Error that names the module and the difference. */
export function checkProvided(module: Module, opened: OpenedModule): void {
  compare(
    module.name,
    "service",
    module.serves.map((service) => service.typeName),
    (opened.services ?? []).map((binding) => binding.service.typeName),
  );
  compare(
    module.name,
    "route",
    module.routes.map((route) => `${route.method} ${route.path}`),
    (opened.routes ?? []).map((route) => `${route.method} ${route.path}`),
  );
  compare(
    module.name,
    "consumer",
    module.consumes.map((event) => event.typeName),
    (opened.consumers ?? []).map((consumer) => consumer.event.typeName),
  );
  compare(
    module.name,
    "reader",
    (module.reads ?? []).map((record) => record.typeName),
    (opened.readers ?? []).map((reader) => reader.record.typeName),
  );
  if ((module.issuer === undefined) !== (opened.keySet === undefined)) {
    throw new Error(`${module.name} must provide a key set exactly where it declares an issuer`);
  }
}

function compare(module: string, what: string, declared: readonly string[], provided: readonly string[]): void {
  const missing = declared.find((name) => !provided.includes(name));
  if (missing !== undefined) throw new Error(`${module} declares the ${what} ${missing} and does not provide it`);
  const extra = provided.find((name) => !declared.includes(name));
  if (extra !== undefined) throw new Error(`${module} provides the ${what} ${extra} and does not declare it`);
  if (new Set(provided).size !== provided.length) throw new Error(`${module} provides a ${what} twice`);
}
