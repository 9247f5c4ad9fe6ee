/** Titles, packages of their assets, and view counts in SQL. */

import type { Db, Queryable, Tx } from "#pkg/postgres/db";
import type { Still, Title, TitleFields, TitleKind, TitleMedia, TitleState } from "../domain/title.ts";
import { fromWindow, type StoredStill, stillsOf, type TitleRow, toTitle } from "./rows.ts";

const SELECT = `
  select t.id, t.kind, t.display_title, t.synopsis, t.original_language, t.release_year, t.genres, t.credits, t.minimum_age,
         t.localizations, t.windows, t.asset_id, t.poster, t.state, t.version, t.created_at, t.updated_at, t.published_at,
         p.media, p.posters,
         (select sum(v.views) from title_views v where v.title_id = t.id) as views
    from titles t left join asset_packages p on p.asset_id = t.asset_id`;

/** Views of one title are counted in this many rows. */
const VIEW_SLOTS = 16;

/** The last title of the page before, newest first. */
export interface After {
  readonly at: Date;
  readonly id: string;
}

/** Undefined filters match all, deleted titles only where they are asked for. */
export interface TitleFilter {
  readonly state: TitleState | undefined;
  readonly assetId: string | undefined;
  readonly kinds: readonly TitleKind[];
  readonly maximumAge: number | undefined;
}

export type NewTitle = TitleFields & Pick<Title, "id" | "kind">;

export type TitleStore = ReturnType<typeof openTitleStore>;

