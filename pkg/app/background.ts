/** What runs beside the calls: modules' own work, the relay of each outbox, and the consumers of events. */

import { fromBinary } from "@bufbuild/protobuf";
import type { EventEnvelope } from "#gen/matinee/common/v1/event_pb";
import type { Clock } from "#pkg/clock/clock";
import type { Logger, Metrics } from "#pkg/obs/obs";
import { inSpan, type Tracer } from "#pkg/obs/trace";
import { periodic } from "#pkg/work/loop";
import type { Database } from "./database.ts";
import { runReader } from "./event-log.ts";
import type { Consumer } from "./module.ts";
import type { RunningModule } from "./open-module.ts";
import { type HostPorts, usesEventBus } from "./ports.ts";

export interface BackgroundOptions {
  readonly clock: Clock;
  readonly log: Logger;
  readonly tracer: Tracer;
  readonly ports: HostPorts;
  readonly database: () => Promise<Database>;
  /** Background work ended with an error, or before it was told to. */
  readonly fail: (name: string, cause: unknown) => void;
  readonly metrics: Metrics;
  /** How many events each module handles at a time. */
  readonly concurrency: number;
}

/** How often is counted what waits. */
const COUNT_EVERY_MS = 60_000;

export interface Background {
  /** Aborts everything and resolves when all of it has ended, at the latest after `graceMs`. */
  stop(graceMs: number): Promise<void>;
}

export function startBackground(modules: readonly RunningModule[], options: BackgroundOptions): Background {
  const controller = new AbortController();
  const { signal } = controller;
  const left = new Set<string>();
  const running = modules.flatMap((module) => {
    const start = (name: string, run: () => Promise<void>) => {
      const label = `${module.name}: ${name}`;
      left.add(label);
      return run()
        .then(
          () => {
            if (!signal.aborted) options.fail(module.name, new Error(`${name} ended by itself`));
          },
          (error: unknown) => {
            if (!signal.aborted) options.fail(module.name, error);
          },
        )
        .finally(() => left.delete(label));
    };
    const work = module.background.map(({ name, run }) => start(name, () => run(signal)));
    if (usesEventBus(module.definition)) work.push(...startEvents(module, options, signal, start));
    for (const reader of module.readers) {
      const topic = reader.record.typeName;
      const open = () => options.ports.open("eventlog");
      const run = async () =>
        runReader(reader, module.name, { eventlog: await open(), log: module.log, tracer: options.tracer }, signal);
      work.push(start(`reader of ${topic}`, run));
      const lag = options.metrics.gauge("eventlog_lag_records", "Records that a reader has not finished", [
        "topic",
        "group",
      ]);
      const measure = async () => lag.set(await (await open()).lag(topic, module.name), { topic, group: module.name });
      const measuring = periodic(`lag of ${topic}`, COUNT_EVERY_MS, measure, { clock: options.clock, log: module.log });
      work.push(start(measuring.name, () => measuring.run(signal)));
    }
    return work;
  });
  return {
    async stop(graceMs) {
      controller.abort(new Error("the host is closing"));
      let timer: NodeJS.Timeout | undefined;
      const late = new Promise<void>((resolve) => {
        timer = setTimeout(resolve, graceMs);
      });
      await Promise.race([Promise.all(running), late]);
      clearTimeout(timer);
      if (left.size > 0) options.log.error({ left: [...left] }, "background work did not end when told to");
    },
  };
}

/** Every consumer is known to the bus before anything is served: an event that is said from then on reaches it. */
export async function registerConsumers(modules: readonly RunningModule[], ports: HostPorts): Promise<void> {
  for (const { name, consumers } of modules) {
    if (consumers.length === 0) continue;
    const bus = await ports.open("eventbus");
    await bus.register(
      name,
      consumers.map(({ event }) => event.typeName),
    );
  }
}

function startEvents(
  module: RunningModule,
  options: BackgroundOptions,
  signal: AbortSignal,
  start: (name: string, run: () => Promise<void>) => Promise<void>,
): readonly Promise<void>[] {
  const work: Promise<void>[] = [];
  if (module.definition.emits.length > 0) {
    work.push(
      start("outbox relay", async () => {
        const { runOutboxRelay } = await import("#pkg/eventbus/outbox");
        const db = await (await options.database()).pool(module.name);
        const bus = await options.ports.open("eventbus");
        await runOutboxRelay({ db, bus, clock: options.clock, log: module.log }, signal);
      }),
    );
  }
  if (module.consumers.length > 0) {
    const help = "Events that wait for a release of their consumer that can handle them";
    const parked = options.metrics.gauge("eventbus_parked_events", help, ["consumer"]);
    const count = async () =>
      parked.set(await (await options.ports.open("eventbus")).parked(module.name), { consumer: module.name });
    const counting = periodic("count of parked events", COUNT_EVERY_MS, count, {
      clock: options.clock,
      log: module.log,
    });
    work.push(start(counting.name, () => counting.run(signal)));
    const consumers = new Map(module.consumers.map((consumer) => [consumer.event.typeName, consumer]));
    work.push(
      start("event consumers", async () => {
        const bus = await options.ports.open("eventbus");
        await bus.subscribe(
          {
            consumer: module.name,
            types: [...consumers.keys()],
            concurrency: options.concurrency,
            handle: (event, until) => handleEvent(module, consumers, event, options.tracer, until),
          },
          signal,
        );
      }),
    );
  }
  return work;
}

async function handleEvent(
  module: RunningModule,
  consumers: ReadonlyMap<string, Consumer>,
  event: EventEnvelope,
  tracer: Tracer,
  signal: AbortSignal,
): Promise<void> {
  const consumer = consumers.get(event.type);
  // A type that an older release had subscribed to: acknowledged, since nobody here wants it any more.
  if (consumer === undefined) return;
  const span = tracer.start(`${module.name} ${event.type}`, "consumer", event.traceparent || undefined);
  try {
    await inSpan(span, () => consumer.handle(event, fromBinary(consumer.event, event.data) as never, signal));
    span.end();
  } catch (error) {
    span.end(error instanceof Error ? error : undefined);
    throw error;
  }
}
