/** Reads the audit log in pages, and forgets it by months. */

import { loadPage, type Page, type PageRequest } from "#pkg/aip/page";
import type { Clock } from "#pkg/clock/clock";
import type { Logger } from "#pkg/obs/obs";
import type { LicenseRecord } from "./domain/record.ts";
import type { RecordFilter, RecordStore } from "./store/record-store.ts";

export interface RecordsOptions {
  readonly clock: Clock;
  readonly log: Logger;
  readonly retentionMs: number;
}

export class Records {
  readonly #store: RecordStore;
  readonly #options: RecordsOptions;

  constructor(store: RecordStore, options: RecordsOptions) {
    this.#store = store;
    this.#options = options;
  }

  /** Has room for what will be recorded, and forgets what has been kept for long enough. */
  async keepMonths(): Promise<void> {
    const { clock, retentionMs, log } = this.#options;
    const { made, dropped } = await this.#store.keepMonths(clock.now(), retentionMs);
    if (made.length + dropped.length > 0) log.info({ made, dropped }, "months of licence records");
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
