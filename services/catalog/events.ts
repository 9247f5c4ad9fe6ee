/** Business events of the catalog: into the outbox, a counter and the log. */

import { TitlePublishedSchema, TitleUnpublishedSchema } from "#gen/matinee/catalog/v1/events_pb";
import type { Outbox } from "#pkg/app/module";
import type { Logger, Metrics } from "#pkg/obs/obs";
import type { Tx } from "#pkg/postgres/db";
import { titleToEvent } from "./convert.ts";
import type { RebuildReason } from "./domain/filled-index.ts";
import type { Title } from "./domain/title.ts";

export const CATALOG_EVENTS = [TitlePublishedSchema, TitleUnpublishedSchema] as const;

export type CatalogEvents = ReturnType<typeof openCatalogEvents>;

export function openCatalogEvents(deps: {
  readonly outbox: Outbox<(typeof CATALOG_EVENTS)[number]>;
  readonly log: Logger;
  readonly metrics: Metrics;
}) {
  const { outbox, log } = deps;
  const changes = deps.metrics.counter("matinee_title_changes_total", "Titles in and out of the catalogue", ["change"]);
  const rebuilds = deps.metrics.counter("matinee_search_rebuilds_total", "Rebuilds of the search index, by outcome", [
    "outcome",
  ]);
  return {
    async published(tx: Tx, title: Title, isNew: boolean): Promise<void> {
      await outbox.emit(tx, TitlePublishedSchema, { ...titleToEvent(title), isNew }, title.id);
      if (!isNew) return;
      tx.afterCommit(() => {
        changes.add(1, { change: "published" });
        log.info({ titleId: title.id, displayTitle: title.displayTitle }, "title published");
      });
    },

    async unpublished(tx: Tx, { id: titleId }: Title): Promise<void> {
      await outbox.emit(tx, TitleUnpublishedSchema, { title: `titles/${titleId}` }, titleId);
      tx.afterCommit(() => {
        changes.add(1, { change: "unpublished" });
        log.info({ titleId }, "title unpublished");
      });
    },

    indexRebuildBegan(generation: string, reason: RebuildReason, titles: number): void {
      log.info({ generation, reason, titles }, "search index is being rebuilt");
    },

    /** Now and then. */
    indexIsRebuilt(generation: string, done: number, titles: number): void {
      log.info({ generation, done, titles }, "search index is still being rebuilt");
    },

    indexRebuilt(generation: string, reason: RebuildReason, tookMs: number): void {
      rebuilds.add(1, { outcome: "rebuilt" });
      log.info({ generation, reason, tookMs }, "search index was rebuilt");
    },

    /** What failed is said by whoever tries again. */
    indexNotRebuilt(reason: RebuildReason): void {
      rebuilds.add(1, { outcome: "failed" });
      log.debug({ reason }, "search index was not rebuilt");
    },
  };
}
