/** Generations of an index in PostgreSQL: which one answers, and how a new one takes its place. */

import { type Clock, newId } from "#pkg/clock/clock";
import type { Logger } from "#pkg/obs/obs";
import type { Db, Tx } from "#pkg/postgres/db";
import { type HeldLease, holdLease } from "#pkg/work/lease";
import { errors } from "./errors.ts";
import type { Generation, SearchDocument } from "./search.ts";
import { ANALYZER } from "./words.ts";

const DEFAULT_LEASE_MS = 30_000;
/** Rows of a dropped generation that go in one transaction. */
const DROP_ROWS = 5_000;

export interface SearchDeps {
  readonly db: Db;
  readonly clock: Clock;
  readonly log: Logger;
  /** How long a rebuild is left alone by others when its process is not heard of. Default: 30 s. */
  readonly leaseMs?: number;
}

export async function ensureGeneration(db: Db, index: string): Promise<Generation> {
  const found = await findServing(db, index);
  if (found !== undefined) return found;
  return db.tx(async (tx) => {
    await tx.execute("insert into indexes (name) values ($1) on conflict do nothing", [index]);
    await lockIndex(tx, index);
    const made = await findServing(tx, index);
    if (made !== undefined) return made;
    const id = newId();
    await tx.execute("insert into generations (id, index_name, state, analyzer) values ($1, $2, 'serving', $3)", [
      id,
      index,
      ANALYZER,
    ]);
    return { id, isOutdated: false };
  });
}

/** Throws `SEARCH_INDEX_NOT_FOUND`. A rebuild begins and swaps before or after the transaction, never amid its writes. */
export async function generationsToWrite(tx: Tx, index: string): Promise<string[]> {
  const held = await tx.query("select from indexes where name = $1 for key share", [index]);
  if (held.length === 0) throw errors.SEARCH_INDEX_NOT_FOUND(index);
  const rows = await tx.query<{ id: string }>(
    "select id from generations where index_name = $1 and state in ('serving', 'building') order by state desc",
    [index],
  );
  return rows.map(({ id }) => id);
}

/** `SearchIndex.rebuild`; `write` puts one batch into a generation. */
export async function rebuildIndex(
  deps: SearchDeps,
  index: string,
  documents: (generation: string) => AsyncIterable<readonly SearchDocument[]>,
  write: (tx: Tx, generation: string, batch: readonly SearchDocument[]) => Promise<void>,
): Promise<string> {
  const { db } = deps;
  const id = await begin(deps, index);
  try {
    await using lease = renewing(deps, id);
    await keepRemovals(db, index, id);
    for await (const batch of documents(id)) {
      if (lease.lost.aborted) throw errors.SEARCH_REBUILD_LOST(index);
      await db.tx(async (tx) => {
        // held until the batch is in: whoever takes the place waits for it
        const own = await tx.query("select from generations where id = $1 and state = 'building' for share", [id]);
        if (own.length === 0) throw errors.SEARCH_REBUILD_LOST(index);
        await write(tx, id, batch);
      });
    }
    await swap(db, index, id);
  } catch (error) {
    await giveUp(deps, index, id);
    throw error;
  }
  await clearDropped(deps, index);
  return id;
}

/** Throws `SEARCH_REBUILD_RUNNING`, `SEARCH_INDEX_NOT_FOUND`. */
async function begin({ db, leaseMs = DEFAULT_LEASE_MS }: SearchDeps, index: string): Promise<string> {
  const id = newId();
  await db.tx(async (tx) => {
    await lockIndex(tx, index);
    const running = await tx.query(
      "select from generations where index_name = $1 and state = 'building' and leased_until > now()",
      [index],
    );
    if (running.length > 0) throw errors.SEARCH_REBUILD_RUNNING(index);
    await tx.execute("update generations set state = 'dropped' where index_name = $1 and state = 'building'", [index]);
    await tx.execute(
      `insert into generations (id, index_name, state, analyzer, leased_until)
       values ($1, $2, 'building', $3, now() + make_interval(secs => $4::float8 / 1000))`,
      [id, index, ANALYZER, leaseMs],
    );
  });
  return id;
}

