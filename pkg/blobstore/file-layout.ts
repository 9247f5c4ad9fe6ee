/**
 * Where the file adapter keeps what. Under its folder:
 * - `objects/<key>~`   the entry of an object: JSON that names its data file; publishing an object is one link(2)
 * - `data/<xx>/<id>`   the bytes, never changed once an entry names them
 * - `multipart/<id>/`  `upload.json` and a file per part, `<number>-<size>-<sha256>`
 * - `tmp/<id>/`        what one opening of the store is writing; it touches the folder while it lives, and whoever else
 *                      has the store open sweeps what one that was killed has left
 *
 * "~" and "+" cannot occur in a key, so the object `a` and the objects below `a/` never collide, and no key leaves the
 * folder.
 */

import { join } from "node:path";

export interface Entry {
  readonly key: string;
  /** Id of the data file. */
  readonly data: string;
  readonly sizeBytes: number;
  readonly sha256: string;
  readonly contentType: string;
  readonly updatedAt: string;
  /** The multipart upload that made it, so that completing it again finds its own work. */
  readonly multipartId?: string;
  /** Data file of the object that this one replaces, to be freed. */
  readonly replaces?: string;
}

/** File systems take names of at most 255 bytes; a longer segment becomes nested folders whose names end in "+". */
const MAX_NAME = 200;

export class FileLayout {
  readonly objects: string;
  readonly data: string;
  readonly multipart: string;
  readonly tmp: string;
  /** The part of `tmp` that is this opening's. */
  readonly ownTmp: string;

  constructor(folder: string, opening: string) {
    this.objects = join(folder, "objects");
    this.data = join(folder, "data");
    this.multipart = join(folder, "multipart");
    this.tmp = join(folder, "tmp");
    this.ownTmp = join(this.tmp, opening);
  }

  entryPath(key: string): string {
    const segments = key.split("/").map(splitSegment);
    return `${join(this.objects, ...segments)}~`;
  }

  /** The folder that holds every key starting with `prefix` up to its last "/". */
  folderOf(prefix: string): string {
    const complete = prefix.split("/").slice(0, -1);
    return join(this.objects, ...complete.map(splitSegment));
  }

  dataPath(id: string): string {
    // The last two digits: UUIDv7 starts with the time, which would fill one folder after another.
    return join(this.data, id.slice(-2), id);
  }

  multipartFolder(id: string): string {
    return join(this.multipart, id);
  }

  tmpPath(name: string): string {
    return join(this.ownTmp, name);
  }
}

/** `00012-5242880-<sha256>` for part 12. */
export function partFileName(part: { number: number; sizeBytes: number; sha256: string }): string {
  return `${String(part.number).padStart(5, "0")}-${part.sizeBytes}-${part.sha256}`;
}

const PART_FILE = /^(\d{5})-(\d+)-([0-9a-f]{64})$/;

export function parsePartFileName(name: string): { number: number; sizeBytes: number; sha256: string } | undefined {
  const match = PART_FILE.exec(name);
  if (match === null) return undefined;
  return { number: Number(match[1]), sizeBytes: Number(match[2]), sha256: match[3] ?? "" };
}

function splitSegment(segment: string): string {
  let path = "";
  let rest = segment;
  while (rest.length > MAX_NAME) {
    path += `${rest.slice(0, MAX_NAME)}+/`;
    rest = rest.slice(MAX_NAME);
  }
  return path + rest;
}
