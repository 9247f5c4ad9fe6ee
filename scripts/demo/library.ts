/** The demo's films in the platform: made where they are ours, imported once, and remembered for the next start. */

import { readFile, stat } from "node:fs/promises";
import { basename, extname, join } from "node:path";
import { drawImport } from "../../clients/cli/commands/import.ts";
import type { Progress } from "../../clients/cli/progress.ts";
import type { Login } from "../../clients/cli/server.ts";
import { toMatineeError } from "../../clients/sdk/errors.ts";
import { folderStateStore, openFileSource, writePrivate } from "../../clients/sdk/file-node.ts";
import { CatalogService } from "../../clients/sdk/gen/matinee/catalog/v1/catalog_service_pb.ts";
import { Title_State } from "../../clients/sdk/gen/matinee/catalog/v1/title_pb.ts";
import { type ImportOptions, type ImportState, importFilm } from "../../clients/sdk/import-film.ts";
import { newPlatform, type Platform } from "../../clients/sdk/platform.ts";
import { memorySessionStore, Session } from "../../clients/sdk/session.ts";
import type { UploadState } from "../../clients/sdk/upload-state.ts";
import type { Film } from "../../films/films.ts";
import { cachedFilm, GENERATOR_VERSION } from "../../films/generate.ts";

/** A film that the demo shows. */
export interface LibraryEntry {
  /** The same at every start, for the same film. */
  readonly key: () => Promise<string>;
  readonly title: NonNullable<ImportOptions["title"]> & { readonly displayTitle: string };
  /** The film's path; makes the film first where it is ours. */
  readonly file: (options: { onProgress: (share: number) => void; signal: AbortSignal }) => Promise<string>;
}

/** One of the films that the demo makes itself. */
export function shippedEntry(film: Film, data: string): LibraryEntry {
  const [original] = film.languages;
  return {
    key: async () => `${film.id}-v${GENERATOR_VERSION}`,
    file: (options) => cachedFilm(film.id, join(data, "films"), options),
    title: {
      displayTitle: film.title,
      synopsis: film.synopsis,
      releaseYear: film.year,
      originalLanguage: original?.tag ?? "",
      genres: [...film.genres],
      minimumAge: film.minimumAge,
      credits: film.credits.map(({ name, role, character = "" }) => ({ displayName: name, role, character })),
      localizations: Object.entries(film.localizations).map(([language, { title, synopsis }]) => ({
        language,
        displayTitle: title,
        synopsis,
      })),
      // Everywhere, for ever.
      availabilityWindows: [{}],
    },
  };
}

/** The person's own film. */
export function fileEntry(path: string): LibraryEntry {
  const name = basename(path, extname(path)).replaceAll(/[._]+/g, " ").trim();
  return {
    key: async () => {
      const { size, mtimeMs } = await stat(path);
      return `${path}-${size}-${mtimeMs}`;
    },
    file: async () => path,
    title: {
      displayTitle: (name === "" ? "Untitled" : name).slice(0, 200),
      synopsis: `Imported from ${basename(path)}.`.slice(0, 4000),
      availabilityWindows: [{}],
    },
  };
}

export interface Library {
  /** True for a film that was wholly imported before. */
  has(entry: LibraryEntry): Promise<boolean>;
  signIn(origin: string, operator: Login): Promise<void>;
  /** Makes the film where it is ours and not there yet; does nothing for one that is imported. */
  prepare(entry: LibraryEntry): Promise<void>;
  /** Imports and publishes what is not there yet. `onPlayable` is called once, when it can be watched. */
  add(entry: LibraryEntry, onPlayable?: () => void): Promise<void>;
}

/** What is remembered of a film that is wholly in. */
interface Shelved {
  readonly title: string;
}

export function openLibrary(options: { data: string; progress: Progress; signal: AbortSignal }): Library {
  const { data, progress, signal } = options;
  const folder = join(data, "demo");
  const shelfPath = join(folder, "films.json");
  let platform: Platform | undefined;

  const shelf = async (): Promise<Record<string, Shelved>> => {
    try {
      return JSON.parse(await readFile(shelfPath, "utf8"));
    } catch {
      return {};
    }
  };
  const has = async (entry: LibraryEntry): Promise<boolean> => (await entry.key()) in (await shelf());

  return {
    has,
    async signIn(origin, operator) {
      const session = new Session({ origin, store: memorySessionStore() });
      await session.signIn(operator.email, operator.password);
      platform = newPlatform({ origin, tokens: session });
    },
    async prepare(entry) {
      if (await has(entry)) return;
      await entry.file({ signal, onProgress: (share) => progress.set("Film", share, "drawing and narrating") });
      signal.throwIfAborted();
    },
    async add(entry, onPlayable) {
      if (platform === undefined) throw new Error("sign in first");
      const key = await entry.key();
      const known = (await shelf())[key];
      if (known !== undefined && (await isPublished(platform, known.title, signal))) return onPlayable?.();
      const path = await entry.file({ signal, onProgress: () => undefined });
      const result = await importFilm(platform, {
        source: await openFileSource(path),
        title: entry.title,
        publish: true,
        uploads: folderStateStore<UploadState>(join(folder, "uploads")),
        imports: folderStateStore<ImportState>(join(folder, "imports")),
        signal,
        onEvent: (event) => {
          drawImport(progress, event);
          if (event.step === "published") onPlayable?.();
        },
      });
      progress.end();
      if (result.title === undefined) return;
      await writePrivate(shelfPath, JSON.stringify({ ...(await shelf()), [key]: { title: result.title.name } }));
    },
  };
}

/** False also where the title was taken out or deleted, so that the next start brings the film back. */
async function isPublished(platform: Platform, name: string, signal: AbortSignal): Promise<boolean> {
  try {
    const { title } = await platform.client(CatalogService).getTitle({ name }, { signal });
    return title?.state === Title_State.PUBLISHED;
  } catch (error) {
    if (toMatineeError(error).code === 5) return false;
    throw error;
  }
}
