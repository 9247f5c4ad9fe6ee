/** Runs a user's story in every topology; stories share one running platform for each. */

import type { Cluster, Topology } from "./cluster.ts";
import { startCluster, TOPOLOGIES } from "./cluster.ts";

/** Length of an upload's parts; the least that is allowed. */
export const PART_BYTES = 5 * 1024 * 1024;

/** Short times, so that what waits for an end need not wait long; small chunks, so that a short film has several. */
const SETTINGS = {
  TRANSCODE_CHUNK_SECONDS: "4",
  TRANSCODE_PRESET: "ultrafast",
  TRANSCODE_LEASE: "4s",
  TRANSCODE_SWEEP: "500ms",
  TRANSCODE_RETRY_DELAY: "200ms",
  INGESTION_PART_SIZE_BYTES: String(PART_BYTES),
  INGESTION_INSPECTION_LEASE: "3s",
  PACKAGER_LEASE: "4s",
  PLAYBACK_PLAY_TOKEN_LIFE: "30s",
  PLAYBACK_LICENSE_LIFE: "10s",
  PACKAGER_SWEEP_EVERY: "1s",
  PACKAGER_RETRY_DELAY: "200ms",
  PACKAGER_SEGMENT: "2s",
} as const;

interface Shared {
  users: number;
  cluster: Promise<Cluster> | undefined;
}

const shared = new Map<Topology, Shared>(TOPOLOGIES.map((topology) => [topology, { users: 0, cluster: undefined }]));

export interface StoryOptions {
  readonly topologies?: readonly Topology[];
}

/** `body` declares the tests of the story; it gets the platform once they run. */
export function inEveryTopology(
  title: string,
  body: (cluster: () => Cluster) => void,
  { topologies = TOPOLOGIES }: StoryOptions = {},
): void {
  for (const topology of topologies) {
    describe(`${title}, in the topology ${topology}`, function () {
      this.timeout(300_000);
      this.slow(30_000);
      const use = shared.get(topology);
      if (use === undefined) throw new Error(`no such topology: ${topology}`);
      use.users += 1;
      let running: Cluster | undefined;
      before(async () => {
        use.cluster ??= startCluster({ topology, settings: SETTINGS });
        running = await use.cluster;
      });
      afterEach(function () {
        if (this.currentTest?.state === "failed" && running !== undefined) {
          process.stderr.write(`${running.tails(12)}\n`);
        }
      });
      body(() => {
        if (running === undefined) throw new Error("the platform runs only while tests do");
        return running;
      });
      // Declared last: what the story itself has to clear away still finds the platform running.
      after(async () => {
        use.users -= 1;
        if (use.users === 0) await end(use);
      });
    });
  }
}

// Stories that `-g` leaves out never use it up.
after(async () => {
  for (const use of shared.values()) await end(use);
});

async function end(use: Shared): Promise<void> {
  const { cluster } = use;
  use.cluster = undefined;
  await (await cluster)?.[Symbol.asyncDispose]();
}
