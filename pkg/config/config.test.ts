/** Settings from the environment. */

import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseDuration, printDuration } from "./duration.ts";
import { loadConfig, unknownVariables } from "./load.ts";
import { printSettings } from "./print.ts";
import { defineConfig } from "./spec.ts";
import { redactUrl } from "./url.ts";

const spec = defineConfig({
  leaseMs: { type: "duration", default: "10s", min: "1s", max: "1h", doc: "how long a lease is" },
  workers: { type: "integer", default: 2, min: 1, max: 8, doc: "how many" },
  ratio: { type: "number", default: 0.5, min: 0, max: 1, doc: "how much" },
  enabled: { type: "boolean", default: true, doc: "whether" },
  mode: { type: "choice", choices: ["fast", "good"], default: "good", doc: "which" },
  apiKey: { type: "string", default: undefined, secret: true, doc: "what opens" },
  url: { type: "string", default: undefined, doc: "where" },
});

describe("settings", () => {
  it("have defaults and come from the environment under the module's prefix", () => {
    const { values, mistakes } = loadConfig("TRANSCODE", spec, {
      TRANSCODE_LEASE_MS: "5m",
      TRANSCODE_ENABLED: "false",
    });
    assert.deepEqual(mistakes, []);
    assert.deepEqual(values, {
      leaseMs: 300_000,
      workers: 2,
      ratio: 0.5,
      enabled: false,
      mode: "good",
      apiKey: undefined,
      url: undefined,
    });
  });

  it("are refused with the form that is expected, all of them at once, and without the value of a secret", () => {
    const { mistakes } = loadConfig("T", spec, {
      T_LEASE_MS: "2h",
      T_WORKERS: "2.5",
      T_RATIO: "much",
      T_ENABLED: "1",
      T_MODE: "best",
    });
    assert.deepEqual(mistakes, [
      'T_LEASE_MS: "2h" is not a duration from 1s to 1h, such as 250ms, 10s, 5m or 24h (how long a lease is)',
      'T_WORKERS: "2.5" is not a whole number from 1 to 8 (how many)',
      'T_RATIO: "much" is not a number from 0 to 1 (how much)',
      'T_ENABLED: "1" is not true or false (whether)',
      'T_MODE: "best" is not one of fast, good (which)',
    ]);
  });

  it("that are secret are read from the file that a variable names, and no others are", async () => {
    const folder = await mkdtemp(join(tmpdir(), "matinee-config-"));
    try {
      const path = join(folder, "key");
      await writeFile(path, "hunter2\n");
      assert.equal(loadConfig("T", spec, { T_API_KEY_FILE: path }).values.apiKey, "hunter2");
      assert.equal(loadConfig("T", spec, { T_API_KEY_FILE: path, T_API_KEY: "own" }).values.apiKey, "own");
      assert.equal(loadConfig("T", spec, { T_URL_FILE: path }).values.url, undefined);
      const { mistakes } = loadConfig("T", spec, { T_API_KEY_FILE: join(folder, "none") });
      assert.deepEqual(mistakes, [`T_API_KEY_FILE: "${join(folder, "none")}" cannot be read`]);
      const env = { T_API_KEY_FILE: path, T_URL_FILE: path };
      assert.deepEqual(unknownVariables([{ prefix: "T", spec }], new Set(), env), ["T_URL_FILE"]);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });

  it("are known by name: what is misspelt under a prefix is found", () => {
    const modules = [
      { prefix: "TRANSCODE", spec },
      { prefix: "TRANSCODE_WORKER", spec },
    ];
    const env = { TRANSCODE_LEASE: "1s", TRANSCODE_WORKER_WORKERS: "1", TRANSCODE_ADDR: "x", OTHER: "1" };
    assert.deepEqual(unknownVariables(modules, new Set(["TRANSCODE_ADDR"]), env), ["TRANSCODE_LEASE"]);
  });

  it("print with their source and without secrets", () => {
    const { settings } = loadConfig("T", spec, {
      T_API_KEY: "hunter2",
      T_URL: "postgres://u:hunter2@h/db?sslkey=hunter2",
    });
    const text = printSettings(settings);
    assert.ok(!text.includes("hunter2"), text);
    assert.match(text, /T_API_KEY +\[redacted\] +environment/);
    assert.match(text, /T_LEASE_MS +10s +default/);
  });
});

describe("durations", () => {
  it("read and print in the same form", () => {
    for (const text of ["250ms", "10s", "5m", "24h", "7d"]) {
      assert.equal(printDuration(parseDuration(text) ?? -1), text === "24h" ? "1d" : text);
    }
    for (const text of ["", "10", "s", "-1s", "1e3s", "1 s"]) assert.equal(parseDuration(text), undefined);
  });
});

describe("URLs", () => {
  it("lose their password and secret parameters when printed", () => {
    assert.equal(redactUrl("postgres://u:p@h/db"), "postgres://u:redacted@h/db");
    assert.equal(redactUrl("s3://b?region=eu&secretKey=x"), "s3://b?region=eu&secretKey=redacted");
    assert.equal(redactUrl("not a url"), "not a url");
  });
});
