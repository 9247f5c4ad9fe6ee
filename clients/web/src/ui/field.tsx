/** A labelled input with its hint and its fault. */

import type { MatineeError } from "@matinee/sdk/errors";
import { type InputHTMLAttributes, type RefObject, type TextareaHTMLAttributes, useEffect, useId } from "react";
import styles from "./field.module.css";

interface Labels {
  readonly label: string;
  readonly hint?: string | undefined;
  readonly fault?: string | undefined;
}

/** After a refusal: to the first field at fault, else to what says what went wrong. */
export function useFaultFocus(form: RefObject<HTMLElement | null>, error: MatineeError | undefined): void {
  useEffect(() => {
    if (error === undefined) return;
    const field = form.current?.querySelector<HTMLElement>("[aria-invalid=true]");
    (field ?? form.current?.querySelector<HTMLElement>("[data-form-fault]"))?.focus();
  }, [form, error]);
}

type InputProps = Labels & Omit<InputHTMLAttributes<HTMLInputElement>, "className" | "id">;
type AreaProps = Labels & Omit<TextareaHTMLAttributes<HTMLTextAreaElement>, "className" | "id">;

export function Field({ label, hint, fault, ...input }: InputProps) {
  const id = useId();
  const note = fault ?? hint;
  return (
    <div className={styles.field}>
      <label htmlFor={id}>{label}</label>
      <input
        {...input}
        id={id}
        className={styles.input}
        aria-invalid={fault !== undefined}
        aria-describedby={note === undefined ? undefined : `${id}-note`}
      />
      {note !== undefined && (
        <p id={`${id}-note`} className={fault === undefined ? styles.hint : styles.fault}>
          {note}
        </p>
      )}
    </div>
  );
}

export function TextArea({ label, hint, fault, ...area }: AreaProps) {
  const id = useId();
  const note = fault ?? hint;
  return (
    <div className={styles.field}>
      <label htmlFor={id}>{label}</label>
      <textarea
        rows={4}
        {...area}
        id={id}
        className={styles.input}
        aria-invalid={fault !== undefined}
        aria-describedby={note === undefined ? undefined : `${id}-note`}
      />
      {note !== undefined && (
        <p id={`${id}-note`} className={fault === undefined ? styles.hint : styles.fault}>
          {note}
        </p>
      )}
    </div>
  );
}
