/** The details of a title, which film it plays, and whether it is in the catalogue. */

import { newRequestId } from "@matinee/sdk/clock";
import { hasReason, type MatineeError, toMatineeError } from "@matinee/sdk/errors";
import { CatalogService } from "@matinee/sdk/gen/matinee/catalog/v1/catalog_service_pb";
import { FilmService } from "@matinee/sdk/gen/matinee/catalog/v1/film_service_pb";
import { type Title, Title_State } from "@matinee/sdk/gen/matinee/catalog/v1/title_pb";
import { type QueryKey, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useEffect, useRef, useState } from "react";
import { useLocation, useSearch } from "wouter";
import { useApp } from "../app-context.ts";
import page from "../pages/page.module.css";
import { useQuery } from "../query.ts";
import { Button, LinkButton } from "../ui/button.tsx";
import { Confirm } from "../ui/confirm.tsx";
import { Field, TextArea } from "../ui/field.tsx";
import { Failure, sentence } from "../ui/notice.tsx";
import { Loading, Skeleton } from "../ui/skeleton.tsx";
import { useTitle } from "../use-title.ts";
import { counted, idOf, titleHref } from "../words.ts";
import { FilmPicker } from "./film-picker.tsx";
import { useLeaveGuard } from "./leave-guard.tsx";
import { PosterPicker } from "./poster-picker.tsx";
import {
  type Faults,
  faultsFrom,
  faultsOf,
  fromDraft,
  isSame,
  suggestName,
  TITLE_FIELDS,
  type TitleDraft,
  toDraft,
} from "./title-draft.ts";
import styles from "./title-form.module.css";
import { TitleState } from "./title-state.tsx";
import { WindowFields } from "./window-fields.tsx";

/** `name` undefined makes a new title, of the asset that the address names. */
export function StudioTitlePage({ name }: { readonly name: string | undefined }) {
  const { platform } = useApp();
  const assetId = new URLSearchParams(useSearch()).get("asset");
  const asset = name === undefined && assetId !== null ? `assets/${assetId}` : "";
  const query = useQuery<Loaded>(keyOf(name ?? asset), async (signal) => {
    if (name !== undefined) {
      const { title } = await platform.client(CatalogService).getTitle({ name }, { signal });
      return { title, fileName: "" };
    }
    if (asset === "") return { title: undefined, fileName: "" };
    const { film } = await platform.client(FilmService).getFilm({ name: `films/${assetId}` }, { signal });
    return { title: undefined, fileName: film?.asset?.fileName ?? "" };
  });
  useTitle(query.data?.title?.displayTitle ?? "New title");

  return (
    <div className={`${page.page} ${styles.page}`}>
      {query.data === undefined && query.error === undefined && <FormSkeleton />}
      {query.data === undefined && query.error !== undefined && <Failure error={query.error} onRetry={query.reload} />}
      {query.data !== undefined && (
        <TitleForm
          loaded={query.data.title}
          suggestion={{ name: suggestName(query.data.fileName), asset }}
          onSaved={(title) => query.set({ title, fileName: "" })}
        />
      )}
    </div>
  );
}

interface Loaded {
  readonly title: Title | undefined;
  readonly fileName: string;
}

function keyOf(name: string): QueryKey {
  return ["studio-title", name];
}

type Asked = "unpublish" | "delete" | undefined;

