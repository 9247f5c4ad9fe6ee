/** The other pages of the documentation: where to begin, a service, a type, the errors. */

import { Link } from "wouter";
import { useApp } from "../app-context.ts";
import styles from "./docs.module.css";
import { curlOf } from "./example.ts";
import { ERRORS_HREF, isForClients, methodHref, reasonsOf, reasonsOfEveryMethod, typeHref, usesOf } from "./lookup.ts";
import { Code, Fields, Prose, Reasons, Tag, TypeName, Words } from "./parts.tsx";
import type { ApiReference, ReasonDoc, ServiceDoc, TypeDoc } from "./reference.ts";

export function OverviewPage({ reference }: { readonly reference: ApiReference }) {
  const { origin } = useApp().platform;
  const example = {
    origin,
    isStream: false,
    path: "matinee.profile.v1.ProfileService/SignIn",
    body: '{"email":"you@example.com","password":"your password"}',
    needsToken: false,
  };
  return (
    <>
      <h1>The API of Matinee</h1>
      <p className={styles.lead}>
        Everything that the apps do is done with these methods. Each answers Connect, gRPC and gRPC-Web at the same
        address; the simplest way is JSON over POST.
      </p>
      <h2>Begin</h2>
      <p className={styles.prose}>
        Sign in, and send the answer's <code>tokens.accessToken</code> as a bearer token with every other call. It lives
        for minutes; <code>RefreshSession</code> gets the next one.
      </p>
      <Code label="Sign in" text={curlOf(example)} />
      <Code
        label="Search"
        text={curlOf({
          ...example,
          path: "matinee.catalog.v1.CatalogService/SearchTitles",
          body: '{"query":"night train"}',
          needsToken: true,
        })}
      />
      <h2>What holds everywhere</h2>
      <ul className={styles.list}>
        <li>
          JSON is proto3's: fields in lowerCamelCase, 64-bit integers as strings, bytes in base64, times as RFC 3339,
          durations as <code>"12.5s"</code>. Ignore fields that you do not know, and survive enum values that you do
          not.
        </li>
        <li>
          A resource's name is <code>collection/{"{uuid}"}</code>, such as <code>titles/0198…</code>; ids are opaque.
        </li>
        <li>
          Pages: <code>pageSize</code> 0 is the default; send <code>nextPageToken</code> back as <code>pageToken</code>.
          An empty one is the end, a short page is not.
        </li>
        <li>
          What makes something takes a <code>requestId</code>, a UUID of yours: the same one again makes nothing twice.
        </li>
        <li>
          What people edit has an <code>etag</code>: send back the one you saw, and nobody's change is lost.
        </li>
        <li>
          Errors carry a <Link href={ERRORS_HREF}>reason</Link>: switch on it, show the message, parse neither.
        </li>
      </ul>
      <h2>Services</h2>
      <ServiceList services={reference.services.filter(isForClients)} />
      <h2>Between modules</h2>
      <p className={styles.prose}>Not reachable from outside; here for those who run or extend the platform.</p>
      <ServiceList services={reference.services.filter((service) => !isForClients(service))} />
    </>
  );
}

function ServiceList({ services }: { readonly services: readonly ServiceDoc[] }) {
  return (
    <dl className={styles.fields}>
      {services.map((service) => (
        <div key={service.typeName}>
          <dt>
            <Link href={typeHref(service.typeName)}>{service.name}</Link>
            <span className={styles.type}>{service.methods.length} methods</span>
          </dt>
          <dd>
            <Prose text={service.comment} />
          </dd>
        </div>
      ))}
    </dl>
  );
}

export function ServicePage({
  reference,
  service,
}: {
  readonly reference: ApiReference;
  readonly service: ServiceDoc;
}) {
  const reasons = reasonsOf(reference, service);
  return (
    <>
      <p className={styles.above}>{service.typeName}</p>
      <h1>{service.name}</h1>
      <Prose text={service.comment} />
      <h2>Methods</h2>
      <dl className={styles.fields}>
        {service.methods.map((method) => (
          <div key={method.name}>
            <dt>
              <Link href={methodHref(service, method)}>{method.name}</Link>
              {method.kind !== "unary" && <Tag>stream</Tag>}
              {!method.isEdge && <Tag>between modules</Tag>}
            </dt>
            <dd>
              <Prose text={method.comment} />
            </dd>
          </div>
        ))}
      </dl>
      {reasons.length > 0 && (
        <>
          <h2>Errors</h2>
          <Reasons reasons={reasons} />
        </>
      )}
    </>
  );
}

