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

/** What a name says that may name a revision (AIP-162), `packages/{uuid}@{revision}`: undefined where it names none. */
export function requireRevision(collection: string, name: string): { id: string; revision: number | undefined } {
  const [id = "", revision] = requireId(collection, name).split("@");
  return { id, revision: revision === undefined ? undefined : Number(revision) };
}
