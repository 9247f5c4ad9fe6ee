/** Resource names and states as a person types them. */

import { UsageError } from "../failure.ts";

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** `jobs/{uuid}`, also from a bare UUID. */
export function parseName(collection: string, text: string): string {
  const id = text.startsWith(`${collection}/`) ? text.slice(collection.length + 1) : text;
  if (!UUID.test(id)) throw new UsageError(`${JSON.stringify(text)} is not a name such as ${collection}/0197...`);
  return `${collection}/${id}`;
}

/** `packages/{uuid}@{revision}`, also without the collection. */
export function parseRevision(collection: string, text: string): string {
  const [id = "", revision = ""] = text.split("@");
  if (!/^[0-9]{1,9}$/.test(revision)) throw new UsageError(`${text} names no revision such as ${collection}/0197...@1`);
  return `${parseName(collection, id)}@${revision}`;
}

/** The number of a state's name in lower case. */
export function parseState<T extends number>(states: Readonly<Record<string, T>>, text: string): T {
  const found = states[text.toUpperCase()];
  if (found === undefined || text.toLowerCase() === "unspecified") {
    const known = Object.keys(states).filter((name) => name !== "UNSPECIFIED");
    throw new UsageError(`--state must be one of ${known.map((name) => name.toLowerCase()).join(", ")}`);
  }
  return found;
}