function renewing({ db, clock, log, leaseMs = DEFAULT_LEASE_MS }: SearchDeps, id: string): HeldLease {
  const until = () => new Date(clock.now().getTime() + leaseMs);
  return holdLease({
    clock,
    everyMs: leaseMs / 3,
    until: until(),
    async renew() {
      const next = until();
      const kept = await db.execute(
        `update generations set leased_until = now() + make_interval(secs => $2::float8 / 1000)
         where id = $1 and state = 'building'`,
        [id, leaseMs],
      );
      return kept === 0 ? "lost" : next;
    },
    onFailure: (err) => log.warn({ err }, "the lease of a search index's rebuild could not be renewed"),
  });
}

/** Removals of before; those from now on reach both generations. In the order of ids that all writers keep. */
async function keepRemovals(db: Db, index: string, id: string): Promise<void> {
  await db.tx((tx) =>
    tx.execute(
      `insert into documents as d (generation_id, id, version, removed)
       select $2, o.id, o.version, true
       from documents o join generations g on g.id = o.generation_id
       where g.index_name = $1 and g.state = 'serving' and o.removed
       order by o.id collate "C"
       on conflict (generation_id, id) do update
       set version = excluded.version, removed = true, plain_title = '', facets = '{}', words = ''
       where d.version < excluded.version`,
      [index, id],
    ),
  );
}

/** Throws `SEARCH_REBUILD_LOST`. */
async function swap(db: Db, index: string, id: string): Promise<void> {
  await db.tx(async (tx) => {
    await tx.query("select from indexes where name = $1 for update", [index]);
    await tx.execute("update generations set state = 'dropped' where index_name = $1 and state = 'serving'", [index]);
    const swapped = await tx.execute(
      "update generations set state = 'serving', leased_until = null where id = $1 and state = 'building'",
      [id],
    );
    if (swapped === 0) throw errors.SEARCH_REBUILD_LOST(index);
  });
}

/** What cannot be given up now is taken over when its lease has run out. */
async function giveUp(deps: SearchDeps, index: string, id: string): Promise<void> {
  const giving = deps.db.tx(async (tx) => {
    await tx.query("select from indexes where name = $1 for update", [index]);
    await tx.execute("update generations set state = 'dropped' where id = $1 and state = 'building'", [id]);
  });
  await giving.catch((err) => deps.log.warn({ err, index }, "a search index's failed rebuild is still there"));
  await clearDropped(deps, index);
}

/** Clears what is dropped, also what a process left that died. What cannot be cleared now is by the next who tries. */
export async function clearDropped({ db, log }: SearchDeps, index: string): Promise<void> {
  await drop(db, index).catch((err) => log.warn({ err, index }, "an old generation of a search index is still there"));
}

async function drop(db: Db, index: string): Promise<void> {
  const dropped = await db.query<{ id: string }>(
    "select id from generations where index_name = $1 and state = 'dropped'",
    [index],
  );
  for (const { id } of dropped) {
    for (const table of ["documents", "vocabulary"]) {
      const part = `delete from ${table} where ctid = any (array (
        select ctid from ${table} where generation_id = $1 limit ${DROP_ROWS}))`;
      while ((await db.execute(part, [id])) === DROP_ROWS);
    }
    await db.execute("delete from generations where id = $1", [id]);
  }
}

async function findServing(on: Pick<Db, "query">, index: string): Promise<Generation | undefined> {
  const [row] = await on.query<{ id: string; analyzer: number }>(
    "select id, analyzer from generations where index_name = $1 and state = 'serving'",
    [index],
  );
  return row && { id: row.id, isOutdated: row.analyzer < ANALYZER };
}

/** Waits for writes under way, and holds up those to come. Throws `SEARCH_INDEX_NOT_FOUND`. */
async function lockIndex(tx: Tx, index: string): Promise<void> {
  const held = await tx.query("select from indexes where name = $1 for update", [index]);
  if (held.length === 0) throw errors.SEARCH_INDEX_NOT_FOUND(index);
}
