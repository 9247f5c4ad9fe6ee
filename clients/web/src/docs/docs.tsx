/** The documentation of the API, for everybody: signed in or not. */

import { reference } from "virtual:api-reference";
import { useEffect, useId, useState } from "react";
import { Link, useLocation } from "wouter";
import { useSession } from "../app-context.ts";
import { signInHref } from "../next.ts";
import { Boundary } from "../ui/boundary.tsx";
import { LinkButton } from "../ui/button.tsx";
import { Field } from "../ui/field.tsx";
import { Logo } from "../ui/logo.tsx";
import { Notice } from "../ui/notice.tsx";
import { useTitle } from "../use-title.ts";
import styles from "./docs.module.css";
import { ERRORS_HREF, isForClients, methodHref, type Place, placeAt, search, typeHref } from "./lookup.ts";
import { MethodPage } from "./method.tsx";
import { ErrorsPage, OverviewPage, ReasonPage, ServicePage, TypePage } from "./pages.tsx";
import type { ServiceDoc } from "./reference.ts";

export function DocsPage() {
  const [path] = useLocation();
  const who = useSession();
  const place = placeAt(reference, path);
  useTitle(`${nameOf(place)} · API`);
  return (
    <>
      <a className="skip" href="#main">
        Skip to the page
      </a>
      <header className={styles.header}>
        <Link href="/" aria-label="Matinee, home">
          <Logo />
        </Link>
        <Link href="/docs" aria-current={place?.kind === "overview" ? "page" : undefined}>
          API
        </Link>
        <span className={styles.who}>
          {who === undefined ? <Link href={signInHref(path)}>Sign in</Link> : who.email}
        </span>
      </header>
      <div className={styles.layout}>
        <Contents path={path} place={place} />
        <main id="main" tabIndex={-1} className={styles.main}>
          <Boundary key={path}>
            <PageAt place={place} />
          </Boundary>
        </main>
      </div>
    </>
  );
}

function PageAt({ place }: { readonly place: Place | undefined }) {
  switch (place?.kind) {
    case "overview":
      return <OverviewPage reference={reference} />;
    case "service":
      return <ServicePage reference={reference} service={place.service} />;
    case "method":
      return <MethodPage reference={reference} service={place.service} method={place.method} />;
    case "type":
      return <TypePage reference={reference} typeName={place.typeName} type={place.type} />;
    case "errors":
      return <ErrorsPage reference={reference} />;
    case "reason":
      return <ReasonPage reason={place.reason} />;
    case undefined:
      return (
        <Notice level={1} icon="search" title="The contracts have nothing of this name">
          <LinkButton href="/docs" kind="primary">
            See what there is
          </LinkButton>
        </Notice>
      );
  }
}

function nameOf(place: Place | undefined): string {
  switch (place?.kind) {
    case "service":
      return place.service.name;
    case "method":
      return place.method.name;
    case "type":
      return place.type.name;
    case "errors":
      return "Errors";
    case "reason":
      return place.reason.reason;
    default:
      return "Documentation";
  }
}

/** The way to every page: a search, and the services with the methods of the one that is read. */
function Contents({ path, place }: { readonly path: string; readonly place: Place | undefined }) {
  const [text, setText] = useState("");
  const [isOpen, setOpen] = useState(false);
  const list = useId();
  const hits = search(reference, text);
  // biome-ignore lint/correctness/useExhaustiveDependencies: on a narrow screen the contents give way to what was chosen
  useEffect(() => setOpen(false), [path]);
  const groups = [
    { heading: "For clients", services: reference.services.filter(isForClients) },
    { heading: "Between modules", services: reference.services.filter((service) => !isForClients(service)) },
  ];
  return (
    <aside className={styles.contents} data-open={isOpen}>
      <button type="button" aria-expanded={isOpen} aria-controls={list} onClick={() => setOpen(!isOpen)}>
        Contents
      </button>
      <nav id={list} aria-label="Contents">
        <search>
          <Field
            label="Search"
            type="search"
            value={text}
            placeholder="A method, a field, a reason"
            onChange={({ target }) => setText(target.value)}
            data-testid="docs-search"
          />
        </search>
        {text.trim() === "" ? (
          <>
            {groups.map(({ heading, services }) => (
              <section key={heading} aria-label={heading}>
                <h2>{heading}</h2>
                <ul>
                  {services.map((service) => (
                    <ServiceItem key={service.typeName} service={service} path={path} place={place} />
                  ))}
                </ul>
              </section>
            ))}
            <Link href={ERRORS_HREF} aria-current={path === ERRORS_HREF ? "page" : undefined}>
              Errors
            </Link>
          </>
        ) : (
          <>
            <p role="status" className={styles.quiet}>
              {hits.length === 0 ? "Nothing of this name." : ""}
            </p>
            <ul data-testid="docs-hits">
              {hits.map(({ href, name, what }) => (
                <li key={`${href} ${name}`}>
                  <Link href={href}>
                    {name}
                    <small>{what}</small>
                  </Link>
                </li>
              ))}
            </ul>
          </>
        )}
      </nav>
    </aside>
  );
}

function ServiceItem({
  service,
  path,
  place,
}: {
  readonly service: ServiceDoc;
  readonly path: string;
  readonly place: Place | undefined;
}) {
  const isShown = (place?.kind === "service" || place?.kind === "method") && place.service === service;
  const href = typeHref(service.typeName);
  return (
    <li>
      <Link href={href} aria-current={path === href ? "page" : undefined}>
        {service.name}
      </Link>
      {isShown && (
        <ul>
          {service.methods.map((method) => {
            const to = methodHref(service, method);
            return (
              <li key={method.name}>
                <Link href={to} aria-current={path === to ? "page" : undefined}>
                  {method.name}
                </Link>
              </li>
            );
          })}
        </ul>
      )}
    </li>
  );
}
