/** Transcode: turns an ingested film into renditions, task by task, with workers that may vanish at any moment. */

import { AssetDeletedSchema, AssetIngestedSchema } from "#gen/matinee/ingestion/v1/events_pb";
import { IngestionService } from "#gen/matinee/ingestion/v1/ingestion_service_pb";
import { PackageFailedSchema } from "#gen/matinee/packager/v1/events_pb";
import { TranscodeService } from "#gen/matinee/transcode/v1/transcode_service_pb";
import { WorkerService } from "#gen/matinee/transcode/v1/worker_service_pb";
import { requireId } from "#pkg/aip/resource-name";
import { consume, defineModule, serve } from "#pkg/app/module";
import { announcing } from "#pkg/work/announcing";
import { periodic } from "#pkg/work/loop";
import { transcodeConfig } from "./config.ts";
import { fromAssetIngested, fromPackageFailed } from "./convert.ts";
import { openTranscodeEvents, TRANSCODE_EVENTS } from "./events.ts";
import { Feed } from "./feed.ts";
import { transcodeHandler, workerHandler } from "./handler.ts";
import { Jobs } from "./jobs.ts";
import { ladderOf } from "./ladder.ts";
import { hasSource } from "./peers.ts";
import { Planning } from "./planning.ts";
import { Redoing } from "./redoing.ts";
import { Results } from "./results.ts";
import { JOB_CHANGES_CHANNEL, openJobStore } from "./store/job-store.ts";
import { openTaskStore } from "./store/task-store.ts";
import { openViewStore } from "./store/view-store.ts";
import { Sweeps } from "./sweeps.ts";
import { Tasks } from "./tasks.ts";
import { WakeUps } from "./wake-ups.ts";

export const transcode = defineModule({
  name: "transcode",
  summary: "Plans films into tasks, leases them to workers, joins what they make",
  owns: ["job", "task", "rendition"],
  config: transcodeConfig,
  serves: [TranscodeService, WorkerService],
  routes: [],
  calls: [IngestionService],
  needs: ["postgres", "queue", "mezzanine", "images"],
  emits: TRANSCODE_EVENTS,
  consumes: [AssetIngestedSchema, AssetDeletedSchema, PackageFailedSchema],
  migrations: new URL("./migrations/", import.meta.url),
  async open(host, config) {
    const { postgres: db, mezzanine, images, clock, log, inbox } = host;
    const jobs = openJobStore(db);
    const taskStore = openTaskStore(db);
    const views = openViewStore(db);
    const events = openTranscodeEvents(host);
    const wakeUps = new WakeUps({ queue: host.queue, clock, log });
    const results = new Results({ jobs, tasks: taskStore, events, wakeUps });
    const ingestion = host.dial(IngestionService);
    const shared = {
      db,
      inbox,
      jobs,
      tasks: taskStore,
      wakeUps,
      events,
      mezzanine,
      images,
      clock,
      leaseMs: config.lease,
    };
    const planning = new Planning({
      ...shared,
      ladderOf: (video) => ladderOf(video, config.maxHeight),
      plan: {
        preset: config.preset,
        gopSeconds: config.gopSeconds,
        chunkSeconds: config.chunkSeconds,
        firstLookSeconds: config.firstLookSeconds,
        audioBitsPerSecond: config.audioBitsPerSecond,
      },
      minWorkers: config.workers,
    });
    const tasks = new Tasks({
      ...shared,
      results,
      longPollMs: config.longPoll,
      pollMs: config.poll,
      maxAttempts: config.maxAttempts,
      retryDelayMs: config.retryDelay,
      spaceDelayMs: config.spaceDelay,
    });
    const sweeps = new Sweeps({
      ...shared,
      taskStore,
      tasks,
      planning,
      wakeUpAfterMs: config.wakeUpAfter,
    });
    const redoing = new Redoing(shared);
    const feed = new Feed({ views, clock, intervalMs: config.watchInterval, keepAliveMs: config.keepAlive });
    return {
      services: [
        serve(
          TranscodeService,
          transcodeHandler(
            new Jobs({ ...shared, views, redoing, hasSource: (assetId) => hasSource(ingestion, assetId) }),
            feed,
          ),
        ),
        serve(WorkerService, workerHandler(tasks, config.lease)),
      ],
      consumers: [
        consume(AssetIngestedSchema, (event, message) => planning.onIngested(fromAssetIngested(message), event.id)),
        consume(AssetDeletedSchema, (event, message) =>
          planning.onDeleted(requireId("assets", message.asset), event.id),
        ),
        consume(PackageFailedSchema, (event, message) => redoing.onPackageFailed(fromPackageFailed(message), event.id)),
      ],
      background: [
        { name: "wake-ups", run: (signal) => wakeUps.run(signal) },
        periodic("sweeps", config.sweep, () => sweeps.sweep(), host),
        announcing("job changes", {
          ...shared,
          log,
          channel: JOB_CHANGES_CHANNEL,
          tell: async (tx, limit) => {
            const changed = await views.views(await jobs.takeUntold(tx, limit), clock.now());
            for (const view of changed) await events.jobChanged(tx, view);
            return changed.length;
          },
        }),
      ],
      ready: () => db.ping(),
    };
  },
});
