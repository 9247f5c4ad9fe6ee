/**
 * Promise: heartbeats through the client and the whole chain come at 0.5 or more of the rate of the two cache operations
 * that each of them makes, done bare: one read, one compare and set, on the same values, by as many callers in the same
 * process against the same Redis server. And no SQL in them: statements are counted in the driver, inside heartbeats and
 * beside them. Rounds take turns; the middle ratio counts. Exits 1 below the limit or with a statement inside.
 * `node bench/heartbeat.ts [SECONDS] [ROUNDS] [CALLERS]`, after `scripts/setup.sh bench`.
 */

import { durationFromMs } from "@bufbuild/protobuf/wkt";
import { PlaybackService } from "#gen/matinee/playback/v1/playback_service_pb";
import { newId } from "#pkg/clock/clock";
import { countStatements, DEVICE, drive, median, openBenchStage, warm } from "./shared/playback-stage.ts";

const LIMIT = 0.5;
const KEEP_MS = 60_000;
/** As a pen writes them: an account with two plays. */
const PLAYS_PER_ACCOUNT = 2;

const [seconds = 3, rounds = 7, callers = 32] = process.argv.slice(2).map(Number);

const statements = countStatements();
await using stage = await openBenchStage();
const client = stage.host.dial(PlaybackService, undefined);
const plays = await Promise.all(
  Array.from({ length: callers }, async () => {
    const { accountId, headers } = await stage.viewer();
    const start = (id: string) =>
      client.startPlayback({ title: `titles/${newId()}`, device: { ...DEVICE, id }, requestId: newId() }, { headers });
    let answer = await start("device-0000");
    for (let count = 1; count < PLAYS_PER_ACCOUNT; count++) answer = await start(`device-000${count}`);
    return { accountId, name: answer.playSession?.name ?? "", token: answer.playToken, seconds: 0 };
  }),
);

const heartbeat = async (caller: number) => {
  const play = plays[caller];
  if (play === undefined) return;
  play.seconds = (play.seconds + 20) % 6_000;
  const position = durationFromMs(play.seconds * 1000);
  const headers = { authorization: `Bearer ${play.token}` };
  const { playToken } = await statements.within(() =>
    client.heartbeat({ playSession: play.name, position }, { headers }),
  );
  if (playToken !== "") play.token = playToken;
};

const text = (await stage.cache.get(`playback:{${plays[0]?.accountId}}:plays`)) ?? "";
const bareKey = (caller: number) => `bench:{${caller}}:plays`;
for (let caller = 0; caller < callers; caller++) await stage.cache.set(bareKey(caller), text, KEEP_MS);
const pair = (caller: number) =>
  statements.within(async () => {
    const key = bareKey(caller);
    const value = (await stage.cache.get(key)) ?? "";
    if (!(await stage.cache.compareAndSet(key, value, value, KEEP_MS)).isSet) throw new Error("somebody else writes");
  });

for (const work of [heartbeat, pair]) await warm(20_000, callers, work);
process.stdout.write(`${callers} callers, ${rounds} rounds of ${seconds} s, values of ${text.length} bytes\n`);
const ratios: number[] = [];
let sent = 0;
statements.counted.all = 0;
statements.counted.within = 0;
for (let round = 0; round < rounds; round++) {
  const before = stage.redis.traffic();
  const ours = await drive(callers, seconds, heartbeat);
  const after = stage.redis.traffic();
  const bare = await drive(callers, seconds, pair);
  const count = ours.perSecond * seconds;
  sent += count;
  ratios.push(ours.perSecond / bare.perSecond);
  const commands = ((after.commands - before.commands) / count).toFixed(1);
  const bytes = ((after.bytes - before.bytes) / count).toFixed(0);
  const serverMicroseconds = (((after.cpuSeconds - before.cpuSeconds) * 1e6) / count).toFixed(1);
  process.stdout.write(
    `heartbeats ${ours.perSecond.toFixed(0).padStart(6)}/s, ${ours.cpuMicroseconds.toFixed(0)} us CPU, ` +
      `each ${commands} Redis commands, ${bytes} bytes, ${serverMicroseconds} us of Redis | ` +
      `bare pairs ${bare.perSecond.toFixed(0).padStart(6)}/s, ${bare.cpuMicroseconds.toFixed(0)} us CPU | ` +
      `${ratios.at(-1)?.toFixed(2)}\n`,
  );
}
const { all, within } = statements.counted;
process.stdout.write(
  `statements in ${sent.toFixed(0)} heartbeats: ${within}; beside them (event log in batches, relay, sweep): ${all}\n` +
    `heartbeats beside two bare cache operations: ${median(ratios).toFixed(2)} (limit ${LIMIT})\n`,
);
process.exitCode = median(ratios) >= LIMIT && within === 0 ? 0 : 1;
