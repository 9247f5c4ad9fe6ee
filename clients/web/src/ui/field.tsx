/** A labelled input with its hint and its fault. */

import { type InputHTMLAttributes, type TextareaHTMLAttributes, useId } from "react";
import styles from "./field.module.css";

interface Labels {
  readonly label: string;
  readonly hint?: string | undefined;
  readonly fault?: string | undefined;
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