function TitleForm({
  loaded,
  suggestion,
  onSaved,
}: {
  readonly loaded: Title | undefined;
  readonly suggestion: { readonly name: string; readonly asset: string };
  readonly onSaved: (title: Title) => void;
}) {
  const { platform } = useApp();
  const queries = useQueryClient();
  const catalog = platform.client(CatalogService);
  const [, navigate] = useLocation();
  // What is stored by now: saved, perhaps, though publishing was refused after it.
  const [title, setTitle] = useState(loaded);
  const [saved, setSaved] = useState(() => toDraft(loaded, suggestion));
  const [draft, setDraft] = useState(saved);
  const [busy, setBusy] = useState<string>();
  const [error, setError] = useState<MatineeError>();
  const [faults, setFaults] = useState<Faults>(new Map());
  const [asked, setAsked] = useState<Asked>();
  const [arrivedWith] = useState(noteOnArrival);
  const [note, setNote] = useState(arrivedWith);
  const form = useRef<HTMLFormElement>(null);
  const said = useRef<HTMLParagraphElement>(null);
  const requestId = useRef(newRequestId());
  const isNew = title === undefined;
  const isPublished = title?.state === Title_State.PUBLISHED;
  const isDirty = !isSame(draft, saved);
  const leaving = useLeaveGuard(isDirty);
  const film = useFilmOf(draft.asset);
  const change = (part: Partial<TitleDraft>) => {
    setDraft((before) => ({ ...before, ...part }));
    setNote("");
  };
  const text = (
    name: "displayTitle" | "synopsis" | "releaseYear" | "minimumAge" | "originalLanguage" | "genres" | "credits",
  ) => ({
    name,
    value: draft[name],
    onChange: (event: { readonly target: { readonly value: string } }) => change({ [name]: event.target.value }),
  });

  // biome-ignore lint/correctness/useExhaustiveDependencies: once, on arrival from the page that made the title
  useEffect(() => {
    const { note: _, ...rest } = (history.state ?? {}) as Left;
    if (note !== "") history.replaceState(rest, "");
  }, []);
  useEffect(() => {
    if (faults.size === 0 && error === undefined) return;
    const fault = form.current?.querySelector<HTMLElement>("[aria-invalid=true]");
    if (fault !== null && fault !== undefined) fault.focus();
    else form.current?.querySelector<HTMLElement>("[role=alert]")?.scrollIntoView({ block: "center" });
  }, [faults, error]);

  const store = async (): Promise<Title | undefined> => {
    const values = fromDraft(draft);
    const answer =
      title === undefined
        ? await catalog.createTitle({ title: values, requestId: requestId.current })
        : await catalog.updateTitle({
            title: { ...values, name: title.name, etag: title.etag },
            updateMask: { paths: [...TITLE_FIELDS] },
          });
    if (answer.title !== undefined) keep(answer.title);
    return answer.title;
  };
  const keep = (now: Title) => {
    const kept = toDraft(now, suggestion);
    setTitle(now);
    setSaved(kept);
    setDraft(kept);
  };
  /** One thing at a time. What it did is said, and the focus stays where it was, or goes to what is said. */
  const run = async (what: string, done: string, work: () => Promise<Title | undefined>) => {
    if (busy !== undefined) return;
    setBusy(what);
    setError(undefined);
    setFaults(new Map());
    setNote("");
    try {
      const now = await work();
      if (now === undefined) return;
      keep(now);
      void queries.invalidateQueries({ refetchType: "none" });
      onSaved(now);
      if (isNew) {
        queries.setQueryData<Loaded>(keyOf(now.name), { title: now, fileName: "" });
        navigate(`/studio/title/${idOf(now.name)}`, { replace: true, state: { note: done } });
      }
      setNote(done);
      if (what !== "save") said.current?.focus();
    } catch (cause) {
      const failure = toMatineeError(cause);
      setFaults(faultsFrom(failure.fields));
      setError(failure);
    } finally {
      setBusy(undefined);
    }
  };
  const save = (what: "save" | "publish") => {
    const found = faultsOf(draft);
    if (found.size > 0) {
      setError(undefined);
      return setFaults(found);
    }
    return run(what, what === "save" ? "Saved." : "Saved and published.", async () => {
      const now = await store();
      if (now === undefined || what === "save") return now;
      return (await catalog.publishTitle({ name: now.name, etag: now.etag })).title;
    });
  };
  const submit = (event: FormEvent) => {
    event.preventDefault();
    void save("save");
  };
  const remove = () =>
    run("delete", "Deleted.", async () => {
      await catalog.deleteTitle({ name: title?.name ?? "", etag: title?.etag ?? "" });
      setSaved(draft);
      queries.clear();
      navigate("/studio", { state: { deleted: { name: title?.name, displayTitle: title?.displayTitle } } });
      return undefined;
    });
  const load = () =>
    run("load", "This is how it is now.", async () => (await catalog.getTitle({ name: title?.name ?? "" })).title);
  const fault = (path: string) => faults.get(path);

  return (
    <>
      {leaving}
      <div className={styles.head}>
        <h1 dir="auto">{title?.displayTitle ?? "New title"}</h1>
        {title !== undefined && <TitleState title={title} />}
      </div>
      <form ref={form} className={styles.form} onSubmit={submit} noValidate data-testid="title-form">
        <div role="alert">
          {(error !== undefined || faults.size > 0) && <p className={styles.fault}>{alertText(error, faults)}</p>}
        </div>
        {hasReason(error, "TITLE_CHANGED") && (
          <Button icon="retry" onClick={() => void load()}>
            Load what it is now
          </Button>
        )}
        <Field
          label="Name"
          required
          maxLength={200}
          dir="auto"
          {...text("displayTitle")}
          fault={fault("display_title")}
        />
        <TextArea
          label="Synopsis"
          maxLength={4000}
          dir="auto"
          {...text("synopsis")}
          hint="What it is about, in two or three sentences"
          fault={fault("synopsis")}
        />
        <FilmPicker
          asset={draft.asset}
          film={film}
          fault={fault("asset")}
          onChoose={(asset) => change({ asset, poster: "" })}
        />
        {draft.asset !== "" && (
          <PosterPicker
            artworks={
              draft.asset === title?.asset && title.artworks.length > 0 ? title.artworks : (film?.artworks ?? [])
            }
            poster={draft.poster}
            onChoose={(poster) => change({ poster })}
          />
        )}
        <div className={styles.columns}>
          <Field
            label="Year"
            inputMode="numeric"
            maxLength={4}
            {...text("releaseYear")}
            fault={fault("release_year")}
          />
          <Field
            label="From age"
            inputMode="numeric"
            maxLength={2}
            {...text("minimumAge")}
            fault={fault("minimum_age")}
          />
          <Field
            label="Original language"
            maxLength={35}
            placeholder="en"
            {...text("originalLanguage")}
            fault={fault("original_language")}
          />
        </div>
        <Field
          label="Genres"
          {...text("genres")}
          hint="Separated by commas: animation, family"
          fault={fault("genres")}
        />
        <TextArea
          label="People"
          rows={3}
          dir="auto"
          {...text("credits")}
          hint="One a line: cast: Ada Moll as The Keeper. Or director: Jan Roth."
          fault={fault("credits")}
        />
        <WindowFields windows={draft.windows} faults={faults} onChange={(windows) => change({ windows })} />
        <div className={styles.actions}>
          {!isPublished && (
            <Button
              kind="primary"
              aria-disabled={busy !== undefined}
              data-testid="publish"
              onClick={() => void save("publish")}
            >
              {busy === "publish" ? "Publishing" : "Save and publish"}
            </Button>
          )}
          <Button
            kind={isPublished ? "primary" : "secondary"}
            type="submit"
            aria-disabled={busy !== undefined}
            data-testid="save-title"
          >
            {busy === "save" ? "Saving" : "Save"}
          </Button>
          {title !== undefined && isPublished && (
            <Button kind="danger" data-testid="unpublish" onClick={() => setAsked("unpublish")}>
              Unpublish
            </Button>
          )}
          {title !== undefined && isPublished && <LinkButton href={titleHref(title)}>See its page</LinkButton>}
          {title !== undefined && (
            <Button kind="quiet" data-testid="delete-title" onClick={() => setAsked("delete")}>
              Delete
            </Button>
          )}
          <LinkButton href="/studio" kind="quiet">
            Back to the studio
          </LinkButton>
        </div>
        <p
          ref={said}
          role="status"
          tabIndex={-1}
          className={styles.note}
          data-testid="title-note"
          data-arrival={arrivedWith === "" ? undefined : true}
        >
          {note}
        </p>
      </form>
      {asked === "unpublish" && title !== undefined && (
        <Confirm
          question={`Take “${title.displayTitle}” out of the catalogue?`}
          yes="Unpublish"
          onNo={() => setAsked(undefined)}
          onYes={() => {
            setAsked(undefined);
            void run("unpublish", "Out of the catalogue.", async () => {
              const answer = await catalog.unpublishTitle({ name: title.name });
              return answer.title;
            });
          }}
        >
          <p>Nobody finds it any more, and whoever watches it is stopped. You can publish it again at any time.</p>
          {isDirty && <p>What you changed here and did not save is lost.</p>}
        </Confirm>
      )}
      {asked === "delete" && title !== undefined && (
        <Confirm
          question={`Delete the title “${title.displayTitle}”?`}
          yes="Delete"
          onNo={() => setAsked(undefined)}
          onYes={() => {
            setAsked(undefined);
            void remove();
          }}
        >
          <p>
            {isPublished ? "It leaves the catalogue, and whoever watches it is stopped. " : ""}
            Its film stays in the studio. A deleted title can be brought back for 30 days.
          </p>
        </Confirm>
      )}
    </>
  );
}

