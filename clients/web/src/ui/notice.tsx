/** What to say where there is nothing to show: a failure with a way on, or a place that is empty. */

import type { MatineeError } from "@matinee/sdk/errors";
import type { ReactNode } from "react";
import { Button } from "./button.tsx";
import { Icon, type IconName } from "./icon.tsx";
import styles from "./notice.module.css";

export function Notice({
  icon = "film",
  title,
  level = 2,
  children,
}: {
  readonly icon?: IconName;
  readonly title: string;
  /** 1 where it is all that the page says. */
  readonly level?: 1 | 2;
  readonly children?: ReactNode;
}) {
  const Heading = level === 1 ? "h1" : "h2";
  return (
    <div className={styles.notice}>
      <Icon name={icon} />
      <Heading>{title}</Heading>
      {children}
    </div>
  );
}

export function Failure({ error, onRetry }: { readonly error: MatineeError; readonly onRetry?: () => void }) {
  const offline = error.reason === "UNREACHABLE";
  return (
    <div role="alert">
      <Notice icon="warning" title={offline ? "No connection" : "That did not work"}>
        <p>{sentence(error.message)}</p>
        <p className={styles.reason}>{error.reason}</p>
        {onRetry !== undefined && (
          <Button icon="retry" onClick={onRetry}>
            Try again
          </Button>
        )}
      </Notice>
    </div>
  );
}

/** One line above a form. */
export function FormFault({ error }: { readonly error: MatineeError | undefined }) {
  return (
    <div role="alert" className={styles.live}>
      {error !== undefined && (
        <p className={styles.formFault} tabIndex={-1} data-form-fault>
          {sentence(withoutFields(error))}
        </p>
      )}
    </div>
  );
}

/** The fields say beside themselves what the message repeats in brackets. */
function withoutFields({ message, fields }: MatineeError): string {
  return fields.length === 0 ? message : message.replace(/ \([^()]*\)$/, "");
}

/** The service writes some messages as a part of a sentence. */
export function sentence(text: string): string {
  const first = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.!?…]$/.test(first) ? first : `${first}.`;
}
