/** Sizes and names that every adapter enforces alike. */

import { errors } from "./errors.ts";
import type { SearchDocument, SearchQuery } from "./search.ts";

export function checkIndexName(index: string): void {
  if (!/^[a-z0-9-]{1,64}$/.test(index)) throw errors.SEARCH_ARGUMENT_INVALID(`Not a name for an index: ${index}.`);
}

export function checkDocument(document: SearchDocument): void {
  checkIdAndVersion(document);
  if (document.title.length > 500) throw errors.SEARCH_ARGUMENT_INVALID("A title has at most 500 characters.");
  if (document.body.length > 100_000) throw errors.SEARCH_ARGUMENT_INVALID("A body has at most 100,000 characters.");
  checkFacets(document.facets);
}

export function checkIdAndVersion(document: { readonly id: string; readonly version: number }): void {
  if (!/^[A-Za-z0-9._-]{1,128}$/.test(document.id))
    throw errors.SEARCH_ARGUMENT_INVALID(`Not a document id: ${document.id}.`);
  if (!Number.isSafeInteger(document.version) || document.version < 0) {
    throw errors.SEARCH_ARGUMENT_INVALID("A version is a whole number, not negative.");
  }
}

export function checkQuery(query: SearchQuery): void {
  if (query.text.length > 200) throw errors.SEARCH_ARGUMENT_INVALID("A search text has at most 200 characters.");
  if (!(Number.isInteger(query.limit) && query.limit >= 1 && query.limit <= 100)) {
    throw errors.SEARCH_ARGUMENT_INVALID("limit must be 1 to 100.");
  }
  checkFacets(query.filters ?? {});
}

function checkFacets(facets: Readonly<Record<string, readonly string[]>>): void {
  for (const text of Object.entries(facets).flat(2)) {
    if (/\p{Cc}/u.test(text)) throw errors.SEARCH_ARGUMENT_INVALID("A facet holds no control characters.");
  }
}
