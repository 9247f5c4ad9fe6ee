/** Making an account. */

import { Code } from "@connectrpc/connect";
import { newRequestId } from "@matinee/sdk/clock";
import { MatineeError, toMatineeError } from "@matinee/sdk/errors";
import { type FormEvent, useRef, useState } from "react";
import { Link, useSearch } from "wouter";
import { useApp } from "../app-context.ts";
import { Button } from "../ui/button.tsx";
import { Field, useFaultFocus } from "../ui/field.tsx";
import { FormFault, sentence } from "../ui/notice.tsx";
import { useTitle } from "../use-title.ts";
import styles from "./door.module.css";
import { Door } from "./door.tsx";

const MIN_PASSWORD = 12;
/** Browsers take "a@b" as well, where no letter arrives. */
const ADDRESS = /^[^\s@]+@[^\s@]+\.[^\s@.]{2,}$/;

export function SignUpPage() {
  useTitle("Make an account");
  const { session } = useApp();
  const search = useSearch();
  const [error, setError] = useState<MatineeError>();
  const [busy, setBusy] = useState(false);
  const form = useRef<HTMLFormElement>(null);
  useFaultFocus(form, error);
  const requestId = useRef(newRequestId());

  const submit = async (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    if (busy) return;
    const typed = new FormData(event.currentTarget);
    const email = String(typed.get("email")).trim();
    if (!ADDRESS.test(email)) return setError(incompleteAddress());
    setBusy(true);
    setError(undefined);
    try {
      await session.signUp({
        email,
        password: String(typed.get("password")),
        displayName: String(typed.get("name")).trim(),
        language: navigator.language,
        requestId: requestId.current,
      });
    } catch (cause) {
      // What was refused may be sent again in other words.
      requestId.current = newRequestId();
      setError(toMatineeError(cause));
      setBusy(false);
    }
  };
  const faultOf = (field: string) => {
    const fault = error?.fields.find((entry) => entry.field === field);
    return fault === undefined ? undefined : sentence(fault.description);
  };

  return (
    <Door title="Make an account">
      <form ref={form} className={styles.form} onSubmit={(event) => void submit(event)} data-testid="sign-up-form">
        <FormFault error={error !== undefined && error.fields.length === 0 ? error : undefined} />
        <Field
          label="Your name"
          name="name"
          autoComplete="nickname"
          required
          autoFocus
          maxLength={50}
          fault={faultOf("display_name")}
        />
        <Field
          label="Email"
          name="email"
          type="email"
          autoComplete="username"
          required
          maxLength={254}
          fault={faultOf("email")}
        />
        <Field
          label="Password"
          name="password"
          type="password"
          autoComplete="new-password"
          required
          minLength={MIN_PASSWORD}
          maxLength={128}
          hint={`At least ${MIN_PASSWORD} characters; a few words do well`}
          fault={faultOf("password")}
        />
        <Button kind="primary" type="submit" isBusy={busy}>
          {busy ? "One moment" : "Start watching"}
        </Button>
      </form>
      <p className={styles.other}>
        Have one already? <Link href={search === "" ? "/sign-in" : `/sign-in?${search}`}>Sign in</Link>
      </p>
    </Door>
  );
}

function incompleteAddress(): MatineeError {
  const description = "This is no complete email address, such as name@example.org";
  const fields = [{ field: "email", description }];
  // 3: invalid argument.
  return new MatineeError({ code: Code.InvalidArgument, reason: "EMAIL_INCOMPLETE", message: description, fields });
}
