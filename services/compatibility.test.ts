/**
 * Contracts of another age: what was generated from the frozen contracts, and from a release that is newer than this one in
 * every way in which contracts grow, talks to today's services. Newer means a field more in every message, a value more in
 * every enum, a case more in every oneof. Until `proto/FROZEN` exists, the frozen contracts are today's.
 */

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import {
  create,
  createFileRegistry,
  type DescEnum,
  type DescField,
  type DescMessage,
  equals,
  type FileRegistry,
  fromBinary,
  fromJson,
  type Message,
  ScalarType,
  toBinary,
  toJson,
} from "@bufbuild/protobuf";
import { type ReflectMessage, reflect, scalarZeroValue } from "@bufbuild/protobuf/reflect";
import {
  type DescriptorProto,
  type EnumDescriptorProto,
  EnumValueDescriptorProtoSchema,
  FieldDescriptorProto_Label,
  FieldDescriptorProto_Type,
  FieldDescriptorProtoSchema,
  type FileDescriptorSet,
  FileDescriptorSetSchema,
} from "@bufbuild/protobuf/wkt";
import { Ceiling, Protection, TrackClass } from "#gen/matinee/common/v1/media_pb";
import { PackageSchema } from "#gen/matinee/packager/v1/package_pb";
import { RenditionsReadySchema } from "#gen/matinee/transcode/v1/events_pb";
import { newId } from "#pkg/clock/clock";
import { eventually } from "#pkg/testkit/eventually";
import { creator, openModules, operator, playSession, profile, type TestPlatform } from "#pkg/testkit/module";
import { ingestion } from "./ingestion/module.ts";
import { askLicense, hexOf, makeKeys } from "./license/fixtures.ts";
import { license } from "./license/module.ts";
import { toRevisionInput } from "./packager/convert.ts";
import { fromProtoPackage } from "./playback/convert.ts";
import { openStage, type Stage } from "./playback/fixtures.ts";
import { telemetry } from "./telemetry/module.ts";

const ROOT = fileURLToPath(new URL("../", import.meta.url));
/** No field of ours comes near it. */
const NEWER = 18_000;
/** Messages within messages that are filled. */
const MAX_DEPTH = 4;

type Fields = Readonly<Record<string, unknown>>;

/** The contracts as buf reads them, from a commit or from the files. */
function contracts(input: string): FileDescriptorSet {
  const args = ["build", input, "--as-file-descriptor-set", "-o", "-"];
  return fromBinary(FileDescriptorSetSchema, execFileSync("buf", args, { cwd: ROOT, maxBuffer: 64 * 1024 * 1024 }));
}

function grown(set: FileDescriptorSet): FileDescriptorSet {
  const newer = fromBinary(FileDescriptorSetSchema, toBinary(FileDescriptorSetSchema, set));
  for (const file of newer.file.filter(({ package: name }) => name.startsWith("matinee."))) {
    file.messageType.forEach(growMessage);
    file.enumType.forEach(growEnum);
  }
  return newer;
}

function growMessage(message: DescriptorProto): void {
  if (message.options?.mapEntry === true) return;
  message.nestedType.forEach(growMessage);
  message.enumType.forEach(growEnum);
  const synthetic = new Set(message.field.flatMap((one) => (one.proto3Optional ? [one.oneofIndex] : [])));
  message.field.push(newField("newer_field", NEWER));
  message.oneofDecl.forEach(({ name }, index) => {
    if (synthetic.has(index)) return;
    message.field.push({ ...newField(`newer_${name}`, NEWER + 1 + index), oneofIndex: index });
  });
}

function newField(name: string, number: number) {
  const jsonName = name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
  const kind = { type: FieldDescriptorProto_Type.STRING, label: FieldDescriptorProto_Label.OPTIONAL };
  return create(FieldDescriptorProtoSchema, { name, jsonName, number, ...kind });
}

function growEnum(grows: EnumDescriptorProto): void {
  grows.value.push(create(EnumValueDescriptorProtoSchema, { name: `NEWER_${grows.name}`, number: NEWER }));
}

/** Every field set, enums to the value that only a newer release knows. */
function filled(desc: DescMessage, depth = 0): ReflectMessage {
  const message = reflect(desc);
  if (desc.typeName.startsWith("google.")) return message;
  for (const field of desc.fields) {
    // One case of a oneof, the one that is new.
    if (field.oneof !== undefined && field.number < NEWER && field.oneof.fields.some(({ number }) => number > NEWER)) {
      continue;
    }
    fill(message, field, depth);
  }
  return message;
}

function fill(message: ReflectMessage, field: DescField, depth: number): void {
  if (field.fieldKind === "scalar") message.set(field, sample(field.scalar));
  else if (field.fieldKind === "enum") message.set(field, newest(field.enum));
  else if (field.fieldKind === "message" && depth < MAX_DEPTH) message.set(field, filled(field.message, depth + 1));
  else if (field.fieldKind === "list") {
    const list = message.get(field);
    if (field.listKind === "scalar") list.add(sample(field.scalar));
    else if (field.listKind === "enum") list.add(newest(field.enum));
    else if (depth < MAX_DEPTH) list.add(filled(field.message, depth + 1));
  }
}

