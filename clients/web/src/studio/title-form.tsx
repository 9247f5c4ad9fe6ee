/** The details of a title, and whether it is in the catalogue. */

import { newRequestId } from "@matinee/sdk/clock";
import { type MatineeError, toMatineeError } from "@matinee/sdk/errors";
import { CatalogService } from "@matinee/sdk/gen/matinee/catalog/v1/catalog_service_pb";
import { type Title, Title_State } from "@matinee/sdk/gen/matinee/catalog/v1/title_pb";
import { IngestionService } from "@matinee/sdk/gen/matinee/ingestion/v1/ingestion_service_pb";
import { type FormEvent, useEffect, useRef, useState } from "react";
import { useLocation, useSearch } from "wouter";
import { useApp } from "../app-context.ts";
import page from "../pages/page.module.css";
import { useQuery } from "../query.ts";
import { Button, LinkButton } from "../ui/button.tsx";
import { Field, TextArea } from "../ui/field.tsx";
import { Failure, FormFault, sentence } from "../ui/notice.tsx";
import { Loading, Skeleton } from "../ui/skeleton.tsx";
import { useTitle } from "../use-title.ts";
import { idOf, titleHref } from "../words.ts";
import { readDraft, TITLE_FIELDS, toDraft } from "./title-draft.ts";
import styles from "./title-form.module.css";
import { TitleState } from "./title-list.tsx";

/** `name` undefined makes a new title, of the asset that the address names. */
export function StudioTitlePage({ name }: { readonly name: string | undefined }) {
  const { platform } = useApp();
  const assetId = new URLSearchParams(useSearch()).get("asset");
  const asset = assetId === null ? "" : `assets/${assetId}`;
  const query = useQuery(`studio-title:${name ?? asset}`, async (signal) => {
    if (name !== undefined) {
      const { title } = await platform.client(CatalogService).getTitle({ name }, { signal });
      return { title, fileName: "" };
    }
    if (asset === "") return { title: undefined, fileName: "" };
    const answer = await platform.client(IngestionService).getAsset({ name: asset }, { signal });
    return { title: undefined, fileName: answer.asset?.fileName ?? "" };
  });
  useTitle(query.data?.title?.displayTitle ?? "New title");

  return (
    <div className={`${page.page} ${styles.page}`}>
      {query.data === undefined && query.error === undefined && <FormSkeleton />}
      {query.data === undefined && query.error !== undefined && <Failure error={query.error} onRetry={query.reload} />}
      {query.data !== undefined && (
        <TitleForm
          key={query.data.title?.etag ?? "new"}
          title={query.data.title}
          asset={asset}
          suggestion={suggestName(query.data.fileName)}
          onSaved={(title) => query.set({ title, fileName: "" })}
          onReload={query.reload}
        />
      )}
    </div>
  );
}

