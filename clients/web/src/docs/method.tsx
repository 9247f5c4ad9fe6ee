/** One method: who may call it, what it takes and answers, and a form that calls it. */

import type { ReactNode } from "react";
import { Link } from "wouter";
import styles from "./docs.module.css";
import { ERRORS_HREF, reasonsOf, typeHref } from "./lookup.ts";
import { Fields, Prose, Reasons, TypeName } from "./parts.tsx";
import type { ApiReference, MethodDoc, ServiceDoc } from "./reference.ts";
import { TryIt } from "./try-it.tsx";

const CALLERS: Readonly<Record<string, string>> = {
  ANYONE: "anyone",
  ACCOUNT: "whoever is signed in",
  PROFILE: "whoever is signed in with a profile",
  CREATOR: "creators",
  OPERATOR: "operators",
  PLAY_SESSION: "the holder of a play token",
  SERVICE: "other modules",
};

const REPEATING = {
  NO_SIDE_EFFECTS: "Changes nothing; it may be repeated.",
  IDEMPOTENT: "May be repeated: the same request again does nothing twice.",
  UNKNOWN: "Not to be repeated blindly: a second call is a second deed.",
};

const SHAPES = {
  unary: "One request, one answer.",
  server_streaming: "One request, then a stream of messages until either side ends it.",
  client_streaming: "A stream of messages, then one answer.",
  bidi_streaming: "A stream of messages both ways.",
};

export function MethodPage({
  reference,
  service,
  method,
}: {
  readonly reference: ApiReference;
  readonly service: ServiceDoc;
  readonly method: MethodDoc;
}) {
  const reasons = reasonsOf(reference, service);
  return (
    <>
      <p className={styles.above}>
        <Link href={typeHref(service.typeName)}>{service.name}</Link>
      </p>
      <h1>{method.name}</h1>
      <Prose text={method.comment} />
      <dl className={styles.facts}>
        <Fact name="Address">
          <code>
            POST /{service.typeName}/{method.name}
          </code>
        </Fact>
        <Fact name="Callers">
          {method.isEdge ? "" : "Between modules only: "}
          {method.principals.map((name) => CALLERS[name] ?? name.toLowerCase()).join(", ")}
          {method.permissions.length > 0 && ` (operators with ${method.permissions.join(" and ")})`}
          {method.callers.length > 0 && ` (${method.callers.join(", ")})`}
        </Fact>
        <Fact name="Shape">{SHAPES[method.kind]}</Fact>
        <Fact name="Repeating">{REPEATING[method.idempotency]}</Fact>
        {method.rateLimit !== undefined && (
          <Fact name="Rate">
            {method.rateLimit.perSecond} a second for each caller, {method.rateLimit.burst} at once
          </Fact>
        )}
      </dl>
      <Message reference={reference} heading="Request" typeName={method.input} />
      <Message reference={reference} heading="Response" typeName={method.output} />
      {method.isEdge && <TryIt reference={reference} service={service} method={method} />}
      <section>
        <h2>Errors</h2>
        <p className={styles.prose}>
          Reasons of this module, not all of which fit each method; <Link href={ERRORS_HREF}>any method</Link> may
          answer those of the frame too.
        </p>
        <Reasons reasons={reasons} />
      </section>
    </>
  );
}

function Fact({ name, children }: { readonly name: string; readonly children: ReactNode }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

function Message({
  reference,
  heading,
  typeName,
}: {
  readonly reference: ApiReference;
  readonly heading: string;
  readonly typeName: string;
}) {
  const type = reference.types[typeName];
  if (type?.kind !== "message") return null;
  return (
    <section>
      <h2>{heading}</h2>
      <p className={styles.quiet}>
        <TypeName reference={reference} name={typeName} />
      </p>
      {type.rules.length > 0 && <p className={styles.rules}>{type.rules.join("; ")}</p>}
      <Fields reference={reference} fields={type.fields} />
    </section>
  );
}
