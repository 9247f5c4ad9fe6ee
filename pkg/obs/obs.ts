/** Logs, metrics and traces as code sees them; which library carries them is the host's business. */

/** Records are objects with a constant message: `log.info({ assetId }, "asset ingested")`. */
export interface Logger {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  /** Pass the error as `err`. */
  error(fields: object, message: string): void;
  /** What ends the process. */
  fatal(fields: object, message: string): void;
  child(fields: object): Logger;
}

export interface Counter {
  add(value: number, labels?: Readonly<Record<string, string>>): void;
}

export interface Gauge {
  set(value: number, labels?: Readonly<Record<string, string>>): void;
}

export interface Histogram {
  record(value: number, labels?: Readonly<Record<string, string>>): void;
}

/** Prometheus instruments; names end in their unit (`_seconds`, `_bytes`, `_total`), labels have few values. */
export interface Metrics {
  counter(name: string, help: string, labels?: readonly string[]): Counter;
  gauge(name: string, help: string, labels?: readonly string[]): Gauge;
  histogram(name: string, help: string, buckets: readonly number[], labels?: readonly string[]): Histogram;
}