export function openTitleStore(db: Db) {
  return {
    /** Undefined where the request id was used before. */
    async insert(tx: Tx, title: NewTitle, requestId: string, now: Date): Promise<Title | undefined> {
      const inserted = await tx.execute(
        `insert into titles (id, request_id, kind, display_title, synopsis, original_language, release_year, genres,
                             credits, minimum_age, localizations, windows, asset_id, poster, state, version, created_at, updated_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, 'draft', 1, $15, $15)
         on conflict (request_id) do nothing`,
        [title.id, requestId, title.kind, ...columnsOf(title), now],
      );
      return inserted === 1 ? findIn(tx, title.id) : undefined;
    },

    async findByRequest(requestId: string): Promise<Title | undefined> {
      const [row] = await db.query<TitleRow>(`${SELECT} where t.request_id = $1`, [requestId]);
      return row && toTitle(row);
    },

    find(id: string): Promise<Title | undefined> {
      return findIn(db, id);
    },

    /** Locks the title until the transaction ends. */
    async lock(tx: Tx, id: string): Promise<Title | undefined> {
      await tx.query("select 1 from titles where id = $1 for update", [id]);
      return findIn(tx, id);
    },

    async lockByAsset(tx: Tx, assetId: string): Promise<Title[]> {
      await tx.query("select 1 from titles where asset_id = $1 order by id for update", [assetId]);
      const rows = await tx.query<TitleRow>(`${SELECT} where t.asset_id = $1 order by t.id`, [assetId]);
      return rows.map(toTitle);
    },

    /** Writes the fields and counts the version up. */
    async saveFields(tx: Tx, id: string, fields: TitleFields, now: Date): Promise<void> {
      await tx.execute(
        `update titles set display_title = $2, synopsis = $3, original_language = $4, release_year = $5, genres = $6,
                credits = $7, minimum_age = $8, localizations = $9, windows = $10, asset_id = $11, poster = $12, updated_at = $13,
                version = version + 1
          where id = $1`,
        [id, ...columnsOf(fields), now],
      );
    },

    async saveState(tx: Tx, id: string, state: TitleState, now: Date): Promise<void> {
      await tx.execute(
        `update titles set state = $2, version = version + 1, updated_at = $3,
                published_at = case when $2 = 'published' then $3 else published_at end,
                deleted_at = case when $2 = 'deleted' then $3 else null end
          where id = $1`,
        [id, state, now],
      );
    },

    /** Counts the version up, because something that is shown with the title changed. */
    async touch(tx: Tx, id: string, now: Date): Promise<void> {
      await tx.execute("update titles set version = version + 1, updated_at = $2 where id = $1", [id, now]);
    },

    /** Newest first. */
    async list(filter: TitleFilter, limit: number, after?: After): Promise<Title[]> {
      const rows = await db.query<TitleRow>(
        `${SELECT}
          where (case when $1::text is null then t.state <> 'deleted' else t.state = $1 end)
            and ($2::uuid is null or t.asset_id = $2)
            and t.kind = any($3::text[]) and ($4::integer is null or t.minimum_age <= $4)
            and ($5::timestamptz is null or (t.created_at, t.id) < ($5, $6::uuid))
          order by t.created_at desc, t.id desc limit $7`,
        [
          filter.state ?? null,
          filter.assetId ?? null,
          filter.kinds,
          filter.maximumAge ?? null,
          after?.at ?? null,
          after?.id ?? null,
          limit,
        ],
      );
      return rows.map(toTitle);
    },

    /** Those of the titles that are published, by id. */
    async loadPublished(ids: readonly string[]): Promise<Map<string, Title>> {
      const rows = await db.query<TitleRow>(`${SELECT} where t.id = any($1::uuid[]) and t.state = 'published'`, [ids]);
      return new Map(rows.map((row) => [row.id, toTitle(row)]));
    },

    /** Those of the titles that are there, in any state, by id. */
    async loadAll(ids: readonly string[]): Promise<Map<string, Title>> {
      const rows = await db.query<TitleRow>(`${SELECT} where t.id = any($1::uuid[])`, [ids]);
      return new Map(rows.map((row) => [row.id, toTitle(row)]));
    },

    /** Pictures of assets, by asset. */
    async loadStills(assetIds: readonly string[]): Promise<Map<string, readonly Still[]>> {
      const rows = await db.query<{ asset_id: string; posters: StoredStill[] }>(
        "select asset_id, posters from asset_packages where asset_id = any($1::uuid[])",
        [assetIds],
      );
      return new Map(rows.map((row) => [row.asset_id, stillsOf(row.posters)]));
    },

    /** Pictures of a title, or of an asset. */
    async findStills(id: string): Promise<readonly Still[]> {
      const rows = await db.query<{ posters: StoredStill[] }>(
        `select posters from asset_packages
          where asset_id in ($1::uuid, (select asset_id from titles where id = $1))`,
        [id],
      );
      return rows.flatMap(({ posters }) => stillsOf(posters));
    },

    /**
     * Keeps the larger revision. True where this one is it. `packageJson` is the package as proto-JSON, kept whole for
     * whoever plays it.
     */
    async savePackage(
      tx: Tx,
      assetId: string,
      pack: { readonly media: TitleMedia; readonly packageJson: object; readonly stills: readonly Still[] },
      now: Date,
    ): Promise<boolean> {
      const saved = await tx.execute(
        `insert into asset_packages (asset_id, revision, media, package, posters, updated_at)
         values ($1, $2, $3, $4, $5, $6)
         on conflict (asset_id) do update
           set revision = excluded.revision, media = excluded.media, package = excluded.package,
               updated_at = excluded.updated_at,
               posters = case when excluded.posters = '[]'::jsonb then asset_packages.posters else excluded.posters end
           where asset_packages.revision < excluded.revision`,
        [
          assetId,
          pack.media.revision,
          JSON.stringify(pack.media),
          JSON.stringify(pack.packageJson),
          JSON.stringify(pack.stills),
          now,
        ],
      );
      return saved === 1;
    },

    /** The newest package as proto-JSON. */
    async findPackage(assetId: string): Promise<object | undefined> {
      const [row] = await db.query<{ package: object }>("select package from asset_packages where asset_id = $1", [
        assetId,
      ]);
      return row?.package;
    },

    async countView(tx: Tx, titleId: string, slotSeed: number): Promise<void> {
      await tx.execute(
        `insert into title_views (title_id, slot, views) select id, $2, 1 from titles where id = $1
         on conflict (title_id, slot) do update set views = title_views.views + 1`,
        [titleId, slotSeed % VIEW_SLOTS],
      );
    },

    /** Titles whose search document is behind, with the version to write. */
    async listToIndex(limit: number): Promise<Title[]> {
      const rows = await db.query<TitleRow>(`${SELECT} where t.indexed_version < t.version order by t.id limit $1`, [
        limit,
      ]);
      return rows.map(toTitle);
    },

    /** In the order of ids, of all states; after the last one of the page before. */
    async listById(limit: number, after: string | undefined): Promise<Title[]> {
      const rows = await db.query<TitleRow>(`${SELECT} where $1::uuid is null or t.id > $1 order by t.id limit $2`, [
        after ?? null,
        limit,
      ]);
      return rows.map(toTitle);
    },

    /** Of all states. */
    async count(): Promise<number> {
      const [row] = await db.query<{ count: string }>("select count(*) as count from titles");
      return Number(row?.count ?? 0);
    },

    async markIndexed(titles: readonly Title[]): Promise<void> {
      await db.execute(
        `update titles t set indexed_version = i.version
           from unnest($1::uuid[], $2::bigint[]) as i (id, version)
          where t.id = i.id and t.indexed_version < i.version`,
        [titles.map(({ id }) => id), titles.map(({ version }) => version)],
      );
    },
  };
}

async function findIn(on: Queryable, id: string): Promise<Title | undefined> {
  const [row] = await on.query<TitleRow>(`${SELECT} where t.id = $1`, [id]);
  return row && toTitle(row);
}

function columnsOf(fields: TitleFields): unknown[] {
  return [
    fields.displayTitle,
    fields.synopsis,
    fields.originalLanguage,
    fields.releaseYear,
    fields.genres,
    JSON.stringify(fields.credits),
    fields.minimumAge,
    JSON.stringify(fields.localizations),
    JSON.stringify(fields.windows.map(fromWindow)),
    fields.assetId ?? null,
    fields.poster ?? null,
  ];
}
