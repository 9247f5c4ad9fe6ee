/** Films in SQL: their parts, and the list that is made of them. */

import type { Db, Queryable, Tx } from "#pkg/postgres/db";
import { wordsOf } from "#pkg/search/words";
import type {
  AssetFacts,
  FilmEntry,
  FilmFacts,
  FilmGroup,
  JobFacts,
  PackageFacts,
  TitleFacts,
} from "../domain/film.ts";
import type { TitleState } from "../domain/title.ts";
import type { After } from "./title-store.ts";

/** Tells watchers which film changed, by its id. */
export const FILMS_CHANNEL = "films";

/** What an event says, the message as proto-JSON beside what the rules need of it. */
export type FilmPart = { readonly assetId: string; readonly version: bigint; readonly body: object } & (
  | { readonly part: "asset"; readonly facts: AssetFacts }
  | { readonly part: "job"; readonly facts: JobFacts }
  | { readonly part: `package-${number}`; readonly facts: PackageFacts }
);

/** A row of the list. */
export interface ListedFilm {
  readonly id: string;
  readonly assetId: string | undefined;
  readonly titleId: string | undefined;
  readonly ownerId: string | undefined;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}

export interface FilmFilter {
  /** Undefined: everyone's. */
  readonly ownerId: string | undefined;
  readonly group: FilmGroup | undefined;
  readonly query: string;
}

type FilmRow = {
  id: string;
  asset_id: string | null;
  title_id: string | null;
  owner_id: string | null;
  created_at: Date;
  updated_at: Date;
};

const COLUMNS = "id, asset_id, title_id, owner_id, created_at, updated_at";

/** Word for word the conditions of the indexes. */
const GROUPS: Readonly<Record<FilmGroup, string>> = {
  in_progress: "stage in ('uploading', 'inspecting', 'transcoding', 'packaging', 'waiting')",
  failed: "stage in ('rejected', 'transcode_failed', 'package_failed', 'canceled')",
  untitled: "is_playable and title_state is null",
  draft: "title_state in ('draft', 'unpublished')",
  published: "title_state = 'published'",
};

/** Of the words that a person types; the rest would only narrow what is found already. */
const MAX_WORDS = 8;

export type FilmStore = ReturnType<typeof openFilmStore>;

