/** Between the contracts that tell of a film's parts, the contract of films, and the domain. */

import {
  type DescMessage,
  fromJson,
  type JsonValue,
  type MessageInitShape,
  type MessageShape,
  toJson,
} from "@bufbuild/protobuf";
import { timestampDate, timestampFromDate } from "@bufbuild/protobuf/wkt";
import { Film_Stage, type FilmSchema } from "#gen/matinee/catalog/v1/film_pb";
import { ListFilmsRequest_Group } from "#gen/matinee/catalog/v1/film_service_pb";
import { Asset_State } from "#gen/matinee/ingestion/v1/asset_pb";
import { type AssetChanged, AssetChangedSchema } from "#gen/matinee/ingestion/v1/events_pb";
import type { PackageChanged } from "#gen/matinee/packager/v1/events_pb";
import { Package_State, PackageSchema } from "#gen/matinee/packager/v1/package_pb";
import type { JobChanged } from "#gen/matinee/transcode/v1/events_pb";
import { Job_State, JobSchema } from "#gen/matinee/transcode/v1/job_pb";
import { requireId } from "#pkg/aip/resource-name";
import { toProtoArtworks, toProtoTitle } from "./convert.ts";
import type { AssetFacts, FilmGroup, FilmStage, JobFacts, PackageFacts } from "./domain/film.ts";
import type { SeenFilm } from "./films.ts";
import type { FilmPart } from "./store/film-store.ts";

const ASSET_STATES: Readonly<Record<number, AssetFacts["state"]>> = {
  [Asset_State.UPLOADING]: "uploading",
  [Asset_State.INSPECTING]: "inspecting",
  [Asset_State.READY]: "ready",
  [Asset_State.REJECTED]: "rejected",
  [Asset_State.DELETED]: "deleted",
};

const JOB_STATES: Readonly<Record<number, JobFacts["state"]>> = {
  [Job_State.QUEUED]: "queued",
  [Job_State.RUNNING]: "running",
  [Job_State.SUCCEEDED]: "succeeded",
  [Job_State.FAILED]: "failed",
  [Job_State.CANCELED]: "canceled",
};

const PACKAGE_STATES: Readonly<Record<number, PackageFacts["state"]>> = {
  [Package_State.PACKAGING]: "packaging",
  [Package_State.READY]: "ready",
  [Package_State.FAILED]: "failed",
};

const STAGES = {
  unknown: Film_Stage.UNSPECIFIED,
  no_file: Film_Stage.NO_FILE,
  uploading: Film_Stage.UPLOADING,
  inspecting: Film_Stage.INSPECTING,
  transcoding: Film_Stage.TRANSCODING,
  packaging: Film_Stage.PACKAGING,
  waiting: Film_Stage.WAITING,
  rejected: Film_Stage.REJECTED,
  transcode_failed: Film_Stage.TRANSCODE_FAILED,
  package_failed: Film_Stage.PACKAGE_FAILED,
  canceled: Film_Stage.CANCELED,
  ready: Film_Stage.READY,
} as const satisfies Record<FilmStage, Film_Stage>;

const GROUPS: Readonly<Record<number, FilmGroup>> = {
  [ListFilmsRequest_Group.IN_PROGRESS]: "in_progress",
  [ListFilmsRequest_Group.FAILED]: "failed",
  [ListFilmsRequest_Group.UNTITLED]: "untitled",
  [ListFilmsRequest_Group.DRAFT]: "draft",
  [ListFilmsRequest_Group.PUBLISHED]: "published",
};

/** Undefined for all. */
export function fromProtoGroup(group: ListFilmsRequest_Group): FilmGroup | undefined {
  return GROUPS[group];
}

/** Undefined where it says nothing that this release understands. */
export function partOfAsset(message: AssetChanged, version: bigint): FilmPart | undefined {
  const { asset } = message;
  const state = asset && ASSET_STATES[asset.state];
  if (asset === undefined || state === undefined) return undefined;
  return {
    assetId: requireId("assets", asset.name),
    part: "asset",
    version,
    facts: {
      state,
      ...reasonOf(asset.rejection ?? asset.waiting),
      isWaiting: asset.waiting !== undefined,
      ownerId: requireId("accounts", asset.owner),
      fileName: asset.fileName,
      createdAtMs: asset.createTime === undefined ? 0 : timestampDate(asset.createTime).getTime(),
    },
    body: toJson(AssetChangedSchema, message) as object,
  };
}

export function partOfJob({ job }: JobChanged, version: bigint): FilmPart | undefined {
  const state = job && JOB_STATES[job.state];
  if (job === undefined || state === undefined) return undefined;
  return {
    assetId: requireId("assets", job.asset),
    part: "job",
    version,
    facts: { state, ...reasonOf(job.failure ?? job.waiting), isWaiting: job.waiting !== undefined },
    body: toJson(JobSchema, job) as object,
  };
}

export function partOfPackage({ package: pack }: PackageChanged, version: bigint): FilmPart | undefined {
  const state = pack && PACKAGE_STATES[pack.state];
  if (pack === undefined || state === undefined) return undefined;
  const { revision, isComplete, waiting } = pack;
  const why = waiting ?? { reason: pack.failureReason, message: pack.failureMessage };
  return {
    assetId: requireId("assets", pack.asset),
    part: `package-${revision}`,
    version,
    facts: { revision, state, isComplete, ...reasonOf(why), isWaiting: waiting !== undefined },
    body: toJson(PackageSchema, pack) as object,
  };
}

function reasonOf(why: { readonly reason: string; readonly message: string } | undefined) {
  return { reason: why?.reason ?? "", message: why?.message ?? "" };
}

export function filmName(id: string): string {
  return `films/${id}`;
}

/** `seesDrafts`: whether the caller may see a title that is not published. */
export function toProtoFilm(seen: SeenFilm, seesDrafts: boolean): MessageInitShape<typeof FilmSchema> {
  const { film, status, title } = seen;
  const told = stored(AssetChangedSchema, seen.asset);
  const job = stored(JobSchema, seen.job);
  const pack = stored(PackageSchema, seen.package);
  const shown = title !== undefined && (seesDrafts || title.state === "published") ? title : undefined;
  return {
    name: filmName(film.id),
    stage: STAGES[status.stage],
    reason: status.reason,
    message: status.message,
    isPlayable: status.isPlayable,
    ...(told?.asset && { asset: told.asset }),
    ...(told?.upload && { upload: told.upload }),
    ...(job && { job }),
    ...(pack && { package: pack }),
    ...(shown && { title: toProtoTitle(shown) }),
    artworks: toProtoArtworks(film.id, seen.stills),
    createTime: timestampFromDate(film.createdAt),
    updateTime: timestampFromDate(film.updatedAt),
  };
}

/** Stored by whichever release was newest; fields that this one does not know are passed over. */
function stored<D extends DescMessage>(schema: D, json: object | undefined): MessageShape<D> | undefined {
  return json === undefined ? undefined : fromJson(schema, json as JsonValue, { ignoreUnknownFields: true });
}
