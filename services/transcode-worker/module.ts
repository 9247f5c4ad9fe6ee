/** Transcode-worker: runs FFmpeg on files that nobody trusts, with nothing in reach but its tasks and the blob store. */

import { hostname } from "node:os";
import { join } from "node:path";
import { WorkerService } from "#gen/matinee/transcode/v1/worker_service_pb";
import { defineModule } from "#pkg/app/module";
import { ENCODERS, openTools } from "#pkg/media/tools";
import { transcodeWorkerConfig } from "./config.ts";
import { Worker } from "./worker.ts";

export const transcodeWorker = defineModule({
  name: "transcode-worker",
  summary: "Decodes, encodes and joins, one task at a time",
  owns: [],
  config: transcodeWorkerConfig,
  serves: [],
  routes: [],
  calls: [WorkerService],
  needs: ["originals", "mezzanine", "images"],
  emits: [],
  consumes: [],
  isolated: true,
  async open(host, config) {
    await openTools(["ffmpeg", "ffprobe"], ENCODERS, host.log);
    const worker = new Worker({
      ...host,
      name: `${hostname()}/${process.pid}`.slice(-128),
      transcode: host.dial(WorkerService),
      scratch: join(host.scratch, String(process.pid)),
      reportMs: config.report,
      taskTimeoutMs: config.taskTimeout,
      maxOutputBytes: config.maxOutputBytes,
    });
    return { background: [{ name: "worker", run: (signal) => worker.run(signal) }] };
  },
});
