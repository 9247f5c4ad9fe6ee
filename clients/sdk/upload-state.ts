/** What an upload must remember to go on after its client was killed, and where that is kept. */

import { forEver } from "./browser-storage.ts";

/** One upload on its way. */
export interface UploadState {
  /** Makes CreateUpload repeatable, also where the client died before it saw the answer. */
  readonly requestId: string;
  /** `uploads/{uuid}`, once the service answered. */
  readonly upload?: string;
  readonly fileName: string;
  readonly sizeBytes: number;
  /** When it was begun, in milliseconds since 1970. */
  readonly createdMs: number;
}

/** Small records under a key. */
export interface StateStore<T> {
  load(key: string): Promise<T | undefined>;
  save(key: string, state: T): Promise<void>;
  remove(key: string): Promise<void>;
  list(): Promise<readonly (readonly [key: string, state: T])[]>;
}

/** A store that forgets with the process. */
export function memoryStateStore<T>(): StateStore<T> {
  const states = new Map<string, T>();
  return {
    load: async (key) => states.get(key),
    save: async (key, state) => {
      states.set(key, state);
    },
    remove: async (key) => {
      states.delete(key);
    },
    list: async () => [...states],
  };
}

/** A store in the browser's localStorage; keys begin with `prefix`. */
export function localStateStore<T>(prefix: string): StateStore<T> {
  return {
    load: async (key) => parse<T>(forEver.get(prefix + key)),
    save: async (key, state) => forEver.set(prefix + key, JSON.stringify(state)),
    remove: async (key) => forEver.remove(prefix + key),
    list: async () =>
      forEver
        .keys()
        .filter((key) => key.startsWith(prefix))
        .flatMap((key) => {
          const state = parse<T>(forEver.get(key));
          return state === undefined ? [] : [[key.slice(prefix.length), state] as const];
        }),
  };
}

function parse<T>(text: string | undefined): T | undefined {
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text) as T;
  } catch {
    return undefined;
  }
}
