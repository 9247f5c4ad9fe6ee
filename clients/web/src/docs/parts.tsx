/** What the pages of the documentation are made of. */

import { Fragment, type ReactNode, useState } from "react";
import { Link } from "wouter";
import { Button } from "../ui/button.tsx";
import styles from "./docs.module.css";
import { reasonHref, typeHref } from "./lookup.ts";
import type { ApiReference, FieldDoc, ReasonDoc } from "./reference.ts";

/** Comments: paragraphs with code in backticks. */
export function Prose({ text }: { readonly text: string }) {
  return text.split("\n\n").map((paragraph) => (
    <p key={paragraph} className={styles.prose}>
      <Words text={paragraph} />
    </p>
  ));
}

export function Words({ text }: { readonly text: string }) {
  // Every other part stood between backticks.
  return text.split("`").map((part, index) =>
    // biome-ignore lint/suspicious/noArrayIndexKey: the parts of a text have no other name and never move
    index % 2 === 1 ? <code key={index}>{part}</code> : <Fragment key={index}>{part}</Fragment>,
  );
}

/** The name of a type, which leads to it where it is one of the contracts'. */
export function TypeName({ reference, name }: { readonly reference: ApiReference; readonly name: string }) {
  const type = reference.types[name];
  return type === undefined ? name : <Link href={typeHref(name)}>{type.name}</Link>;
}

export function Tag({ tone, children }: { readonly tone?: "loud"; readonly children: ReactNode }) {
  return (
    <span className={styles.tag} data-tone={tone}>
      {children}
    </span>
  );
}

export function Fields({
  reference,
  fields,
}: {
  readonly reference: ApiReference;
  readonly fields: readonly FieldDoc[];
}) {
  if (fields.length === 0) return <p className={styles.quiet}>No fields.</p>;
  return (
    <dl className={styles.fields}>
      {fields.map((field) => (
        <div key={field.name}>
          <dt>
            <code>{field.name}</code>
            <span className={styles.type}>
              {field.mapKey !== undefined && `map of ${field.mapKey} to `}
              {field.isRepeated && "list of "}
              <TypeName reference={reference} name={field.type} />
            </span>
            {field.isRequired && <Tag tone="loud">required</Tag>}
            {field.isOutput && <Tag>output only</Tag>}
            {field.oneof !== undefined && <Tag>one of {field.oneof}</Tag>}
            {field.protoName !== field.name && <span className={styles.quiet}>{field.protoName}</span>}
          </dt>
          <dd>
            <Prose text={field.comment} />
            {field.rules.length > 0 && (
              <p className={styles.rules}>
                <Words text={field.rules.join("; ")} />
              </p>
            )}
          </dd>
        </div>
      ))}
    </dl>
  );
}

export function Reasons({ reasons }: { readonly reasons: readonly ReasonDoc[] }) {
  return (
    <dl className={styles.fields}>
      {reasons.map(({ reason, code, comment, message }) => (
        <div key={reason}>
          <dt>
            <Link href={reasonHref(reason)}>
              <code>{reason}</code>
            </Link>
            {code !== "" && <span className={styles.type}>{code}</span>}
          </dt>
          <dd>
            {message !== "" && <p className={styles.prose}>{message}</p>}
            {comment !== "" && (
              <p className={styles.rules}>
                <Words text={comment} />
              </p>
            )}
          </dd>
        </div>
      ))}
    </dl>
  );
}

/** Text for a machine, to be taken along. */
export function Code({ text, label }: { readonly text: string; readonly label: string }) {
  const [isCopied, setCopied] = useState(false);
  const copy = async () => {
    // Only where the page is served securely.
    await navigator.clipboard?.writeText(text).then(
      () => setCopied(true),
      () => undefined,
    );
  };
  return (
    <figure className={styles.code}>
      <figcaption>
        {label}
        <Button kind="quiet" onClick={() => void copy()} aria-label={`Copy: ${label}`}>
          {isCopied ? "Copied" : "Copy"}
        </Button>
      </figcaption>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keys */}
      <pre tabIndex={0}>{text}</pre>
    </figure>
  );
}
