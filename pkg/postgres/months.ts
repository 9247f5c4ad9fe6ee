/**
 * Keeps a table that is partitioned by month: partitions are there ahead of time, and what is older than the retention
 * goes with its whole partition, which costs the same however many rows it has. The table is declared
 * `partition by range (column)` with a partition `<table>_default`, which takes what no month is there for.
 */

import type { Db, Tx } from "./db.ts";

export interface MonthlyTable {
  readonly table: string;
  /** Of type timestamptz. */
  readonly column: string;
}

/** Months that are ready before they begin: two missed runs of an hourly work are none. */
const MONTHS_AHEAD = 2;
/** Making and dropping partitions wait for those who are writing, and hold up those who come; not for long. */
const LOCK_TIMEOUT = "5s";

/**
 * Makes the partitions that are missing, also for months of which the default partition holds rows, and moves those
 * rows; drops partitions whose last moment is older than the retention. Safe to run in several processes at once.
 */
export async function keepMonths(
  db: Db,
  options: MonthlyTable & { readonly now: Date; readonly retentionMs: number },
): Promise<{ readonly made: readonly string[]; readonly dropped: readonly string[] }> {
  const { table, column, now } = options;
  for (const name of [table, column])
    if (!/^[a-z][a-z_]{0,50}$/.test(name)) throw new Error(`not a plain name: ${name}`);
  const keepFrom = new Date(now.getTime() - options.retentionMs);
  return db.tx(async (tx) => {
    await tx.query(`set local lock_timeout = '${LOCK_TIMEOUT}'`);
    await tx.query("select pg_advisory_xact_lock(hashtextextended(current_schema() || '.' || $1, 0))", [table]);
    const existing = await listMonths(tx, table);
    const wanted = new Map(
      [...(await strayMonths(tx, options, keepFrom)), ...comingMonths(now)].map((month) => [
        nameOf(table, month),
        month,
      ]),
    );
    const made = [...wanted].filter(([name]) => !existing.has(name));
    // Writers wait here, before it is decided where their rows go: one that was on its way to the default partition would
    // fail when the month is taken out of it.
    if (made.length > 0) await tx.execute(`lock table ${table} in share row exclusive mode`);
    for (const [name, month] of made) await makeMonth(tx, options, name, month);
    const dropped = [...existing].filter(([, month]) => nextMonth(month) <= keepFrom).map(([name]) => name);
    for (const name of dropped) await tx.execute(`drop table ${name}`);
    await tx.execute(`delete from ${table}_default where ${column} < $1`, [monthOf(keepFrom)]);
    return { made: made.map(([name]) => name), dropped };
  });
}

async function listMonths(tx: Tx, table: string): Promise<Map<string, Date>> {
  const rows = await tx.query<{ name: string }>(
    "select c.relname as name from pg_inherits join pg_class c on c.oid = inhrelid where inhparent = $1::regclass",
    [table],
  );
  return new Map(
    rows.flatMap(({ name }): [string, Date][] => {
      const [, year, month] = /_(\d{4})_(\d{2})$/.exec(name) ?? [];
      return year === undefined || month === undefined ? [] : [[name, new Date(`${year}-${month}-01T00:00:00Z`)]];
    }),
  );
}

/** Months that have no partition and rows that are to be kept. */
async function strayMonths(tx: Tx, { table, column }: MonthlyTable, keepFrom: Date): Promise<Date[]> {
  const rows = await tx.query<{ month: string }>(
    `select distinct to_char(${column} at time zone 'UTC', 'YYYY-MM') as month from ${table}_default where ${column} >= $1`,
    [monthOf(keepFrom)],
  );
  return rows.map(({ month }) => new Date(`${month}-01T00:00:00Z`));
}

async function makeMonth(tx: Tx, { table, column }: MonthlyTable, name: string, month: Date): Promise<void> {
  const [from, to] = [month.toISOString(), nextMonth(month).toISOString()];
  await tx.execute(`create table ${name} (like ${table} including defaults including constraints)`);
  await tx.execute(
    `with moved as (delete from ${table}_default where ${column} >= '${from}' and ${column} < '${to}' returning *)
     insert into ${name} select * from moved`,
  );
  await tx.execute(`alter table ${table} attach partition ${name} for values from ('${from}') to ('${to}')`);
}

function comingMonths(now: Date): Date[] {
  const months = [monthOf(now)];
  for (let last = months[0]; last !== undefined && months.length <= MONTHS_AHEAD; ) {
    last = nextMonth(last);
    months.push(last);
  }
  return months;
}

function monthOf(time: Date): Date {
  return new Date(Date.UTC(time.getUTCFullYear(), time.getUTCMonth(), 1));
}

function nextMonth(month: Date): Date {
  return new Date(Date.UTC(month.getUTCFullYear(), month.getUTCMonth() + 1, 1));
}

function nameOf(table: string, month: Date): string {
  return `${table}_${month.toISOString().slice(0, 7).replace("-", "_")}`;
}