export function TypePage({
  reference,
  typeName,
  type,
}: {
  readonly reference: ApiReference;
  readonly typeName: string;
  readonly type: TypeDoc;
}) {
  const { methods, messages } = usesOf(reference, typeName);
  return (
    <>
      <p className={styles.above}>{typeName}</p>
      <h1>{type.name}</h1>
      <Prose text={type.comment} />
      {type.kind === "enum" ? (
        <>
          <h2>Values</h2>
          <dl className={styles.fields}>
            {type.values.map(({ name, comment }) => (
              <div key={name}>
                <dt>
                  <code>{name}</code>
                </dt>
                <dd>
                  <Prose text={comment} />
                </dd>
              </div>
            ))}
          </dl>
        </>
      ) : (
        <>
          <h2>Fields</h2>
          {type.rules.length > 0 && (
            <p className={styles.rules}>
              <Words text={type.rules.join("; ")} />
            </p>
          )}
          <Fields reference={reference} fields={type.fields} />
        </>
      )}
      {methods.length + messages.length > 0 && (
        <>
          <h2>Used by</h2>
          <ul className={styles.list}>
            {methods.map(({ service, method }) => (
              <li key={`${service.typeName}.${method.name}`}>
                <Link href={methodHref(service, method)}>{method.name}</Link>
              </li>
            ))}
            {messages.map((name) => (
              <li key={name}>
                <TypeName reference={reference} name={name} />
              </li>
            ))}
          </ul>
        </>
      )}
    </>
  );
}

export function ErrorsPage({ reference }: { readonly reference: ApiReference }) {
  const every = reasonsOfEveryMethod(reference);
  const modules = [...new Set(reference.services.map(({ module }) => module))];
  const ofModules = modules.map((module) => ({
    module,
    reasons: reference.reasons.filter(({ folder }) => folder === `services/${module}`),
  }));
  const shown = new Set([...every, ...ofModules.flatMap(({ reasons }) => reasons)]);
  const rest = reference.reasons.filter((reason) => !shown.has(reason));
  return (
    <>
      <h1>Errors</h1>
      <p className={styles.lead}>
        An error has a code of gRPC's and one <code>google.rpc.ErrorInfo</code> with a reason, unique in the whole
        system, and the domain <code>module.matinee</code>. Fields at fault come as <code>google.rpc.BadRequest</code>,
        a pause before trying again as <code>google.rpc.RetryInfo</code>. In JSON they are the <code>details</code>,
        readable under <code>debug</code>. In messages below, … stands for what differs.
      </p>
      <h2>Any method</h2>
      <Reasons reasons={every} />
      {ofModules
        .filter(({ reasons }) => reasons.length > 0)
        .map(({ module, reasons }) => (
          <section key={module}>
            <h2>{capital(module)}</h2>
            <Reasons reasons={reasons} />
          </section>
        ))}
      <h2>From beneath</h2>
      <p className={styles.prose}>
        Of uploads' and films' bytes, of stores and of the platform's own running: seen in answers of raw HTTP routes,
        as a film's failure, or in logs.
      </p>
      <Reasons reasons={rest} />
    </>
  );
}

export function ReasonPage({ reason: { reason, code, comment, message, folder } }: { readonly reason: ReasonDoc }) {
  const [top, module = ""] = folder.split("/");
  return (
    <>
      <p className={styles.above}>
        <Link href={ERRORS_HREF}>Errors</Link>
      </p>
      <h1 className={styles.reason}>{reason}</h1>
      {message !== "" && <p className={styles.lead}>{message}</p>}
      <Prose text={comment} />
      <dl className={styles.facts}>
        {code !== "" && (
          <div>
            <dt>Code</dt>
            <dd>{code}</dd>
          </div>
        )}
        <div>
          <dt>From</dt>
          <dd>
            {top === "services" ? `the module ${module}` : `what stands before or beneath the modules (${module})`}
          </dd>
        </div>
      </dl>
    </>
  );
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
