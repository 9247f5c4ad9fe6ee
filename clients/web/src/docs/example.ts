/** A request that the rules admit, and the same for a shell. */

import type { ApiReference, FieldDoc } from "./reference.ts";

/** Nobody has it; where it stands alone, a request needs one of its own. */
export const SAMPLE_ID = "0198f0c4-0000-7000-8000-000000000000";
/** Messages within messages; deeper ones are left for the reader to add. */
const MAX_DEPTH = 4;

type Json = Readonly<Record<string, unknown>>;

/** Every field that is no message, and messages that must be there; of a choice of fields, the first if one must be. */
export function exampleOf(reference: ApiReference, typeName: string, newId: () => string, depth = 0): Json {
  const type = reference.types[typeName];
  if (type?.kind !== "message" || depth > MAX_DEPTH) return {};
  const isChosen = ({ oneof, name }: FieldDoc) =>
    oneof === undefined ||
    (type.requiredOneofs.includes(oneof) && type.fields.find((field) => field.oneof === oneof)?.name === name);
  const fields = type.fields.filter((field) => !field.isOutput && isChosen(field));
  return Object.fromEntries(
    fields.flatMap((field): readonly [string, unknown][] => {
      if (field.sample === "" && field.isRequired) return [[field.name, "text"]];
      if (field.sample !== undefined) return [[field.name, field.sample === SAMPLE_ID ? newId() : field.sample]];
      const isNeeded = field.isRequired || field.oneof !== undefined;
      if (!isNeeded || reference.types[field.type] === undefined) return [];
      const inner = exampleOf(reference, field.type, newId, depth + 1);
      return [[field.name, field.isRepeated ? [inner] : inner]];
    }),
  );
}

export interface ShellCall {
  /** The edge's origin, such as "http://localhost:8080". */
  readonly origin: string;
  /** "matinee.catalog.v1.CatalogService/GetTitle". */
  readonly path: string;
  /** JSON. */
  readonly body: string;
  readonly needsToken: boolean;
  readonly isStream: boolean;
}

/** The call as a command; `$TOKEN` is an access token. */
export function curlOf({ origin, path, body, needsToken, isStream }: ShellCall): string {
  const compact = withoutSpace(body);
  const headers = [
    `-H 'content-type: application/${isStream ? "connect+json" : "json"}'`,
    ...(needsToken ? ['-H "authorization: Bearer $TOKEN"'] : []),
  ];
  const lines = [`${origin}/${path}`, ...headers];
  if (!isStream) return ["curl", ...lines, `-d ${quoted(compact)}`].join(" \\\n  ").replace("curl \\\n ", "curl");
  // A stream's messages travel in envelopes: a byte of flags, four of length, then the message.
  const length = new Uint8Array(4);
  new DataView(length.buffer).setUint32(0, new TextEncoder().encode(compact).byteLength);
  const envelope = [0, ...length].map((byte) => `\\0${byte.toString(8).padStart(3, "0")}`).join("");
  const call = ["curl -sN", ...lines, "--data-binary @-"].join(" \\\n  ").replace("curl -sN \\\n ", "curl -sN");
  return `printf '%b%s' '${envelope}' ${quoted(compact)} |\n${call}`;
}

/** As it is where it is no JSON yet. */
function withoutSpace(body: string): string {
  try {
    return JSON.stringify(JSON.parse(body));
  } catch {
    return body;
  }
}

/** For a POSIX shell. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
