/** The search index in PostgreSQL: full text for words, trigrams for what was mistyped. */

import type { Queryable, Tx } from "#pkg/postgres/db";
import { errors } from "./errors.ts";
import { checkDocument, checkIdAndVersion, checkIndexName, checkQuery } from "./limits.ts";
import {
  clearDropped,
  ensureGeneration,
  generationsToWrite,
  rebuildIndex,
  type SearchDeps,
} from "./postgres-generations.ts";
import type { SearchDocument, SearchIndex, SearchQuery, SearchResult } from "./search.ts";
import { joinedWordsOf, wordsOf } from "./words.ts";

/** How many of a query's words count; the rest would only narrow what is found already. */
const MAX_QUERY_WORDS = 12;
/** How many meanings of one mistyped word are tried. */
const MAX_MEANINGS = 20;
const MAX_FACET_VALUES = 100;
/** Between a facet's name and its value. */
const SEPARATOR = "\u001f";

/** Owns `db`. */
export function openPostgresSearch(options: SearchDeps): SearchIndex {
  const { db } = options;
  const cleared = new Set<string>();
  return {
    async ensureIndex(index) {
      checkIndexName(index);
      const serving = await ensureGeneration(db, index);
      // once in a process's life: a rebuild clears up behind itself, unless its process died
      if (!cleared.has(index)) await clearDropped(options, index);
      cleared.add(index);
      return serving;
    },

    async put(index, documents) {
      checkIndexName(index);
      const rows = rowsOf(documents);
      if (rows.length === 0) return;
      await db.tx(async (tx) => {
        for (const generation of await generationsToWrite(tx, index)) await writeDocuments(tx, generation, rows);
      });
    },

    async remove(index, documents) {
      checkIndexName(index);
      for (const document of documents) checkIdAndVersion(document);
      const rows = latestOf(documents);
      if (rows.length === 0) return;
      await db.tx(async (tx) => {
        for (const generation of await generationsToWrite(tx, index)) {
          await tx.execute(
            `insert into documents as d (generation_id, id, version, removed)
             select $1, i.id, i.version, true from unnest($2::text[], $3::bigint[]) as i (id, version)
             on conflict (generation_id, id) do update
             set version = excluded.version, removed = true, plain_title = '', facets = '{}', words = ''
             where d.version < excluded.version`,
            [generation, rows.map((row) => row.id), rows.map((row) => row.version)],
          );
        }
      });
    },

    async query(index, query) {
      checkIndexName(index);
      checkQuery(query);
      const after = query.cursor === undefined ? undefined : parseCursor(query.cursor);
      return db.tx(async (tx) => {
        // one view for all statements: between them the generation may be swapped and dropped
        await tx.query("set transaction isolation level repeatable read");
        const [serving] = await tx.query<{ id: string }>(
          "select id from generations where index_name = $1 and state = 'serving'",
          [index],
        );
        if (serving === undefined) throw errors.SEARCH_INDEX_NOT_FOUND(index);
        return runQuery(tx, serving.id, query, after);
      });
    },

    async rebuild(index, documents) {
      checkIndexName(index);
      return rebuildIndex(options, index, documents, (tx, generation, batch) =>
        writeDocuments(tx, generation, rowsOf(batch)),
      );
    },

    [Symbol.asyncDispose]: () => db[Symbol.asyncDispose](),
  };
}

type DocumentRow = SearchDocument & ReturnType<typeof indexed>;

function rowsOf(documents: readonly SearchDocument[]): DocumentRow[] {
  for (const document of documents) checkDocument(document);
  return latestOf(documents).map((document) => ({ ...document, ...indexed(document) }));
}

async function writeDocuments(tx: Tx, generation: string, rows: readonly DocumentRow[]): Promise<void> {
  await tx.execute(
    `insert into documents as d (generation_id, id, version, removed, plain_title, facets, words)
     select $1, i.id, i.version, false, i.plain_title,
            array (select jsonb_array_elements_text(i.facets::jsonb)), i.words::tsvector
     from unnest($2::text[], $3::bigint[], $4::text[], $5::text[], $6::text[])
       as i (id, version, plain_title, facets, words)
     on conflict (generation_id, id) do update
     set version = excluded.version, removed = false, plain_title = excluded.plain_title,
         facets = excluded.facets, words = excluded.words
     where d.version < excluded.version`,
    [
      generation,
      rows.map((row) => row.id),
      rows.map((row) => row.version),
      rows.map((row) => row.plainTitle),
      rows.map((row) => JSON.stringify(row.facetTerms)),
      rows.map((row) => row.vector),
    ],
  );
  const vocabulary = [...new Set(rows.flatMap((row) => row.vocabulary))].sort();
  await tx.execute(
    "insert into vocabulary (generation_id, word) select $1, unnest($2::text[]) on conflict do nothing",
    [generation, vocabulary],
  );
}