function sample(type: ScalarType) {
  return type === ScalarType.STRING ? "x" : type === ScalarType.BOOL ? true : scalarZeroValue(type, false);
}

function newest(desc: DescEnum): number {
  return desc.values.at(-1)?.number ?? 0;
}

function messagesOf(registry: FileRegistry): DescMessage[] {
  return [...registry].filter(
    (desc): desc is DescMessage => desc.kind === "message" && desc.typeName.startsWith("matinee."),
  );
}

describe("contracts of another age", function () {
  this.timeout(120_000);
  const today = contracts(".");
  const todays = createFileRegistry(today);
  const frozen = existsSync(`${ROOT}proto/FROZEN`)
    ? createFileRegistry(contracts(`.git#ref=${readFileSync(`${ROOT}proto/FROZEN`, "utf8").trim()}`))
    : todays;
  const newer = createFileRegistry(grown(today));
  let platform: TestPlatform;
  let stage: Stage;

  before(async () => {
    platform = await openModules([license, telemetry, ingestion]);
    stage = await openStage();
  });
  after(async () => {
    await stage[Symbol.asyncDispose]();
    await platform[Symbol.asyncDispose]();
  });

  function typeIn(registry: FileRegistry, name: string): DescMessage {
    const desc = registry.getMessage(`matinee.${name}`);
    assert.ok(desc, name);
    return desc;
  }

  /** A message by its fields as the registry's contracts have them. */
  function written(registry: FileRegistry, name: string, fields: Fields): Uint8Array {
    const desc = typeIn(registry, name);
    return toBinary(desc, create(desc, fields as never));
  }

  /** Calls a method as a client that was generated from these contracts does. */
  async function call(
    registry: FileRegistry,
    of: { readonly url: string },
    method: string,
    token: string,
    fields: Fields,
  ) {
    const [, service, name] = /^(.+)\/(.+)$/.exec(`matinee.${method}`) ?? [];
    const rpc = registry.getService(service ?? "")?.methods.find((one) => one.name === name);
    assert.ok(rpc, method);
    const response = await fetch(`${of.url}/${service}/${name}`, {
      method: "POST",
      headers: { "content-type": "application/proto", authorization: `Bearer ${token}` },
      body: new Uint8Array(toBinary(rpc.input, create(rpc.input, fields as never))),
    });
    const body = new Uint8Array(await response.arrayBuffer());
    if (response.ok) return { answer: fromBinary(rpc.output, body) as Message & Record<string, never>, reason: "" };
    const text = Buffer.from(body).toString();
    return { answer: undefined, reason: /"reason":"([A-Z_]+)"/.exec(text)?.[1] ?? text };
  }

  const device = (about: Fields) => ({ id: "device-0001", displayName: "a newer one", ...about });
  const start = (about: Fields) => ({ title: `titles/${newId()}`, device: device(about), requestId: newId() });

  it("are read in every message, and nothing is lost of what is passed on", () => {
    const messages = messagesOf(newer);
    assert.ok(messages.length > 150, `${messages.length} messages`);
    for (const desc of messages) {
      const sent = filled(desc).message;
      const known = todays.getMessage(desc.typeName);
      assert.ok(known, desc.typeName);
      const read = fromBinary(known, toBinary(desc, sent));
      assert.ok(equals(desc, sent, fromBinary(desc, toBinary(known, read))), desc.typeName);
      fromJson(known, toJson(desc, sent), { ignoreUnknownFields: true });
      const old = frozen.getMessage(desc.typeName);
      if (old !== undefined) fromBinary(old, toBinary(known, read));
    }
  });

  it("let an older client play", async () => {
    const { answer, reason } = await call(
      frozen,
      stage.platform,
      "playback.v1.PlaybackService/StartPlayback",
      await stage.platform.token(profile() as never),
      start({ keySystems: [1], formats: [1] }),
    );
    assert.equal(reason, "");
    const { manifests, licenseServers } = answer as unknown as Record<string, readonly Fields[]>;
    assert.match(String(manifests?.[0]?.uri), /hd\.mpd$/);
    assert.match(String(licenseServers?.[0]?.uri), /^\/license\/clearkey/);
  });

  it("let a newer client play by what is known of its device, and end its play", async () => {
    const token = await stage.platform.token(profile() as never);
    const about = { kind: NEWER, keySystems: [NEWER, 1], formats: [NEWER, 1], newerField: "x" };
    const asked = { ...start(about), newerField: "x" };
    const play = await call(newer, stage.platform, "playback.v1.PlaybackService/StartPlayback", token, asked);
    assert.equal(play.reason, "");
    const { playSession, playToken } = play.answer as unknown as { playSession: { name: string }; playToken: string };
    const beat = { playSession: playSession.name, newerField: "x" };
    for (const method of ["Heartbeat", "StopPlayback"]) {
      const { reason } = await call(newer, stage.platform, `playback.v1.PlaybackService/${method}`, playToken, beat);
      assert.equal(reason, "", method);
    }
  });

  it("let a newer player tell how it goes", async () => {
    const session = `playSessions/${newId()}`;
    const grant = Buffer.from(written(newer, "playback.v1.PlayGrant", { playSession: session, newerField: "x" }));
    const token = await platform.token(playSession({ grant: grant.toString("base64url") }) as never);
    const event = (about: Fields) => ({ id: newId(), occurTime: { seconds: 1_800_000_000n }, ...about });
    const events = [
      event({ event: { case: "newerEvent", value: "x" } }),
      event({ event: { case: "playRequested", value: { player: "a newer one", newerField: "x" } } }),
    ];
    const method = "telemetry.v1.TelemetryService/RecordPlayerEvents";
    const { answer, reason } = await call(newer, platform, method, token, { playSession: session, events });
    assert.equal(reason, "");
    assert.deepEqual([answer?.acceptedCount, answer?.unknownCount], [2, 1]);
  });

  it("refuse a filter or a protection that is not known, in place of answering more or protecting less", async () => {
    const service = "ingestion.v1.IngestionService";
    const studio = await platform.token(operator(["assets.read"]) as never);
    assert.equal(
      (await call(newer, platform, `${service}/ListAssets`, studio, { state: NEWER })).reason,
      "VALIDATION_FAILED",
    );
    const upload = { fileName: "a.mp4", sizeBytes: 10n, requestId: newId() };
    const owner = await platform.token(creator() as never);
    const unknown = await call(newer, platform, `${service}/CreateUpload`, owner, { ...upload, protection: NEWER });
    assert.equal(unknown.reason, "VALIDATION_FAILED");
    const known = await call(newer, platform, `${service}/CreateUpload`, owner, { ...upload, newerField: "x" });
    assert.equal(known.reason, "");
  });

  it("license of a newer grant what is known of it, and nothing on terms that are not", async () => {
    const { asset, audio, sd, hd } = await makeKeys(platform);
    const keyIds = [audio, sd, hd].map(({ keyId }) => keyId);
    const policy = (trackClass: number, about: Fields = {}) => ({
      trackClass,
      licenseDuration: { seconds: 300n },
      minHdcp: 1,
      minRobustness: 1,
      ...about,
    });
    const issued = async (about: Fields) => {
      const session = newId();
      const grant = written(newer, "playback.v1.PlayGrant", {
        playSession: `playSessions/${session}`,
        account: `accounts/${newId()}`,
        asset: `assets/${asset}`,
        territory: "US",
        newerField: "x",
        ...about,
      });
      const claims = { sub: session, use: "play", grant: Buffer.from(grant).toString("base64url") };
      const token = await platform.token(playSession(claims) as never);
      const { reason, keys } = await askLicense(platform, { session, token, keyIds });
      return { session, token, reason, keys: [...keys.keys()] };
    };
    const keyPolicies = [
      policy(TrackClass.AUDIO, { minHdcp: NEWER }),
      policy(TrackClass.SD, { newerField: "x" }),
      policy(NEWER),
    ];
    const play = await issued({ keyPolicies });
    assert.deepEqual(play.keys, [hexOf(sd.keyId)]);
    assert.equal((await issued({ keyPolicies, critical: ["newer"] })).reason, "LICENSE_GRANT_NOT_UNDERSTOOD");
    assert.equal((await issued({ keyPolicies: [policy(NEWER)] })).reason, "LICENSE_KEY_NOT_GRANTED");

    const ended = typeIn(newer, "playback.v1.PlaybackEnded");
    const at = { seconds: BigInt(Math.floor(Date.now() / 1000)) };
    const said = {
      playSession: `playSessions/${play.session}`,
      endTime: at,
      tokenEndTime: { seconds: at.seconds + 300n },
      reason: NEWER,
      newerField: "x",
    };
    await platform.publish(ended, said as never);
    await eventually("the end is heard", async () => {
      const { session, token } = play;
      return (await askLicense(platform, { session, token, keyIds })).reason === "LICENSE_PLAY_ENDED";
    });
  });

  it("encrypt and keep back what a newer release says of a film in words that are not known", () => {
    const renditions = fromBinary(
      RenditionsReadySchema,
      written(newer, "transcode.v1.RenditionsReady", { protection: NEWER }),
    );
    assert.equal(toRevisionInput(renditions).protection, "cbcs");
    const pack = fromBinary(
      PackageSchema,
      written(newer, "packager.v1.Package", {
        name: `packages/${newId()}`,
        asset: `assets/${newId()}`,
        protection: NEWER,
        manifests: [
          { format: 1, ceiling: Ceiling.SD, path: "sd.mpd" },
          { format: 1, ceiling: NEWER, path: "newer.mpd" },
        ],
        tracks: [{ trackClass: NEWER, path: "newer.mp4" }],
      }),
    );
    const { isEncrypted, manifests, tracks } = fromProtoPackage(pack);
    assert.ok(isEncrypted && pack.protection !== Protection.CBCS);
    assert.deepEqual(
      manifests.map(({ ceiling }) => ceiling),
      ["sd", undefined],
    );
    assert.deepEqual(tracks, [{ trackClass: undefined, path: "newer.mp4" }]);
  });
});
