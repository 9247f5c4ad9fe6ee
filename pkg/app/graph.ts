/** The modules' relations: the order to open them in, and the pictures that `--print-graph` draws. */

import type { DescMessage, DescService } from "@bufbuild/protobuf";
import { moduleOfService } from "#pkg/rpc/dial";
import type { Module } from "./module.ts";

/**
 * Callees before callers, otherwise in the given order.
 * Throws a plain Error that names the circle where modules call each other in one.
 */
export function inOrder(modules: readonly Module[]): readonly Module[] {
  const servedBy = servers(modules);
  const ordered: Module[] = [];
  const visiting: Module[] = [];
  const visit = (module: Module) => {
    if (ordered.includes(module)) return;
    if (visiting.includes(module)) {
      const circle = [...visiting.slice(visiting.indexOf(module)), module].map((one) => one.name);
      throw new Error(`modules call each other in a circle: ${circle.join(" -> ")}; answer by an event instead`);
    }
    visiting.push(module);
    for (const service of module.calls) {
      const callee = servedBy.get(service.typeName);
      if (callee !== undefined && callee !== module) visit(callee);
    }
    visiting.pop();
    ordered.push(module);
  };
  for (const module of modules) visit(module);
  return ordered;
}

/** The names of the modules that a module calls. */
export function calleesOf(module: Module, known: readonly Module[]): readonly string[] {
  const servedBy = servers(known);
  return [...new Set(module.calls.map((service) => servedBy.get(service.typeName)?.name ?? moduleOfService(service)))];
}

/** Throws a plain Error where two modules have one name, serve one service, or an event has two sources. */
export function checkModules(modules: readonly Module[]): void {
  unique(
    modules.map((module) => module.name),
    "name",
  );
  unique(
    modules.flatMap((module) => module.serves.map((service: DescService) => service.typeName)),
    "service",
  );
  unique(
    modules.flatMap((module) => [...module.emits, ...(module.appends ?? [])].map((event) => event.typeName)),
    "event",
  );
  unique(
    modules.flatMap((module) => (module.issuer === undefined ? [] : [module.issuer])),
    "issuer",
  );
  inOrder(modules);
}

/**
 * A table of who owns, calls, emits and consumes what, then the same as a Mermaid flowchart: dotted arrows are events on
 * the bus, thick ones records of the event log.
 */
export function printGraph(modules: readonly Module[]): string {
  const shortName = (typeName: string) => typeName.slice(typeName.lastIndexOf(".") + 1);
  const list = (names: readonly string[]) => (names.length === 0 ? "–" : names.join(", "));
  const withLog = (events: readonly DescMessage[], records: readonly DescMessage[] = []) =>
    list([
      ...events.map((event) => shortName(event.typeName)),
      ...records.map((record) => `log: ${shortName(record.typeName)}`),
    ]);
  const rows = modules.map((module) => [
    module.name,
    list(module.owns),
    list(calleesOf(module, modules)),
    withLog(module.emits, module.appends),
    withLog(module.consumes, module.reads),
    list(module.needs),
  ]);
  const header = ["module", "owns", "calls", "emits", "consumes", "needs"];
  const table = [header, header.map(() => "---"), ...rows].map((row) => `| ${row.join(" | ")} |`).join("\n");
  const calls = modules.flatMap((module) =>
    calleesOf(module, modules).map((callee) => `  ${id(module.name)} --> ${id(callee)}`),
  );
  const events = modules.flatMap((module) =>
    module.emits.flatMap((event) =>
      modules
        .filter((consumer) => consumer.consumes.some((consumed) => consumed.typeName === event.typeName))
        .map((consumer) => `  ${id(module.name)} -. ${shortName(event.typeName)} .-> ${id(consumer.name)}`),
    ),
  );
  const records = modules.flatMap((module) =>
    (module.appends ?? []).flatMap((record) =>
      modules
        .filter((reader) => (reader.reads ?? []).some((one) => one.typeName === record.typeName))
        .map((reader) => `  ${id(module.name)} == ${shortName(record.typeName)} ==> ${id(reader.name)}`),
    ),
  );
  const nodes = modules.map((module) => `  ${id(module.name)}["${module.name}"]`);
  return [table, "", "```mermaid", "flowchart LR", ...nodes, ...calls, ...events, ...records, "```", ""].join("\n");
}

function servers(modules: readonly Module[]): ReadonlyMap<string, Module> {
  return new Map(
    modules.flatMap((module) => module.serves.map((service): [string, Module] => [service.typeName, module])),
  );
}

function id(name: string): string {
  return name.replaceAll("-", "_");
}

function unique(values: readonly string[], what: string): void {
  const twice = values.find((value, index) => values.indexOf(value) !== index);
  if (twice !== undefined) throw new Error(`two modules have the ${what} ${twice}`);
}
