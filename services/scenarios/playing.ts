/** What a player does: starts a play, fetches manifests, asks for licences. */

import { randomUUID } from "node:crypto";
import { toMatineeError } from "../../clients/sdk/errors.ts";
import { KeySystem, ManifestFormat } from "../../clients/sdk/gen/matinee/common/v1/media_pb.ts";
import { Device_Kind } from "../../clients/sdk/gen/matinee/playback/v1/play_session_pb.ts";
import type { StartPlaybackResponse } from "../../clients/sdk/gen/matinee/playback/v1/playback_service_pb.ts";
import { PlaybackService } from "../../clients/sdk/gen/matinee/playback/v1/playback_service_pb.ts";
import { type Cluster, TERRITORY_HEADER } from "./cluster.ts";
import { type Representation, representationsOf } from "./media.ts";
import { newViewer, type Person } from "./people.ts";
import { firstFilm } from "./titles.ts";

/** Starts a play, on a device of its own unless one is named. Throws MatineeError as the service refused. */
export function start(person: Person, title: string, device: string = randomUUID()): Promise<StartPlaybackResponse> {
  return person.platform.client(PlaybackService).startPlayback({
    title,
    requestId: randomUUID(),
    device: {
      id: device,
      kind: Device_Kind.WEB,
      displayName: "A scenario",
      keySystems: [KeySystem.CLEARKEY],
      formats: [ManifestFormat.DASH, ManifestFormat.HLS],
    },
  });
}

export function stop(person: Person, play: StartPlaybackResponse): Promise<unknown> {
  return person.platform
    .client(PlaybackService)
    .stopPlayback(
      { playSession: play.playSession?.name ?? "", position: { seconds: 0n, nanos: 0 } },
      { headers: bearer(play) },
    );
}

/** Says that the player plays on; answers how the play ended, or nothing where it lives. */
export async function endReasonOf(person: Person, play: StartPlaybackResponse): Promise<string> {
  const beat = { playSession: play.playSession?.name ?? "", position: { seconds: 1n, nanos: 0 } };
  return person.platform
    .client(PlaybackService)
    .heartbeat(beat, { headers: bearer(play) })
    .then(
      () => "",
      (error: unknown) => toMatineeError(error).metadata.end_reason ?? String(error),
    );
}

export function bearer(play: StartPlaybackResponse): Record<string, string> {
  return { authorization: `Bearer ${play.playToken}` };
}

/** Absolute URL of the play's manifest in a format. */
export function manifestUrl(person: Person, play: StartPlaybackResponse, format: "dash" | "hls"): string {
  const wanted = format === "dash" ? ManifestFormat.DASH : ManifestFormat.HLS;
  const manifest = play.manifests.find((candidate) => candidate.format === wanted);
  if (manifest === undefined) throw new Error(`the play has no ${format} manifest`);
  return person.platform.url(manifest.uri);
}

export async function representations(person: Person, play: StartPlaybackResponse): Promise<readonly Representation[]> {
  const url = manifestUrl(person, play, "dash");
  const answer = await fetch(url);
  if (answer.status !== 200) throw new Error(`GET ${url}: ${answer.status} ${await answer.text()}`);
  return representationsOf(await answer.text(), url);
}

export interface LicenseAnswer {
  readonly status: number;
  /** Why it was refused; empty where it was not. */
  readonly reason: string;
  readonly message: string;
  /** Content keys by key id, both in hex. */
  readonly keys: ReadonlyMap<string, string>;
}

export interface LicenseAsk {
  readonly keyIds: readonly string[];
  /** In place of the play's own. */
  readonly token?: string;
  readonly territory?: string;
}

/** Asks the play's licence server (W3C EME, section 9.1.3 and 9.1.4). */
export async function askLicense(person: Person, play: StartPlaybackResponse, ask: LicenseAsk): Promise<LicenseAnswer> {
  const server = play.licenseServers.find(({ keySystem }) => keySystem === KeySystem.CLEARKEY);
  if (server === undefined) throw new Error("the play has no licence server");
  const answer = await fetch(person.platform.url(server.uri), {
    method: "POST",
    headers: {
      "content-type": "application/json",
      authorization: `Bearer ${ask.token ?? play.playToken}`,
      ...(ask.territory === undefined ? {} : { [TERRITORY_HEADER]: ask.territory }),
    },
    body: JSON.stringify({
      kids: ask.keyIds.map((id) => Buffer.from(id, "hex").toString("base64url")),
      type: "temporary",
    }),
  });
  const body = (await answer.json()) as {
    readonly keys?: readonly { readonly kid: string; readonly k: string }[];
    readonly message?: string;
    readonly details?: readonly { readonly type: string; readonly debug?: { readonly reason?: string } }[];
  };
  const hex = (text: string) => Buffer.from(text, "base64url").toString("hex");
  return {
    status: answer.status,
    reason: body.details?.map(({ debug }) => debug?.reason).find((reason) => reason !== undefined) ?? "",
    message: body.message ?? "",
    keys: new Map((body.keys ?? []).map(({ kid, k }) => [hex(kid), hex(k)])),
  };
}

/** A play that was started and left alone, with the key ids of its title. */
export interface ForgottenPlay {
  readonly viewer: Person;
  readonly play: StartPlaybackResponse;
  readonly keyIds: readonly string[];
}

const forgotten = new WeakMap<Cluster, Promise<ForgottenPlay>>();

/** A play of the first film that nobody renews: started for the first story that asks, so that later ones need not wait for its end. */
export function forgottenPlay(cluster: Cluster): Promise<ForgottenPlay> {
  let started = forgotten.get(cluster);
  if (started === undefined) {
    started = startAndForget(cluster);
    forgotten.set(cluster, started);
  }
  return started;
}

async function startAndForget(cluster: Cluster): Promise<ForgottenPlay> {
  const { title } = await firstFilm(cluster);
  const viewer = await newViewer(cluster);
  const play = await start(viewer, title.name);
  return { viewer, play, keyIds: keyIdsOf(await representations(viewer, play)) };
}

/** Each once. */
export function keyIdsOf(tracks: readonly Representation[]): readonly string[] {
  return [...new Set(tracks.flatMap(({ keyId }) => (keyId === "" ? [] : [keyId])))];
}
