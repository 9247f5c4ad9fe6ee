/** Finds one's way in the documentation: addresses, what a type is used by, and search. */

import type { ApiReference, MethodDoc, ReasonDoc, ServiceDoc, TypeDoc } from "./reference.ts";

export type Place =
  | { readonly kind: "overview" }
  | { readonly kind: "service"; readonly service: ServiceDoc }
  | { readonly kind: "method"; readonly service: ServiceDoc; readonly method: MethodDoc }
  | { readonly kind: "type"; readonly typeName: string; readonly type: TypeDoc }
  | { readonly kind: "errors" }
  | { readonly kind: "reason"; readonly reason: ReasonDoc };

const HOME = "/docs";
export const ERRORS_HREF = `${HOME}/errors`;

/** Of a service or a type, by its full name. */
export function typeHref(typeName: string): string {
  return `${HOME}/${typeName.replaceAll(".", "/")}`;
}

export function methodHref(service: ServiceDoc, method: MethodDoc): string {
  return `${typeHref(service.typeName)}/${method.name}`;
}

export function reasonHref(reason: string): string {
  return `${ERRORS_HREF}/${reason}`;
}

/** Undefined where there is nothing at the address. */
export function placeAt(reference: ApiReference, path: string): Place | undefined {
  const parts = path
    .slice(HOME.length)
    .split("/")
    .filter((part) => part !== "");
  const [first, second] = parts;
  if (first === undefined) return { kind: "overview" };
  if (first === "errors") {
    if (second === undefined) return { kind: "errors" };
    const reason = reference.reasons.find((one) => one.reason === second);
    return reason && { kind: "reason", reason };
  }
  const name = parts.join(".");
  const type = Object.hasOwn(reference.types, name) ? reference.types[name] : undefined;
  if (type !== undefined) return { kind: "type", typeName: name, type };
  const service = reference.services.find(({ typeName }) => name === typeName || name.startsWith(`${typeName}.`));
  if (service === undefined) return undefined;
  if (service.typeName === name) return { kind: "service", service };
  const method = service.methods.find((one) => `${service.typeName}.${one.name}` === name);
  return method && { kind: "method", service, method };
}

/** Whether clients can call any of it. */
export function isForClients(service: ServiceDoc): boolean {
  return service.methods.some(({ isEdge }) => isEdge);
}

/** What a method's module may answer beside what every method may. */
export function reasonsOf(reference: ApiReference, service: ServiceDoc): readonly ReasonDoc[] {
  return reference.reasons.filter(({ folder }) => folder === `services/${service.module}`);
}

/** What any method may answer: from the frame that stands before all of them. */
export function reasonsOfEveryMethod(reference: ApiReference): readonly ReasonDoc[] {
  const frame = ["pkg/rpc", "pkg/auth", "pkg/aip"];
  return reference.reasons.filter(({ folder, code }) => frame.includes(folder) && code !== "");
}

export interface Uses {
  readonly methods: readonly { readonly service: ServiceDoc; readonly method: MethodDoc }[];
  /** Full names of messages that have a field of it. */
  readonly messages: readonly string[];
}

export function usesOf(reference: ApiReference, typeName: string): Uses {
  return {
    methods: reference.services.flatMap((service) =>
      service.methods
        .filter(({ input, output }) => input === typeName || output === typeName)
        .map((method) => ({ service, method })),
    ),
    messages: Object.entries(reference.types)
      .filter(([, type]) => type.kind === "message" && type.fields.some((field) => field.type === typeName))
      .map(([name]) => name),
  };
}

export interface Hit {
  readonly href: string;
  readonly name: string;
  /** "method of CatalogService". */
  readonly what: string;
}

const MAX_HITS = 40;

/** Every word must be found, in the name or in what is said of it; names that begin so come first. */
export function search(reference: ApiReference, text: string): readonly Hit[] {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  if (words.length === 0) return [];
  const scored = everything(reference).flatMap((entry) => {
    const score = scoreOf(entry, words);
    return score === 0 ? [] : [{ entry, score }];
  });
  return scored
    .toSorted((a, b) => b.score - a.score)
    .slice(0, MAX_HITS)
    .map(({ entry: { href, name, what } }) => ({ href, name, what }));
}

interface Entry extends Hit {
  readonly comment: string;
  /** Methods before types, types before fields, where the words fit alike. */
  readonly weight: number;
}

function everything({ services, types, reasons }: ApiReference): readonly Entry[] {
  return [
    ...services.flatMap((service): readonly Entry[] => [
      { href: typeHref(service.typeName), name: service.name, what: "service", comment: service.comment, weight: 4 },
      ...service.methods.map((method) => ({
        href: methodHref(service, method),
        name: method.name,
        what: `method of ${service.name}`,
        comment: method.comment,
        weight: 3,
      })),
    ]),
    ...Object.entries(types).flatMap(([typeName, type]): readonly Entry[] => [
      {
        href: typeHref(typeName),
        name: type.name,
        what: type.kind === "enum" ? "enum" : "message",
        comment: type.comment,
        weight: 2,
      },
      ...(type.kind === "enum" ? type.values : type.fields).map(({ name, comment }) => ({
        href: typeHref(typeName),
        name,
        what: `${type.kind === "enum" ? "value" : "field"} of ${type.name}`,
        comment,
        weight: 1,
      })),
    ]),
    ...reasons.map(({ reason, code, comment, message }) => ({
      href: reasonHref(reason),
      name: reason,
      what: code === "" ? "reason" : `error, ${code}`,
      comment: `${message} ${comment}`,
      weight: 3,
    })),
  ];
}

/** 0 where a word is missing. */
function scoreOf({ name, comment, weight }: Entry, words: readonly string[]): number {
  const [low, said] = [name.toLowerCase(), comment.toLowerCase()];
  let score = weight;
  for (const word of words) {
    if (low === word) score += 100;
    else if (low.startsWith(word)) score += 50;
    else if (low.includes(word)) score += 20;
    else if (said.includes(word)) score += 5;
    else return 0;
  }
  return score;
}
