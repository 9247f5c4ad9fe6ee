/** Header collections as plain records with lower-case names. */

export function headerRecord(init: HeadersInit | undefined): Record<string, string> {
  const record: Record<string, string> = {};
  if (init === undefined) return record;
  if (init instanceof Headers) {
    init.forEach((value, name) => {
      record[name] = value;
    });
    return record;
  }
  for (const [name, value] of Array.isArray(init) ? init : Object.entries(init)) {
    if (name !== undefined && value !== undefined) record[name.toLowerCase()] = value;
  }
  return record;
}