/** What is known of the film that the draft names. */
function useFilmOf(asset: string) {
  const { platform } = useApp();
  const query = useQuery(["studio-film", asset], async (signal) => {
    if (asset === "") return null;
    try {
      const { film } = await platform.client(FilmService).getFilm({ name: `films/${idOf(asset)}` }, { signal });
      return film ?? null;
    } catch (cause) {
      if (hasReason(cause, "FILM_NOT_FOUND")) return null;
      throw cause;
    }
  });
  return query.data ?? undefined;
}

function alertText(error: MatineeError | undefined, faults: Faults): string {
  if (faults.size > 0) {
    const before = error?.reason === "TITLE_INCOMPLETE" ? "It is saved, but cannot be published yet: " : "Not saved: ";
    return `${before}${counted(faults.size, "field needs", "fields need")} another look.`;
  }
  return sentence(error?.message ?? "");
}

interface Left {
  readonly note?: string;
}

/** What the page that made the title left to be said. */
function noteOnArrival(): string {
  return (history.state as Left | null)?.note ?? "";
}

function FormSkeleton() {
  return (
    <>
      <Loading what="the title" />
      <div className={styles.form}>
        <Skeleton width="50%" height="2.6rem" />
        <Skeleton height="2.9rem" />
        <Skeleton height="7rem" />
        <Skeleton height="2.9rem" />
      </div>
    </>
  );
}
