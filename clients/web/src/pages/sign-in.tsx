/** Signing in. */

import { type MatineeError, toMatineeError } from "@matinee/sdk/errors";
import { type FormEvent, useRef, useState } from "react";
import { Link, useSearch } from "wouter";
import { useApp } from "../app-context.ts";
import { Button } from "../ui/button.tsx";
import { Field, useFaultFocus } from "../ui/field.tsx";
import { FormFault } from "../ui/notice.tsx";
import { useTitle } from "../use-title.ts";
import styles from "./door.module.css";
import { Door } from "./door.tsx";

export function SignInPage() {
  useTitle("Sign in");
  const { session } = useApp();
  const search = useSearch();
  const [error, setError] = useState<MatineeError>();
  const [busy, setBusy] = useState(false);
  const form = useRef<HTMLFormElement>(null);
  useFaultFocus(form, error);

  const submit = async (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    if (busy) return;
    const typed = new FormData(event.currentTarget);
    setBusy(true);
    setError(undefined);
    try {
      await session.signIn(String(typed.get("email")).trim(), String(typed.get("password")));
    } catch (cause) {
      setError(toMatineeError(cause));
      setBusy(false);
    }
  };

  return (
    <Door title="Sign in">
      <form ref={form} className={styles.form} onSubmit={(event) => void submit(event)} data-testid="sign-in-form">
        <FormFault error={error} />
        <Field label="Email" name="email" type="email" autoComplete="username" required autoFocus maxLength={254} />
        <Field
          label="Password"
          name="password"
          type="password"
          autoComplete="current-password"
          required
          maxLength={128}
        />
        <Button kind="primary" type="submit" isBusy={busy}>
          {busy ? "Signing in" : "Sign in"}
        </Button>
      </form>
      <p className={styles.other}>
        New here? <Link href={search === "" ? "/sign-up" : `/sign-up?${search}`}>Make an account</Link>
      </p>
    </Door>
  );
}