interface Cursor {
  /** Decimal text, as the database wrote it. */
  readonly score: string;
  readonly id: string;
}

async function runQuery(
  tx: Queryable,
  generation: string,
  query: SearchQuery,
  after: Cursor | undefined,
): Promise<SearchResult> {
  const typed = wordsOf(query.text);
  const words = typed.slice(0, MAX_QUERY_WORDS);
  if (words.length === 0 && query.text.trim() !== "")
    return { hits: [], facetCounts: emptyCounts(query), cursor: undefined };
  const { exact, wide } = await tsqueriesOf(tx, generation, words);
  const filters = Object.entries(query.filters ?? {}).map(([name, values]) =>
    values.map((value) => `${name}${SEPARATOR}${value}`),
  );
  const params: unknown[] = [generation, exact, wide, typed.join(" ")];
  const filterSql = filters.map((terms) => `and facets && $${params.push(terms)}::text[]`).join(" ");
  // an exact title outweighs all else; then a title counts by how much of it was asked for, so that a short one is not
  // lost below a long one with the same words. Ranks stay below 2 for each tsquery; weights are those of {body, -, -, title}
  const matched = `select id, facets, round((
        case when $4::text = '' then 0 when plain_title = $4 then 100
             else 10 * similarity(plain_title, $4) + case when starts_with(plain_title, $4) then 1 else 0 end end
        + 4 * ts_rank('{0.1, 0.2, 0.4, 1.0}', words, $2::text::tsquery)
        + ts_rank('{0.1, 0.2, 0.4, 1.0}', words, $3::text::tsquery))::numeric, 6) as score
      from documents
      where generation_id = $1 and not removed and ($3::text = '' or words @@ $3::text::tsquery) ${filterSql}`;

  const pageParams = [...params, query.limit + 1];
  const limitSql = `limit $${pageParams.length}`;
  const afterSql =
    after === undefined
      ? ""
      : `where score < $${pageParams.push(after.score)}::numeric
           or (score = $${pageParams.length}::numeric and id > $${pageParams.push(after.id)})`;
  const rows = await tx.query<{ id: string; score: string }>(
    `select id, score from (${matched}) m ${afterSql} order by score desc, id ${limitSql}`,
    pageParams,
  );
  const page = rows.slice(0, query.limit);
  const last = page.at(-1);
  return {
    hits: page.map((row) => ({ id: row.id, score: Number(row.score) })),
    facetCounts: await countFacets(tx, matched, params, query),
    cursor: rows.length > query.limit && last !== undefined ? formatCursor(last) : undefined,
  };
}

/** `exact` asks for the words as typed, `wide` also for what they may have meant; the last word may be unfinished. */
async function tsqueriesOf(tx: Queryable, generation: string, words: readonly string[]) {
  const meanings = await meaningsOf(tx, generation, words);
  const asTyped = words.map((word, place) => (place === words.length - 1 ? `${lexeme(word)}:*` : lexeme(word)));
  const asMeant = asTyped.map((term, place) => {
    const others = meanings.get(words[place] ?? "") ?? [];
    return `(${[term, ...others.map(lexeme)].join(" | ")})`;
  });
  return { exact: asTyped.join(" & "), wide: asMeant.join(" & ") };
}

/**
 * Words of the index within the edit distance that OpenSearch's fuzziness AUTO allows: none up to two letters, one up
 * to five, else two; two neighbours swapped count as one there, so here too.
 */
async function meaningsOf(tx: Queryable, generation: string, words: readonly string[]): Promise<Map<string, string[]>> {
  const typed = [...new Set(words)].filter((word) => [...word].length >= 3 && /\p{L}/u.test(word));
  const meanings = new Map<string, string[]>();
  if (typed.length === 0) return meanings;
  // @NOTE lower than pg_trgm's 0.3, under which one wrong letter in a short word finds nothing
  await tx.query("select set_config('pg_trgm.similarity_threshold', '0.15', true)");
  for (const word of typed) {
    const similar = await nearestWords(tx, generation, word, "v.word % $2");
    // a word of six letters with two wrong ones may share a single trigram: only then are all words looked at
    const found = similar.length > 0 ? similar : await nearestWords(tx, generation, word, "true");
    meanings.set(
      word,
      found.filter((other) => other !== word),
    );
  }
  return meanings;
}

