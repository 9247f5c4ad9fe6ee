/** A form that calls the method for real, as whoever is signed in, and the same call for a shell. */

import { isCanceled, type MatineeError, toMatineeError } from "@matinee/sdk/errors";
import { type FormEvent, useEffect, useMemo, useState } from "react";
import { Link } from "wouter";
import { useApp, useSession } from "../app-context.ts";
import { signInHref } from "../next.ts";
import { Button } from "../ui/button.tsx";
import { Field, TextArea } from "../ui/field.tsx";
import { FormFault } from "../ui/notice.tsx";
import { counted } from "../words.ts";
import { type Answer, call } from "./call.ts";
import styles from "./docs.module.css";
import { curlOf, exampleOf } from "./example.ts";
import { methodHref, reasonHref } from "./lookup.ts";
import { Code } from "./parts.tsx";
import type { ApiReference, MethodDoc, ServiceDoc } from "./reference.ts";

/** A stream may go on for ever. */
const MAX_SHOWN = 50;

export function TryIt({
  reference,
  service,
  method,
}: {
  readonly reference: ApiReference;
  readonly service: ServiceDoc;
  readonly method: MethodDoc;
}) {
  const { platform, session } = useApp();
  const who = useSession();
  const example = useMemo(
    () =>
      JSON.stringify(
        exampleOf(reference, method.input, () => crypto.randomUUID()),
        null,
        2,
      ),
    [reference, method],
  );
  const [body, setBody] = useState(example);
  const [playToken, setPlayToken] = useState("");
  const [answers, setAnswers] = useState<readonly Answer[]>([]);
  const [tookMs, setTookMs] = useState<number>();
  const [error, setError] = useState<MatineeError>();
  const [running, setRunning] = useState<AbortController>();
  const isOpen = method.principals.includes("ANYONE");
  const wantsPlayToken = method.principals.includes("PLAY_SESSION");
  const path = `${service.typeName}/${method.name}`;
  const fault = faultOf(body);
  useEffect(() => () => running?.abort(), [running]);

  const send = async (event: FormEvent) => {
    event.preventDefault();
    if (running !== undefined || fault !== undefined) return;
    const stop = new AbortController();
    const beganMs = performance.now();
    setRunning(stop);
    setAnswers([]);
    setError(undefined);
    setTookMs(undefined);
    try {
      const token = playToken.trim() === "" ? await session.accessToken() : playToken.trim();
      const coming = call({ url: platform.url(`/${path}`), kind: method.kind, body, token, signal: stop.signal });
      for await (const answer of coming) {
        setTookMs((known) => known ?? performance.now() - beganMs);
        setAnswers((shown) => [...shown, answer].slice(-MAX_SHOWN));
      }
    } catch (cause) {
      if (!isCanceled(cause)) setError(toMatineeError(cause));
    } finally {
      setRunning(undefined);
    }
  };

  return (
    <section className={styles.try} aria-labelledby="try">
      <h2 id="try">Try it</h2>
      <p className={styles.quiet}>
        {who === undefined ? (
          <>
            A real call, made as nobody.{" "}
            {!isOpen && (
              <>
                This method wants somebody: <Link href={signInHref(methodHref(service, method))}>sign in</Link>.
              </>
            )}
          </>
        ) : (
          <>
            A real call, made as <strong>{who.email}</strong>
            {method.idempotency !== "NO_SIDE_EFFECTS" && ": what it changes is changed"}.
          </>
        )}
      </p>
      <form className={styles.form} onSubmit={(event) => void send(event)} data-testid="try-it">
        <FormFault error={error} />
        <TextArea
          label="Request"
          value={body}
          onChange={({ target }) => setBody(target.value)}
          rows={Math.min(18, body.split("\n").length + 1)}
          spellCheck={false}
          autoCapitalize="off"
          fault={fault}
        />
        {wantsPlayToken && (
          <Field
            label="Play token"
            value={playToken}
            onChange={({ target }) => setPlayToken(target.value)}
            autoComplete="off"
            spellCheck={false}
            hint="From StartPlayback's answer; empty: the token of whoever is signed in"
          />
        )}
        <div className={styles.actions}>
          <Button kind="primary" type="submit" isBusy={running !== undefined}>
            {running === undefined ? "Send" : "Sending"}
          </Button>
          {running !== undefined && <Button onClick={() => running.abort()}>Stop</Button>}
          <Button kind="quiet" onClick={() => setBody(example)}>
            Reset
          </Button>
        </div>
      </form>
      <section
        className={styles.result}
        aria-label="Answer"
        aria-live="polite"
        data-testid="answer"
        hidden={answers.length === 0}
      >
        <p className={styles.quiet} data-testid="answer-status">
          HTTP {answers.at(-1)?.status}, {Math.round(tookMs ?? 0)} ms
          {method.kind !== "unary" && `, ${counted(answers.length, "message")}`}
        </p>
        {answers.map(({ text, reason }, index) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: messages of a stream come in order and have no names
          <div key={index}>
            {reason !== undefined && (
              <p>
                Refused: <Link href={reasonHref(reason)}>{reason}</Link>
              </p>
            )}
            {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keys */}
            <pre tabIndex={0}>{text}</pre>
          </div>
        ))}
      </section>
      <Code
        label="With curl"
        text={curlOf({
          origin: platform.origin,
          path,
          body,
          needsToken: !isOpen,
          isStream: method.kind !== "unary",
        })}
      />
    </section>
  );
}

/** What is wrong with the text as JSON, in the browser's words. */
function faultOf(body: string): string | undefined {
  try {
    JSON.parse(body);
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
