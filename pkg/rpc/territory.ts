/**
 * Where a caller is: a header of a configured proxy, else a MaxMind database, else one fixed territory. Never the
 * caller's own word.
 */

import { type CountryResponse, open as openMmdb } from "maxmind";
import type { Call } from "./call.ts";

export interface TerritoryOptions {
  /** ISO 3166-1 alpha-2, for callers whose address says nothing. */
  readonly fallback: string;
  /** Lower-case name of a header that a proxy in front sets and overwrites, such as `cloudfront-viewer-country`. */
  readonly header: string | undefined;
  /** Path of a country database in MaxMind's format. */
  readonly databasePath: string | undefined;
}

export type TerritoryOf = (call: Call) => string;

const CODE = /^[A-Z]{2}$/;

/** Throws a plain Error where the fallback is no territory or the database cannot be read: a mistake in the settings. */
export async function openTerritory(options: TerritoryOptions): Promise<TerritoryOf> {
  if (!CODE.test(options.fallback)) throw new Error(`TERRITORY must be two capital letters, not "${options.fallback}"`);
  const database =
    options.databasePath === undefined ? undefined : await openMmdb<CountryResponse>(options.databasePath);
  return (call) => {
    const said = options.header === undefined ? undefined : call.headers[options.header]?.toUpperCase();
    if (said !== undefined && CODE.test(said)) return said;
    const found = call.remoteAddress === "" ? undefined : database?.get(call.remoteAddress)?.country?.iso_code;
    return found ?? options.fallback;
  };
}