async function nearestWords(tx: Queryable, generation: string, word: string, candidates: string): Promise<string[]> {
  const length = [...word].length;
  const rows = await tx.query<{ word: string }>(
    `select word from (
       select v.word, levenshtein_less_equal(v.word, $2, 2) as edits from vocabulary v
       where v.generation_id = $1 and length(v.word) between $3::int - $4::int and $3::int + $4::int and ${candidates}) n
     where edits <= $4 or (edits = 2 and length(word) = $3 and
       (select string_agg(c, '' order by c) from string_to_table(word, null) c)
       = (select string_agg(c, '' order by c) from string_to_table($2, null) c))
     order by edits, word limit ${MAX_MEANINGS}`,
    [generation, word, length, length > 5 ? 2 : 1],
  );
  return rows.map((row) => row.word);
}

async function countFacets(tx: Queryable, matched: string, params: readonly unknown[], query: SearchQuery) {
  const counts = emptyCounts(query);
  if (Object.keys(counts).length === 0) return counts;
  const rows = await tx.query<{ name: string; value: string; count: number }>(
    `select name, value, count from (
       select split_part(term, E'\\x1f', 1) as name, split_part(term, E'\\x1f', 2) as value, count(*)::int as count,
              row_number() over (partition by split_part(term, E'\\x1f', 1) order by count(*) desc, term) as place
       from (${matched}) m, unnest(m.facets) as term
       where split_part(term, E'\\x1f', 1) = any ($${params.length + 1}::text[])
       group by term) f
     where place <= ${MAX_FACET_VALUES} order by name, place`,
    [...params, query.countFacets],
  );
  for (const { name, value, count } of rows) counts[name]?.push({ value, count });
  return counts;
}

function emptyCounts(query: SearchQuery): Record<string, { readonly value: string; readonly count: number }[]> {
  return Object.fromEntries((query.countFacets ?? []).map((name) => [name, []]));
}

function indexed(document: SearchDocument) {
  const title = wordsOf(document.title);
  const body = wordsOf(document.body);
  const places = new Map<string, string[]>();
  const place = (word: string, at: number, weight: "A" | "D") => {
    const known = places.get(word) ?? [];
    places.set(word, known);
    // PostgreSQL keeps 255 positions of a word, up to 16,383
    if (known.length < 255) known.push(`${Math.min(at, 16_383)}${weight}`);
  };
  for (const [at, word] of [...title, ...joinedWordsOf(document.title)].entries()) place(word, at + 1, "A");
  for (const [at, word] of [...body, ...joinedWordsOf(document.body)].entries())
    place(word, title.length + at + 10, "D");
  return {
    plainTitle: title.join(" "),
    vector: [...places].map(([word, at]) => `${lexeme(word)}:${at.join(",")}`).join(" "),
    vocabulary: [...places.keys()].filter((word) => word.length >= 3 && /\p{L}/u.test(word)),
    facetTerms: Object.entries(document.facets).flatMap(([name, values]) =>
      values.map((value) => `${name}${SEPARATOR}${value}`),
    ),
  };
}

/** Quotes a word for a tsvector or tsquery; words hold letters and digits only, so there is nothing to escape. */
function lexeme(word: string): string {
  return `'${word}'`;
}

/** One statement may not touch a row twice; in id order, so that two writers cannot wait for each other. */
function latestOf<T extends { readonly id: string; readonly version: number }>(documents: readonly T[]): T[] {
  const latest = new Map<string, T>();
  for (const document of documents) {
    const known = latest.get(document.id);
    if (known === undefined || known.version <= document.version) latest.set(document.id, document);
  }
  return [...latest.values()].sort((a, b) => (a.id < b.id ? -1 : 1));
}

function formatCursor(last: Cursor): string {
  return Buffer.from(JSON.stringify([last.score, last.id])).toString("base64url");
}

function parseCursor(cursor: string): Cursor {
  try {
    const [score, id] = JSON.parse(Buffer.from(cursor, "base64url").toString()) as unknown[];
    if (typeof score === "string" && /^\d+(\.\d+)?$/.test(score) && typeof id === "string") return { score, id };
  } catch {
    // the same answer as for a cursor of the wrong shape
  }
  throw errors.SEARCH_ARGUMENT_INVALID("The cursor does not belong to this index.");
}
