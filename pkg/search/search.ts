/**
 * Full-text search over small documents. What holds for every adapter, because OpenSearch can keep it: a write becomes
 * visible to queries within a few seconds, not at once; ranking differs between adapters, but an exact title match
 * comes before a match in the body, and a word with one or two wrong letters still finds its document. A removed
 * document stays as a tombstone with its version and nothing else: what an engine deletes, it forgets the version of
 * (OpenSearch after a minute, index.gc_deletes).
 */

export interface SearchDocument {
  /** 1 to 128 characters of [A-Za-z0-9._-]. */
  readonly id: string;
  /** Grows with every change of the document and its removal; a write with the version that is there, or an older one, does nothing. */
  readonly version: number;
  /** What ranks highest, at most 500 characters. */
  readonly title: string;
  /** Everything else that is searched, at most 100,000 characters. */
  readonly body: string;
  /** Exact values to filter and count by, such as `{ genre: ["drama"], language: ["en"] }`. */
  readonly facets: Readonly<Record<string, readonly string[]>>;
}

export interface SearchQuery {
  /** What the person typed, at most 200 characters; the last word may be unfinished. Empty matches everything. */
  readonly text: string;
  /** Every named facet must have one of its values. */
  readonly filters?: Readonly<Record<string, readonly string[]>>;
  /** Facets to count values of. */
  readonly countFacets?: readonly string[];
  /** 1 to 100. */
  readonly limit: number;
  /** The `cursor` of the page before. */
  readonly cursor?: string;
}

export interface SearchHit {
  readonly id: string;
  readonly score: number;
}

export interface SearchResult {
  readonly hits: readonly SearchHit[];
  readonly facetCounts: Readonly<Record<string, readonly { readonly value: string; readonly count: number }[]>>;
  /** Absent on the last page. */
  readonly cursor: string | undefined;
}

export interface SearchIndex extends AsyncDisposable {
  /** Creates the index where it does not exist. Names are 1 to 64 characters of [a-z0-9-]. */
  ensureIndex(index: string): Promise<void>;
  put(index: string, documents: readonly SearchDocument[]): Promise<void>;
  /** Removing what is not there is no error. An older `put` does not bring it back, however much later it arrives. */
  remove(index: string, documents: readonly { readonly id: string; readonly version: number }[]): Promise<void>;
  query(index: string, query: SearchQuery): Promise<SearchResult>;
}
