import assert from "node:assert/strict";
import { setImmediate as turn } from "node:timers/promises";
import { fromBinary, toBinary } from "@bufbuild/protobuf";
import { Code } from "@connectrpc/connect";
import { MatineeError } from "./errors.ts";
import { type Notification, NotificationSchema } from "./gen/matinee/notification/v1/notification_pb.ts";
import { NotificationService } from "./gen/matinee/notification/v1/notification_service_pb.ts";
import { Job_State } from "./gen/matinee/transcode/v1/job_pb.ts";
import { TranscodeService } from "./gen/matinee/transcode/v1/transcode_service_pb.ts";
import { watchJob } from "./jobs.ts";
import { newPlatform } from "./platform.ts";
import { shareStream } from "./shared-stream.ts";
import { follow } from "./stream.ts";
import { refusal, startRpcServer } from "./testing/rpc-server.ts";

describe("follow", () => {
  it("opens a broken stream again, from where it stopped", async () => {
    const opened: string[] = [];
    await using server = await startRpcServer((router) =>
      router.service(NotificationService, {
        async *watchNotifications({ after }) {
          opened.push(after);
          const first = after === "" ? 0 : Number(after.split("/")[1]) + 1;
          yield { notification: { name: `notifications/${first}` } };
          yield { notification: { name: `notifications/${first + 1}` } };
          await turn();
          server.breakConnections();
          await new Promise(() => undefined);
        },
      }),
    );
    const client = newPlatform(server).client(NotificationService);
    const stop = new AbortController();
    const seen: string[] = [];
    const states: string[] = [];
    const stream = follow({
      open: (signal) => client.watchNotifications({ after: seen.at(-1) ?? "" }, { signal }),
      signal: stop.signal,
      onConnection: (state) => states.push(state),
    });
    for await (const { notification } of stream) {
      seen.push(notification?.name ?? "");
      if (seen.length === 4) stop.abort();
    }
    assert.deepEqual(
      seen,
      [0, 1, 2, 3].map((id) => `notifications/${id}`),
    );
    assert.deepEqual(opened.slice(0, 2), ["", "notifications/1"]);
    assert.deepEqual(states.slice(0, 2), ["lost", "open"]);
  });

  it("ends with the service's verdict where trying again cannot help", async () => {
    await using server = await startRpcServer((router) =>
      router.service(NotificationService, {
        // biome-ignore lint/correctness/useYield: it refuses before the first message
        async *watchNotifications() {
          throw refusal(Code.PermissionDenied, "ACCESS_DENIED");
        },
      }),
    );
    const client = newPlatform(server).client(NotificationService);
    const { signal } = new AbortController();
    const stream = follow({ open: (inner) => client.watchNotifications({}, { signal: inner }), signal });
    await assert.rejects(stream.next(), (error) => error instanceof MatineeError && error.reason === "ACCESS_DENIED");
  });
});

describe("watchJob", () => {
  it("goes on through a lost connection and ends with the job", async () => {
    let runs = 0;
    await using server = await startRpcServer((router) =>
      router.service(TranscodeService, {
        async *watchJobs({ names: [name = ""] }) {
          runs += 1;
          yield {};
          yield { job: { name, state: Job_State.RUNNING, progress: { percent: runs * 30 } } };
          if (runs === 1) {
            await turn();
            server.breakConnections();
            await new Promise(() => undefined);
          }
          yield { job: { name, state: Job_State.SUCCEEDED } };
        },
      }),
    );
    const percents: number[] = [];
    for await (const job of watchJob(newPlatform(server), "jobs/1", new AbortController().signal)) {
      percents.push(job.progress?.percent ?? 100);
    }
    assert.deepEqual(percents, [30, 60, 100]);
  });
});

describe("shareStream", () => {
  it("holds one stream for all tabs, tells late ones what was said, and hands over when the leader goes", async () => {
    let streams = 0;
    let say: (name: string) => void = () => undefined;
    await using server = await startRpcServer((router) =>
      router.service(NotificationService, {
        async *watchNotifications() {
          streams += 1;
          const waiting: string[] = [];
          let wake: () => void = () => undefined;
          say = (name) => {
            waiting.push(name);
            wake();
          };
          for (;;) {
            for (const name of waiting.splice(0)) yield { notification: { name } };
            yield {};
            await new Promise<void>((resolve) => {
              wake = resolve;
            });
          }
        },
      }),
    );
    const client = newPlatform(server).client(NotificationService);
    async function* open(signal: AbortSignal): AsyncGenerator<Notification> {
      for await (const { notification } of client.watchNotifications({}, { signal })) {
        if (notification !== undefined) yield notification;
      }
    }
    const tab = () => {
      const stop = new AbortController();
      const seen: string[] = [];
      shareStream<Notification>({
        name: "test-tabs",
        open,
        keyOf: ({ name }) => name,
        encode: (message) => toBinary(NotificationSchema, message),
        decode: (bytes) => fromBinary(NotificationSchema, bytes),
        onMessage: ({ name }) => seen.push(name),
        signal: stop.signal,
      });
      return { seen, close: () => stop.abort() };
    };
    const until = async (isTrue: () => boolean) => {
      while (!isTrue()) await turn();
    };

    const first = tab();
    await until(() => streams === 1);
    const second = tab();
    say("one");
    await until(() => first.seen.includes("one") && second.seen.includes("one"));
    assert.equal(streams, 1);
    const late = tab();
    await until(() => late.seen.includes("one"));
    first.close();
    await until(() => streams === 2);
    say("two");
    await until(() => second.seen.includes("two") && late.seen.includes("two"));
    assert.ok(!first.seen.includes("two"));
    second.close();
    late.close();
  });
});
