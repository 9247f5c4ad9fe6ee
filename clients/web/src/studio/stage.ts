/** Where a film is, in the words of the studio. */

import { type Film, Film_Stage } from "@matinee/sdk/gen/matinee/catalog/v1/film_pb";
import { Title_State } from "@matinee/sdk/gen/matinee/catalog/v1/title_pb";
import { type Job, Job_State } from "@matinee/sdk/gen/matinee/transcode/v1/job_pb";

export interface StageWords {
  readonly text: string;
  readonly tone: "busy" | "good" | "bad" | undefined;
}

const OUT_OF_SPACE = "OUT_OF_SPACE";

/** `job` may be newer than the film's own. */
export function stageWords(film: Film, job: Job | undefined): StageWords {
  const waiting = job?.waiting ?? (film.stage === Film_Stage.WAITING ? film : undefined);
  if (waiting !== undefined && isWorking(film)) {
    return { text: waiting.reason === OUT_OF_SPACE ? "Waiting for space" : "Waiting", tone: "busy" };
  }
  switch (film.stage) {
    case Film_Stage.NO_FILE:
      return { text: "No film", tone: undefined };
    case Film_Stage.UPLOADING:
      return { text: "Upload unfinished", tone: undefined };
    case Film_Stage.INSPECTING:
      return { text: "Inspecting", tone: "busy" };
    case Film_Stage.TRANSCODING:
      if (film.isPlayable) return { text: "Playable, more to come", tone: "busy" };
      return { text: job === undefined || job.state === Job_State.QUEUED ? "Queued" : "Transcoding", tone: "busy" };
    case Film_Stage.PACKAGING:
      return { text: "Packaging", tone: "busy" };
    case Film_Stage.REJECTED:
      return { text: "Refused", tone: "bad" };
    case Film_Stage.TRANSCODE_FAILED:
      return { text: "Failed", tone: "bad" };
    case Film_Stage.PACKAGE_FAILED:
      return { text: "Packaging failed", tone: "bad" };
    case Film_Stage.CANCELED:
      return { text: "Cancelled", tone: undefined };
    case Film_Stage.READY:
      return { text: "Ready", tone: "good" };
    default:
      return { text: "Film not known", tone: undefined };
  }
}

function isWorking({ stage }: Film): boolean {
  return (
    stage === Film_Stage.INSPECTING ||
    stage === Film_Stage.TRANSCODING ||
    stage === Film_Stage.PACKAGING ||
    stage === Film_Stage.WAITING
  );
}

export function isPublished(film: Film): boolean {
  return film.title?.state === Title_State.PUBLISHED;
}

/** What it is called: by its title, else by its file. */
export function filmName(film: Film): string {
  return film.title?.displayTitle || film.asset?.fileName || "A film that is not known";
}
