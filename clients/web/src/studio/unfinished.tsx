/** An upload that waits for its file: left by an earlier visit, or by another browser. */

import { useId, useState } from "react";
import { useApp } from "../app-context.ts";
import { Button } from "../ui/button.tsx";
import { byteSize } from "../words.ts";
import { FILM_TYPES } from "./drop-zone.tsx";
import styles from "./studio.module.css";
import { queueOf, type UnfinishedUpload } from "./upload-queue.ts";

/** The button alone; what it says stands in `UnfinishedNote`. */
export function GoOnButton({
  upload,
  onWrongFile,
}: {
  readonly upload: UnfinishedUpload;
  readonly onWrongFile: (said: string) => void;
}) {
  const queue = queueOf(useApp());
  const id = useId();
  const [isBusy, setBusy] = useState(false);
  const take = async (file: File | undefined) => {
    if (file === undefined) return;
    setBusy(true);
    const isIt = await queue.goOn(upload, file).finally(() => setBusy(false));
    onWrongFile(
      isIt
        ? ""
        : `That is “${file.name}” with ${byteSize(file.size)}. This upload is of “${upload.fileName}” with ${byteSize(upload.sizeBytes)}.`,
    );
  };
  return (
    <>
      <Button icon="upload" disabled={isBusy} onClick={() => document.getElementById(id)?.click()}>
        Choose it again
      </Button>
      <input
        id={id}
        type="file"
        className="visually-hidden"
        tabIndex={-1}
        aria-label={`The file ${upload.fileName}`}
        accept={FILM_TYPES}
        onChange={(event) => {
          void take(event.target.files?.[0]);
          // The same file may be chosen once more.
          event.target.value = "";
        }}
      />
    </>
  );
}

export function UnfinishedNote({ upload, expires }: { readonly upload: UnfinishedUpload; readonly expires: string }) {
  return (
    <p className={styles.facts} data-testid="interrupted-upload">
      <span>
        {upload.fileName} did not arrive whole. Choose the same file, or drop it above, and the upload goes on where it
        stopped{expires === "" ? "" : `, until ${expires}`}.
      </span>
    </p>
  );
}
