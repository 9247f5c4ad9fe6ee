/** Structured logs by pino: one JSON object per line, readable lines where a person looks at a terminal. */

import { type Logger as Pino, type LoggerOptions as PinoOptions, pino, stdSerializers } from "pino";
import type { Logger } from "./obs.ts";
import { currentTraceId } from "./trace.ts";

export type LogLevel = "debug" | "info" | "warn" | "error";

export interface LoggerOptions {
  readonly level: LogLevel;
  /** Readable lines instead of JSON. */
  readonly format: "json" | "pretty";
  /** Where lines go; standard output where absent. */
  readonly destination?: { write(line: string): void };
}

/** Field names that never reach a log, whatever object they are in. */
const SECRET_FIELDS = ["authorization", "token", "password", "secret", "cookie", "privateJwk"];

/** Where a database's error quotes the row at fault: addresses, password hashes, wrapped keys. */
const ROW_FIELDS = ["detail", "where", "internalQuery"];

/** The error without rows, with its causes: the constraint and the column say enough. */
function withoutRows<T>(error: T): T {
  if (typeof error !== "object" || error === null) return error;
  for (const field of ROW_FIELDS) Reflect.deleteProperty(error, field);
  for (const value of Object.values(error)) {
    if (typeof value === "object" && value !== null && ("stack" in value || Array.isArray(value))) withoutRows(value);
  }
  return error;
}

export async function newLogger(options: LoggerOptions): Promise<Logger> {
  const settings: PinoOptions = {
    level: options.level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    messageKey: "message",
    formatters: { level: (label: string) => ({ level: label }) },
    serializers: {
      err: (error: unknown) => (error instanceof Error ? withoutRows(stdSerializers.errWithCause(error)) : error),
    },
    redact: { paths: SECRET_FIELDS.flatMap((field) => [field, `*.${field}`]), censor: "[redacted]" },
    mixin: () => {
      const traceId = currentTraceId();
      return traceId === undefined ? {} : { traceId };
    },
  };
  if (options.format === "pretty" && options.destination === undefined) {
    const { default: PinoPretty } = await import("pino-pretty");
    return wrap(
      pino(settings, PinoPretty({ colorize: true, messageKey: "message", translateTime: "HH:MM:ss.l", sync: true })),
    );
  }
  return wrap(options.destination === undefined ? pino(settings) : pino(settings, options.destination));
}

/** Swallows everything: for tests that look at results only. */
export const silentLogger: Logger = {
  debug: () => {},
  info: () => {},
  warn: () => {},
  error: () => {},
  fatal: () => {},
  child: () => silentLogger,
};

function wrap(log: Pino): Logger {
  return {
    debug: (fields, message) => log.debug(fields, message),
    info: (fields, message) => log.info(fields, message),
    warn: (fields, message) => log.warn(fields, message),
    error: (fields, message) => log.error(fields, message),
    fatal: (fields, message) => log.fatal(fields, message),
    child: (fields) => wrap(log.child(fields)),
  };
}
