/**
 * Promise: StartPlayback, through the client and the whole chain, comes at 0.4 or more of the rate of its own I/O done
 * bare: the same calls to the same peers, the same statements in the same transaction, the same cache operations and the
 * same three signatures (one is a verification), by as many callers in the same process on the same engines. Rounds take
 * turns; the middle ratio counts. Exits 1 below the limit. `node bench/playback.ts [SECONDS] [ROUNDS] [CALLERS]`, after
 * `scripts/setup.sh bench`.
 */

import { CatalogService } from "#gen/matinee/catalog/v1/catalog_service_pb";
import { PlaybackStartedSchema } from "#gen/matinee/playback/v1/events_pb";
import { PlaybackService } from "#gen/matinee/playback/v1/playback_service_pb";
import { ProfileService } from "#gen/matinee/profile/v1/profile_service_pb";
import { generateSigningKey, signToken, toPublicJwk, verifyToken } from "#pkg/auth/tokens";
import { newId, systemClock } from "#pkg/clock/clock";
import { openOutbox } from "#pkg/eventbus/outbox";
import { countStatements, DEVICE, drive, median, openBenchStage, warm } from "./shared/playback-stage.ts";

const LIMIT = 0.4;
const KEEP_MS = 60_000;
const BUCKET = { perSecond: 2, burst: 20 };
/** What a start writes into the cache: one play. */
const VALUE = "x".repeat(190);

const [seconds = 4, rounds = 7, callers = 16] = process.argv.slice(2).map(Number);

const statements = countStatements();
await using stage = await openBenchStage();
const { host, cache, db } = stage;
const client = host.dial(PlaybackService, undefined);
const key = await generateSigningKey();
const keySets = { find: async () => publicJwk };
const publicJwk = toPublicJwk(key);
const outbox = openOutbox({ source: "playback", clock: systemClock });
const [catalog, profile] = [host.dial(CatalogService, "playback"), host.dial(ProfileService, "playback")];

const start = async () => {
  const { headers } = await stage.viewer();
  const request = { title: `titles/${newId()}`, device: DEVICE, requestId: newId() };
  await statements.within(() => client.startPlayback(request, { headers }));
};

const sign = (claims: Readonly<Record<string, unknown>>) => {
  const issuedAt = systemClock.now();
  const expiresAt = new Date(issuedAt.getTime() + 300_000);
  return signToken(key, { issuer: "bench", subject: newId(), issuedAt, expiresAt, claims });
};
/** As long as what a play's tokens say. */
const GRANT = { grant: "x".repeat(900) };

const bare = async () => {
  const [session, title, request] = [newId(), newId(), newId()];
  const { accountId: account, profileId, headers } = await stage.viewer();
  await statements.within(async () => {
    const token = await sign({});
    await verifyToken(token, { keySets, clock: systemClock, issuers: ["bench"] });
    await cache.takeToken(`bench/${account}`, BUCKET);
    await Promise.all([
      profile.getViewer(
        { account: `accounts/${account}`, profile: `profiles/${profileId}`, title: `titles/${title}` },
        { headers },
      ),
      db.query("select * from play_sessions where account_id = $1 and request_id = $2", [account, request]),
    ]);
    await catalog.checkAvailability({ title: `titles/${title}`, territory: "US", tier: "standard", maximumAge: 21 });
    await cache.get(`bench:{${account}}:plays`);
    await db.query("select * from play_sessions where account_id = $1 and ended_at is null", [account]);
    await cache.setIfAbsent(`bench:{${account}}:plays`, VALUE, KEEP_MS);
    await db.tx(async (tx) => {
      const now = systemClock.now();
      await tx.execute(
        `insert into play_sessions (request_id, id, account_id, profile_id, title_id, asset_id, display_title, device_id,
           device_kind, device_name, territory, tier, maximum_age, sign_in_id, duration_ms, position_ms, started_at,
           seen_at, ended_at, end_reason)
         values ($1, $2, $3, $3, $4, $4, 'The Night Train', 'device-0001', 'web', 'Chrome on Linux', 'US', 'standard', 21,
           $3, 6000000, 0, $5, $5, $5, 'stopped')
         on conflict (account_id, request_id) do nothing`,
        [request, session, account, title, now],
      );
      await outbox.emit(tx, PlaybackStartedSchema, { playSession: `playSessions/${session}` }, session);
    });
    await sign(GRANT);
    await sign(GRANT);
  });
  return headers;
};

for (const work of [start, bare]) await warm(2_000, callers, work);
process.stdout.write(`${callers} callers, ${rounds} rounds of ${seconds} s\n`);
const ratios: number[] = [];
for (let round = 0; round < rounds; round++) {
  statements.counted.within = 0;
  const ours = await drive(callers, seconds, start);
  const oursEach = statements.counted.within / ours.count;
  statements.counted.within = 0;
  const floor = await drive(callers, seconds, bare);
  const floorEach = statements.counted.within / floor.count;
  ratios.push(ours.perSecond / floor.perSecond);
  process.stdout.write(
    `starts ${ours.perSecond.toFixed(0).padStart(5)}/s, ${ours.cpuMicroseconds.toFixed(0)} us CPU, ` +
      `${oursEach.toFixed(1)} statements each | its I/O bare ${floor.perSecond.toFixed(0).padStart(5)}/s, ` +
      `${floor.cpuMicroseconds.toFixed(0)} us CPU, ${floorEach.toFixed(1)} statements | ${ratios.at(-1)?.toFixed(2)}\n`,
  );
}
process.stdout.write(`starts beside their own I/O: ${median(ratios).toFixed(2)} (limit ${LIMIT})\n`);
process.exitCode = median(ratios) >= LIMIT ? 0 : 1;
