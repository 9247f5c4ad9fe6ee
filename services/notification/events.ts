/** What others say and notification tells people: one consumer for each event. */

import { TitlePublishedSchema } from "#gen/matinee/catalog/v1/events_pb";
import { AssetRejectedSchema } from "#gen/matinee/ingestion/v1/events_pb";
import { AssetPackagedSchema, PackageFailedSchema } from "#gen/matinee/packager/v1/events_pb";
import { AccountDeletedSchema } from "#gen/matinee/profile/v1/events_pb";
import { QualityAlertSchema } from "#gen/matinee/telemetry/v1/events_pb";
import { TranscodeFailedSchema } from "#gen/matinee/transcode/v1/events_pb";
import { type Consumer, consume } from "#pkg/app/module";
import { accountId } from "./convert.ts";
import { failed, OPERATORS_INBOX, published, qualityAlert, ready, rejected } from "./domain/notification.ts";
import type { Writing } from "./writing.ts";

export const consumedEvents = [
  AssetPackagedSchema,
  PackageFailedSchema,
  TranscodeFailedSchema,
  AssetRejectedSchema,
  TitlePublishedSchema,
  QualityAlertSchema,
  AccountDeletedSchema,
] as const;

export function notificationConsumers(writing: Writing): Consumer[] {
  return [
    consume(AssetPackagedSchema, async ({ id }, { package: revision, owner, fileName }) => {
      if (revision === undefined) return;
      const asset = { asset: revision.asset, fileName, ownerId: accountId(owner) };
      const complete = revision.isComplete ? ready({ ...asset, package: revision.name }) : undefined;
      await writing.tellPackaged(id, asset, complete);
    }),
    consume(PackageFailedSchema, ({ id }, event) =>
      writing.tell(id, accountId(event.owner), failed({ ...event, what: event.asset, eventId: id })),
    ),
    consume(TranscodeFailedSchema, ({ id }, event) =>
      writing.tell(id, accountId(event.owner), failed({ ...event, what: event.job, eventId: id })),
    ),
    consume(AssetRejectedSchema, ({ id }, event) => writing.tell(id, accountId(event.owner), rejected(event))),
    consume(TitlePublishedSchema, async ({ id }, { title, displayTitle, asset, isNew }) => {
      if (!isNew) return;
      await writing.tellOwnerOf(id, asset, published({ name: title, displayTitle, eventId: id }));
    }),
    consume(QualityAlertSchema, ({ id }, event) =>
      writing.tell(id, OPERATORS_INBOX, qualityAlert({ ...event, eventId: id })),
    ),
    consume(AccountDeletedSchema, (_event, { account }) => writing.erase(accountId(account))),
  ];
}