export function openFilmStore(db: Db) {
  return {
    /** One change of a film at a time; ids in one order, so that two changes cannot wait for each other. */
    async lock(tx: Tx, ids: Iterable<string>): Promise<void> {
      for (const id of [...new Set(ids)].sort()) {
        await tx.query("select pg_advisory_xact_lock(hashtextextended('film ' || $1, 0))", [id]);
      }
    },

    /** Keeps the larger version. False where this one came too late. */
    async savePart(tx: Tx, { assetId, part, version, facts, body }: FilmPart): Promise<boolean> {
      const saved = await tx.execute(
        `insert into film_parts (asset_id, part, version, facts, body) values ($1, $2, $3, $4, $5)
         on conflict (asset_id, part) do update
           set version = excluded.version, facts = excluded.facts, body = excluded.body
           where film_parts.version < excluded.version`,
        [assetId, part, version, JSON.stringify(facts), JSON.stringify(body)],
      );
      return saved === 1;
    },

    /** Removes all but the mark that the asset is gone. */
    async forgetParts(tx: Tx, assetId: string): Promise<void> {
      await tx.execute("delete from film_parts where asset_id = $1 and part <> 'asset'", [assetId]);
    },

    /** Every asset that was asked for is in the map. */
    async loadFacts(on: Queryable, assetIds: readonly string[]): Promise<Map<string, FilmFacts>> {
      const rows = await on.query<{ asset_id: string; part: string; facts: unknown }>(
        "select asset_id, part, facts from film_parts where asset_id = any($1::uuid[])",
        [assetIds],
      );
      return new Map(
        assetIds.map((assetId) => {
          const own = rows.filter((row) => row.asset_id === assetId);
          const factsOf = (part: string) => own.find((row) => row.part === part)?.facts;
          return [
            assetId,
            {
              asset: factsOf("asset") as AssetFacts | undefined,
              job: factsOf("job") as JobFacts | undefined,
              packages: own.filter(({ part }) => part.startsWith("package-")).map(({ facts }) => facts as PackageFacts),
            },
          ];
        }),
      );
    },

    /** The messages as proto-JSON, by asset and part. */
    async loadBodies(assetIds: readonly string[]): Promise<Map<string, Map<string, object>>> {
      const rows = await db.query<{ asset_id: string; part: string; body: object }>(
        "select asset_id, part, body from film_parts where asset_id = any($1::uuid[])",
        [assetIds],
      );
      const bodies = new Map(assetIds.map((id) => [id, new Map<string, object>()]));
      for (const { asset_id, part, body } of rows) bodies.get(asset_id)?.set(part, body);
      return bodies;
    },

    /** The titles with these ids, and those that play one of the assets. */
    async loadTitles(tx: Tx, ids: readonly string[], assetIds: readonly string[]): Promise<TitleFacts[]> {
      const rows = await tx.query<{
        id: string;
        asset_id: string | null;
        state: TitleState;
        display_title: string;
        created_at: Date;
      }>(
        `select id, asset_id, state, display_title, created_at from titles
          where id = any($1::uuid[]) or asset_id = any($2::uuid[])`,
        [ids, assetIds],
      );
      return rows.map((row) => ({
        id: row.id,
        assetId: row.asset_id ?? undefined,
        state: row.state,
        displayTitle: row.display_title,
        createdAt: row.created_at,
      }));
    },

    /** Puts these rows in the place of whatever the list had under `ids`. */
    async replace(tx: Tx, ids: readonly string[], entries: readonly FilmEntry[], now: Date): Promise<void> {
      await tx.execute("delete from films where id = any($1::uuid[]) and not id = any($2::uuid[])", [
        ids,
        entries.map(({ id }) => id),
      ]);
      for (const entry of entries) {
        await tx.execute(
          `insert into films (id, asset_id, title_id, owner_id, stage, is_playable, title_state, search_text,
                              created_at, updated_at)
           values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
           on conflict (id) do update
             set asset_id = excluded.asset_id, title_id = excluded.title_id, owner_id = excluded.owner_id,
                 stage = excluded.stage, is_playable = excluded.is_playable, title_state = excluded.title_state,
                 search_text = excluded.search_text, created_at = excluded.created_at,
                 updated_at = excluded.updated_at`,
          [
            entry.id,
            entry.assetId ?? null,
            entry.titleId ?? null,
            entry.ownerId ?? null,
            entry.stage,
            entry.isPlayable,
            entry.titleState ?? null,
            wordsOf(entry.names).join(" "),
            entry.createdAt,
            now,
          ],
        );
      }
      await tx.execute("update titles set is_listed = true where id = any($1::uuid[]) and not is_listed", [ids]);
      await tx.query("select pg_notify(current_schema() || $2, id) from unnest($1::text[]) as id", [
        ids,
        `.${FILMS_CHANNEL}`,
      ]);
    },

    /** Titles that are not in the list yet. */
    async unlistedTitles(limit: number): Promise<string[]> {
      const rows = await db.query<{ id: string }>("select id from titles where not is_listed order by id limit $1", [
        limit,
      ]);
      return rows.map(({ id }) => id);
    },

    async find(id: string, ownerId: string | undefined): Promise<ListedFilm | undefined> {
      const [row] = await db.query<FilmRow>(
        `select ${COLUMNS} from films where id = $1 and ($2::uuid is null or owner_id = $2)`,
        [id, ownerId ?? null],
      );
      return row && toListed(row);
    },

    /** Newest first. */
    async list(filter: FilmFilter, limit: number, after: After | undefined): Promise<ListedFilm[]> {
      const { sql, params } = listQuery(filter, limit, after);
      return (await db.query<FilmRow>(sql, params)).map(toListed);
    },
  };
}

/** Says only the conditions that there are, so that the planner takes the index of just those. */
export function listQuery(filter: FilmFilter, limit: number, after: After | undefined) {
  const params: unknown[] = [];
  const bind = (value: unknown) => `$${params.push(value)}`;
  const conditions = [
    ...(filter.ownerId === undefined ? [] : [`owner_id = ${bind(filter.ownerId)}`]),
    ...(filter.group === undefined ? [] : [GROUPS[filter.group]]),
    // Words hold letters and digits only: nothing to escape.
    ...wordsOf(filter.query)
      .slice(0, MAX_WORDS)
      .map((word) => `search_text like ${bind(`%${word}%`)}`),
    ...(after === undefined ? [] : [`(created_at, id) < (${bind(after.at)}, ${bind(after.id)}::uuid)`]),
  ];
  const where = conditions.length === 0 ? "" : `where ${conditions.join(" and ")}`;
  return {
    sql: `select ${COLUMNS} from films ${where} order by created_at desc, id desc limit ${bind(limit)}`,
    params,
  };
}

function toListed(row: FilmRow): ListedFilm {
  return {
    id: row.id,
    assetId: row.asset_id ?? undefined,
    titleId: row.title_id ?? undefined,
    ownerId: row.owner_id ?? undefined,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  };
}
