/** Prometheus metrics by prom-client, one registry per host. */

import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";
import type { Metrics } from "./obs.ts";

export interface MetricsRegistry extends Metrics {
  /** Everything in the Prometheus text format. */
  print(): Promise<string>;
  readonly contentType: string;
}

/** How finely the event loop's lag is seen. The default of 10 ms wakes each process a hundred times a second for nothing. */
const LAG_RESOLUTION_MS = 100;

/** `processMetrics` adds memory, CPU and event-loop figures of this process. */
export function newMetrics(options: { readonly processMetrics: boolean }): MetricsRegistry {
  const registry = new Registry();
  if (options.processMetrics) {
    collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: LAG_RESOLUTION_MS });
  }
  return {
    counter(name, help, labels = []) {
      const known = registry.getSingleMetric(name);
      const counter =
        known instanceof Counter ? known : new Counter({ name, help, labelNames: [...labels], registers: [registry] });
      return { add: (value, values = {}) => counter.inc(values, value) };
    },
    gauge(name, help, labels = []) {
      const known = registry.getSingleMetric(name);
      const gauge =
        known instanceof Gauge ? known : new Gauge({ name, help, labelNames: [...labels], registers: [registry] });
      return { set: (value, values = {}) => gauge.set(values, value) };
    },
    histogram(name, help, buckets, labels = []) {
      const known = registry.getSingleMetric(name);
      const histogram =
        known instanceof Histogram
          ? known
          : new Histogram({ name, help, buckets: [...buckets], labelNames: [...labels], registers: [registry] });
      return { record: (value, values = {}) => histogram.observe(values, value) };
    },
    print: () => registry.metrics(),
    contentType: registry.contentType,
  };
}
