/** Reads the audit log in pages. */

import { loadPage, type Page, type PageRequest } from "#pkg/aip/page";
import type { LicenseRecord } from "./domain/record.ts";
import type { RecordFilter, RecordStore } from "./store/record-store.ts";

export class Records {
  readonly #store: RecordStore;

  constructor(store: RecordStore) {
    this.#store = store;
  }

  /** Newest first. Throws `PAGE_TOKEN_INVALID`. */
  async list(request: PageRequest, filter: RecordFilter): Promise<Page<LicenseRecord>> {
    return loadPage(request, {
      parameters: [filter.assetId ?? "", filter.playSessionId ?? ""],
      cursorOf: (record) => ({ at: record.createdAt.getTime(), id: record.id }),
      load: (limit, after) =>
        this.#store.list(filter, {
          limit,
          after: after && { createdAt: new Date(Number(after.at)), id: String(after.id) },
        }),
    });
  }
}
