/** Resource names after AIP-122, for resources that have no parent: `titles/{uuid}`. */

/** The id in a name that validation has let through; undefined for the empty name. */
export function idOf(collection: string, name: string): string | undefined {
  if (name === "") return undefined;
  const prefix = `${collection}/`;
  if (!name.startsWith(prefix)) throw new Error(`expected a name of ${collection}`);
  return name.slice(prefix.length);
}

/** The id in a name that must not be empty. */
export function requireId(collection: string, name: string): string {
  const id = idOf(collection, name);
  if (id === undefined) throw new Error(`expected a name of ${collection}`);
  return id;
}
