/** Modules that prove themselves by certificates: calls and key sets over real TLS. */

import assert from "node:assert/strict";
import { once } from "node:events";
import { createSecureServer, type Http2SecureServer } from "node:http2";
import type { AddressInfo } from "node:net";
import type { ConnectionOptions } from "node:tls";
import type { Client } from "@connectrpc/connect";
import { CatalogService } from "#gen/matinee/catalog/v1/catalog_service_pb";
import { newKeySets } from "#pkg/auth/keyset-client";
import { generateSigningKey, toPublicJwk } from "#pkg/auth/tokens";
import { openMemoryCache } from "#pkg/cache/memory";
import { newId, systemClock } from "#pkg/clock/clock";
import { isAppError } from "#pkg/errors/errors";
import { send } from "#pkg/http/send";
import { silentLogger } from "#pkg/obs/logger";
import { newMetrics } from "#pkg/obs/metrics";
import { openIdTracer } from "#pkg/obs/trace";
import { newTestAuthority, type TestAuthority, type TestCertificate } from "#pkg/testkit/certificates";
import { fake } from "#pkg/testkit/module";
import { internal } from "./access.ts";
import { newConnectHandler } from "./adapter.ts";
import { Buckets } from "./buckets.ts";
import { type Chain, newChain } from "./chain.ts";
import { type Dialer, newDialer } from "./dial.ts";
import { LocalServices, newLocalService } from "./local.ts";
import type { PeerProof } from "./loopback.ts";
import { newRawHandler, newRefusal } from "./raw.ts";
import { bindRoute, newRouteTable } from "./routes.ts";

const SPIFFE = /^URI:spiffe:\/\/matinee\.test\/([a-z-]+)$/;
const moduleIn = (altName: string | undefined) => SPIFFE.exec(altName ?? "")?.[1];

