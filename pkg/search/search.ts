/**
 * Full-text search over small documents. What holds for every adapter, because OpenSearch can keep it: a write becomes
 * visible to queries within a few seconds, not at once; ranking differs between adapters, but an exact title match
 * comes before a match in the body, and a word with one or two wrong letters still finds its document. A removed
 * document stays as a tombstone with its version and nothing else: what an engine deletes, it forgets the version of
 * (OpenSearch after a minute, index.gc_deletes).
 *
 * An index is kept in generations, of which one answers queries. In OpenSearch a generation is an index, the name is its
 * alias, the swap is one `_aliases` call, and a document beside them says which generation is being filled and until when
 * whoever fills it is believed to live.
 *
 * There is no `ping`: readiness must not depend on search, because browsing works without it.
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

/** The generation of an index that answers queries. */
export interface Generation {
  /** 1 to 64 characters; another one after every rebuild, and after an index that was lost was made anew. */
  readonly id: string;
  /** An older release of the adapter split its texts into words: it still answers, and a rebuild makes it better. */
  readonly isOutdated: boolean;
}

export interface SearchIndex extends AsyncDisposable {
  /** Creates the index where it does not exist, empty. Names are 1 to 64 characters of [a-z0-9-]. */
  ensureIndex(index: string): Promise<Generation>;
  /** While the index is rebuilt, `put` and `remove` reach both generations. */
  put(index: string, documents: readonly SearchDocument[]): Promise<void>;
  /** Removing what is not there is no error. An older `put` does not bring it back, however much later it arrives. */
  remove(index: string, documents: readonly { readonly id: string; readonly version: number }[]): Promise<void>;
  /** A cursor outlives a rebuild; pages after it may repeat or miss a hit whose score became another. */
  query(index: string, query: SearchQuery): Promise<SearchResult>;
  /**
   * Fills a new generation with `documents` beside the one that answers, then lets it answer instead, in one step, and
   * drops the old one. Queries see the old one whole until the swap, and all of `documents` after it. Versions decide in
   * the new one as everywhere, and what the old one knows to be removed stays so. Answers the id of the new generation.
   *
   * `documents` is called with that id, and read from once `put` and `remove` reach the new generation: read the truth
   * from there on, and nothing is missed that was written before. A batch is written at once, of some hundreds; the next
   * one is asked for when it is. What it throws, `rebuild` throws; the old generation stays then, and nothing else.
   *
   * Throws `SEARCH_REBUILD_RUNNING` while another rebuild of the index runs, and for half a minute after its process died;
   * then this one takes its place. Throws `SEARCH_REBUILD_LOST` where its own place was taken, or the index was lost.
   */
  rebuild(index: string, documents: (generation: string) => AsyncIterable<readonly SearchDocument[]>): Promise<string>;
}
