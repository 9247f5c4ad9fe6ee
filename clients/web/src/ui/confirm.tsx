/** Asks before something is lost: a modal dialog in which doing nothing is the first answer. */

import { type ReactNode, useEffect, useId, useRef } from "react";
import { Button } from "./button.tsx";
import styles from "./confirm.module.css";

export function Confirm({
  question,
  yes,
  no = "Cancel",
  onYes,
  onNo,
  children,
}: {
  readonly question: string;
  /** What it does, as a verb. */
  readonly yes: string;
  readonly no?: string;
  readonly onYes: () => void;
  readonly onNo: () => void;
  readonly children?: ReactNode;
}) {
  const dialog = useRef<HTMLDialogElement>(null);
  const id = useId();
  useEffect(() => {
    const shown = dialog.current;
    shown?.showModal();
    // The browser gives the focus back to whoever opened it.
    return () => shown?.close();
  }, []);
  const answer = (then: () => void) => {
    dialog.current?.close();
    then();
  };
  return (
    <dialog
      ref={dialog}
      className={styles.dialog}
      aria-labelledby={`${id}-question`}
      aria-describedby={`${id}-more`}
      data-testid="confirm"
      onCancel={(event) => {
        event.preventDefault();
        answer(onNo);
      }}
    >
      <h2 id={`${id}-question`} dir="auto">
        {question}
      </h2>
      <div id={`${id}-more`} className={styles.more}>
        {children}
      </div>
      <div className={styles.answers}>
        <Button autoFocus onClick={() => answer(onNo)} data-testid="confirm-no">
          {no}
        </Button>
        <Button kind="danger" onClick={() => answer(onYes)} data-testid="confirm-yes">
          {yes}
        </Button>
      </div>
    </dialog>
  );
}