describe("modules over TLS", () => {
  let authority: TestAuthority;
  let stranger: TestAuthority;
  let server: Http2SecureServer;
  let address: string;
  const certificates = new Map<string, TestCertificate>();
  /** Whose certificate each module presents, where it is not its own. */
  const presented = new Map<string, TestCertificate | undefined>();
  const peers: (string | undefined)[] = [];
  const dialers: Dialer[] = [];

  const proof: PeerProof = {
    prove: () => ({}),
    verify: ({ certificate }) => moduleIn(certificate?.subjectAltName),
    tls: (caller = "", callee) => ({
      ca: authority.ca,
      ...(presented.has(caller) ? presented.get(caller) : certificates.get(caller)),
      checkServerIdentity: (_host, { subjectaltname }) =>
        moduleIn(subjectaltname) === callee
          ? undefined
          : Object.assign(new Error(`${subjectaltname} is not ${callee}`), { code: "ERR_TLS_CERT_ALTNAME_INVALID" }),
    }),
  };

  function chainOf(): Chain {
    return newChain({
      ...{ clock: systemClock, log: silentLogger, tracer: openIdTracer(), proof },
      metrics: newMetrics({ processMetrics: false }),
      keySets: { find: async () => undefined },
      endedSessions: { has: () => false },
      buckets: new Buckets(systemClock),
      cache: openMemoryCache({ clock: systemClock }),
      rateLimit: { perSecond: 1000, burst: 1000 },
      concurrency: { perCaller: 10, ofStrangers: 10 },
    });
  }

  before(async () => {
    [authority, stranger] = await Promise.all([newTestAuthority(), newTestAuthority()]);
    for (const module of ["catalog", "playback", "license"]) certificates.set(module, await authority.issue(module));
    const catalog = fake(CatalogService, {
      checkAvailability: async (_request, call) => {
        peers.push(call.peer);
        return {};
      },
    });
    const jwk = toPublicJwk(await generateSigningKey());
    const keySet = bindRoute("catalog", {
      ...{ method: "GET", path: "/keys", access: internal("playback") },
      handle: (_request, response) =>
        send(response, { status: 200, headers: {}, body: JSON.stringify({ keys: [{ ...jwk, kid: "k" }] }) }),
    });
    const raw = { via: "internal", chain: chainOf(), remoteAddress: () => "127.0.0.1", blame: () => {} } as const;
    const handler = newConnectHandler({
      ...raw,
      messageTimeoutMs: 10_000,
      services: [newLocalService("catalog", CatalogService, catalog.handler)],
      refuse: newRefusal(raw),
      fallback: newRawHandler(raw, newRouteTable([keySet]), undefined),
    });
    const options = { ca: authority.ca, requestCert: true, rejectUnauthorized: false, allowHTTP1: true };
    server = createSecureServer({ ...options, ...certificates.get("catalog") }, handler);
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    address = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  });

  afterEach(async () => {
    presented.clear();
    peers.length = 0;
    for (const dialer of dialers.splice(0)) await dialer[Symbol.asyncDispose]();
  });

  after(async () => {
    server.close();
    await authority[Symbol.asyncDispose]();
    await stranger[Symbol.asyncDispose]();
  });

  function openDialer(): Dialer {
    const dialer = newDialer({
      ...{ local: new LocalServices(), chain: chainOf(), clock: systemClock, tracer: openIdTracer(), proof },
      addressesOf: () => [address],
    });
    dialers.push(dialer);
    return dialer;
  }

  const ask = (client: Client<typeof CatalogService>) =>
    client.checkAvailability({ title: `titles/${newId()}`, territory: "DE", tier: "standard" });
  const reason = (expected: string) => (error: unknown) => isAppError(error, expected);

  it("are who their certificates say, each module of one process by its own", async () => {
    const dialer = openDialer();
    await ask(dialer.dial(CatalogService, "playback"));
    await assert.rejects(ask(dialer.dial(CatalogService, "license")), reason("ACCESS_DENIED"));
    await ask(dialer.dial(CatalogService, "playback"));
    assert.deepEqual(peers, ["playback", "playback"]);
  });

  it("are nobody without a certificate, or with one of another authority", async () => {
    for (const certificate of [undefined, await stranger.issue("playback")]) {
      presented.set("playback", certificate);
      await assert.rejects(ask(openDialer().dial(CatalogService, "playback")), reason("TARGET_NOT_FOUND"));
    }
    assert.deepEqual(peers, []);
  });

  it("talk to no other module than the one they call", async () => {
    const dialer = newDialer({
      ...{ local: new LocalServices(), chain: chainOf(), clock: systemClock, tracer: openIdTracer() },
      proof: { ...proof, tls: (caller) => proof.tls(caller, "license") },
      addressesOf: () => [address],
    });
    dialers.push(dialer);
    await assert.rejects(ask(dialer.dial(CatalogService, "playback")), reason("PEER_UNAVAILABLE"));
    assert.deepEqual(peers, []);
  });

  it("take a renewed certificate with the next connection", async () => {
    const dialer = openDialer();
    presented.set("playback", await stranger.issue("playback"));
    const client = dialer.dial(CatalogService, "playback");
    await assert.rejects(ask(client), reason("TARGET_NOT_FOUND"));
    presented.clear();
    await dialer[Symbol.asyncDispose]();
    await ask(client);
    assert.deepEqual(peers, ["playback"]);
  });

  it("read each other's key sets with their certificate", async () => {
    const keysAs = (tls: ConnectionOptions | undefined) =>
      newKeySets({
        clock: systemClock,
        local: () => undefined,
        remote: () => ({ url: `https://${address}/keys`, headers: {}, tls }),
      }).find("viewers", "k");
    assert.equal((await keysAs(proof.tls("playback", "catalog")))?.kid, "k");
    for (const tls of [
      proof.tls("license", "catalog"),
      proof.tls(undefined, "catalog"),
      proof.tls("playback", "license"),
    ]) {
      await assert.rejects(keysAs(tls), reason("KEY_SET_UNAVAILABLE"));
    }
  });
});