function TitleForm({
  title,
  asset,
  suggestion,
  onSaved,
  onReload,
}: {
  readonly title: Title | undefined;
  readonly asset: string;
  readonly suggestion: string;
  readonly onSaved: (title: Title) => void;
  readonly onReload: () => void;
}) {
  const { platform, queries } = useApp();
  const catalog = platform.client(CatalogService);
  const [, navigate] = useLocation();
  const [busy, setBusy] = useState<string>();
  const [error, setError] = useState<MatineeError>();
  const [note, setNote] = useState("");
  const form = useRef<HTMLFormElement>(null);
  const requestId = useRef(newRequestId());
  // What is stored by now: saved, perhaps, though publishing was refused after it.
  const stored = useRef(title);
  const draft = toDraft(title, suggestion);
  const isPublished = title?.state === Title_State.PUBLISHED;

  useEffect(() => {
    if (error === undefined) return;
    const fault = form.current?.querySelector<HTMLElement>("[aria-invalid=true]");
    if (fault !== null) fault?.focus();
    else form.current?.querySelector("[role=alert]")?.scrollIntoView({ block: "center" });
  }, [error]);

  const save = async (): Promise<Title | undefined> => {
    if (form.current === null || !form.current.reportValidity()) return undefined;
    const known = stored.current;
    const values = readDraft(new FormData(form.current), known);
    const answer =
      known === undefined
        ? await catalog.createTitle({ title: { ...values, asset }, requestId: requestId.current })
        : await catalog.updateTitle({
            title: { ...values, name: known.name, etag: known.etag },
            updateMask: { paths: [...TITLE_FIELDS] },
          });
    stored.current = answer.title;
    return answer.title;
  };
  const run = async (what: string, work: () => Promise<Title | undefined>) => {
    setBusy(what);
    setError(undefined);
    setNote("");
    try {
      const saved = await work();
      setBusy(undefined);
      if (saved === undefined) return;
      setNote(what === "publish" ? "Published." : what === "unpublish" ? "Out of the catalogue." : "Saved.");
      queries.clear();
      onSaved(saved);
      if (title === undefined) navigate(`/studio/title/${idOf(saved.name)}`, { replace: true });
    } catch (cause) {
      setError(toMatineeError(cause));
      setBusy(undefined);
    }
  };
  const submit = (event: FormEvent) => {
    event.preventDefault();
    void run("save", save);
  };
  const publish = () =>
    run("publish", async () => {
      const saved = await save();
      if (saved === undefined) return undefined;
      const answer = await catalog.publishTitle({ name: saved.name, etag: saved.etag });
      return answer.title;
    });
  const faultOf = (path: string) => {
    const fault = error?.fields.find((entry) => entry.field === path || entry.field.startsWith(`title.${path}`));
    return fault === undefined ? undefined : sentence(fault.description);
  };

  return (
    <>
      <div className={styles.head}>
        <h1>{title?.displayTitle ?? "New title"}</h1>
        {title !== undefined && <TitleState title={title} />}
      </div>
      <form ref={form} className={styles.form} onSubmit={submit} data-testid="title-form">
        <FormFault error={error} />
        {error?.reason === "TITLE_CHANGED" && (
          <Button icon="retry" onClick={onReload}>
            Load what it is now
          </Button>
        )}
        <Field
          label="Name"
          name="displayTitle"
          required
          maxLength={200}
          defaultValue={draft.displayTitle}
          fault={faultOf("display_title")}
        />
        <TextArea
          label="Synopsis"
          name="synopsis"
          maxLength={4000}
          defaultValue={draft.synopsis}
          hint="What it is about, in two or three sentences"
          fault={faultOf("synopsis")}
        />
        <div className={styles.columns}>
          <Field
            label="Year"
            name="releaseYear"
            type="number"
            min={1880}
            max={2200}
            defaultValue={draft.releaseYear}
            fault={faultOf("release_year")}
          />
          <Field
            label="From age"
            name="minimumAge"
            type="number"
            min={0}
            max={21}
            defaultValue={draft.minimumAge}
            fault={faultOf("minimum_age")}
          />
          <Field
            label="Original language"
            name="originalLanguage"
            maxLength={35}
            placeholder="en"
            defaultValue={draft.originalLanguage}
            fault={faultOf("original_language")}
          />
        </div>
        <Field
          label="Genres"
          name="genres"
          defaultValue={draft.genres}
          hint="Separated by commas: animation, family"
          fault={faultOf("genres")}
        />
        <TextArea
          label="People"
          name="credits"
          rows={3}
          defaultValue={draft.credits}
          hint="One a line: cast: Ada Moll as The Keeper. Or director: Jan Roth."
          fault={faultOf("credits")}
        />
        <fieldset className={styles.rights}>
          <legend>Rights</legend>
          <div className={styles.columns}>
            <Field
              label="From"
              name="startTime"
              type="datetime-local"
              defaultValue={draft.startTime}
              hint="Empty: always has been"
            />
            <Field
              label="Until"
              name="endTime"
              type="datetime-local"
              defaultValue={draft.endTime}
              hint="Empty: for ever"
              fault={faultOf("availability_windows")}
            />
            <Field
              label="Territories"
              name="territories"
              pattern="\s*([A-Za-z]{2}\s*(,\s*[A-Za-z]{2}\s*)*)?"
              title="Two-letter codes, separated by commas"
              defaultValue={draft.territories}
              hint="US, DE. Empty: everywhere"
            />
          </div>
        </fieldset>
        <div className={styles.actions}>
          {!isPublished && (
            <Button kind="primary" disabled={busy !== undefined} data-testid="publish" onClick={() => void publish()}>
              {busy === "publish" ? "Publishing" : "Save and publish"}
            </Button>
          )}
          <Button
            kind={isPublished ? "primary" : "secondary"}
            type="submit"
            disabled={busy !== undefined}
            data-testid="save-title"
          >
            {busy === "save" ? "Saving" : "Save"}
          </Button>
          {title !== undefined && isPublished && (
            <Button
              kind="danger"
              disabled={busy !== undefined}
              data-testid="unpublish"
              onClick={() =>
                void run("unpublish", async () => (await catalog.unpublishTitle({ name: title.name })).title)
              }
            >
              Unpublish
            </Button>
          )}
          {title !== undefined && <LinkButton href={titleHref(title)}>See its page</LinkButton>}
          <LinkButton href="/studio" kind="quiet">
            Back to the studio
          </LinkButton>
        </div>
        <p role="status" className={styles.note}>
          {note}
        </p>
      </form>
    </>
  );
}

/** "the_paper-boat.mp4" becomes "The paper boat". */
function suggestName(fileName: string): string {
  const words = fileName
    .replace(/\.[A-Za-z0-9]{1,5}$/, "")
    .replace(/[_.-]+/g, " ")
    .trim();
  return words.charAt(0).toUpperCase() + words.slice(1);
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
