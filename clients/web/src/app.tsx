/** Which address shows which page, and to whom. */

import type { ReactNode } from "react";
import { Redirect, Route, Switch, useLocation, useSearch } from "wouter";
import { useSession } from "./app-context.ts";
import { LazyPage, pageCode } from "./lazy-page.tsx";
import { hrefAfter, signInHref } from "./next.ts";
import { GenrePage } from "./pages/genre.tsx";
import { HomePage } from "./pages/home.tsx";
import { HistoryPage, MyListPage } from "./pages/lists.tsx";
import { NotForViewersPage } from "./pages/not-for-viewers.tsx";
import { NotFoundPage } from "./pages/not-found.tsx";
import { SearchPage } from "./pages/search.tsx";
import { SignInPage } from "./pages/sign-in.tsx";
import { SignUpPage } from "./pages/sign-up.tsx";
import { TitlePage } from "./pages/title.tsx";
import { useMissingPlayer, watchPage } from "./player/code.ts";
import { Shell } from "./shell/shell.tsx";
import { useArrival } from "./use-arrival.ts";

// Viewers never load the studio, and nobody loads the player before the first film.
const studioPage = pageCode(() => import("./studio/studio.tsx").then(({ StudioPage }) => StudioPage));
const studioTitlePage = pageCode(() =>
  import("./studio/title-form.tsx").then(({ StudioTitlePage }) => StudioTitlePage),
);

// For those who write programs, signed in or not.
const docsPage = pageCode(() => import("./docs/docs.tsx").then(({ DocsPage }) => DocsPage));

function Watch({ name }: { readonly name: string }) {
  const onMissing = useMissingPlayer(name);
  return <LazyPage code={watchPage} props={{ name }} waiting={<Dark />} onMissing={onMissing} />;
}

export function AppRoutes() {
  const [path] = useLocation();
  useArrival(path);
  return (
    <Switch>
      <Route path="/sign-in">
        <SignedOut>
          <SignInPage />
        </SignedOut>
      </Route>
      <Route path="/sign-up">
        <SignedOut>
          <SignUpPage />
        </SignedOut>
      </Route>
      <Route path="/watch/:id">
        {({ id }) => (
          <SignedIn>
            <Watch key={id} name={`titles/${id}`} />
          </SignedIn>
        )}
      </Route>
      <Route path="/docs/*?">
        <LazyPage code={docsPage} props={{}} />
      </Route>
      <Route>
        <SignedIn>
          <Shell>
            <Switch>
              <Route path="/" component={HomePage} />
              <Route path="/title/:id">{({ id }) => <TitlePage key={id} name={`titles/${id}`} />}</Route>
              <Route path="/search" component={SearchPage} />
              <Route path="/genre/:genre">{({ genre }) => <GenrePage key={genre} genre={decoded(genre)} />}</Route>
              <Route path="/list" component={MyListPage} />
              <Route path="/history" component={HistoryPage} />
              <Route path="/studio">
                <ForStudio>
                  <LazyPage code={studioPage} props={{}} />
                </ForStudio>
              </Route>
              <Route path="/studio/title/:id">
                {({ id }) => (
                  <ForStudio>
                    <LazyPage
                      key={id}
                      code={studioTitlePage}
                      props={{ name: id === "new" ? undefined : `titles/${id}` }}
                    />
                  </ForStudio>
                )}
              </Route>
              <Route component={NotFoundPage} />
            </Switch>
          </Shell>
        </SignedIn>
      </Route>
    </Switch>
  );
}

/** As the address has it where it is no encoding at all. */
function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

function SignedIn({ children }: { readonly children: ReactNode }) {
  const session = useSession();
  const [path] = useLocation();
  const search = useSearch();
  if (session !== undefined) return children;
  return <Redirect to={signInHref(path, search)} replace />;
}

/** A viewer is shown none of the studio, by whatever address it came, and loads none of its code. */
function ForStudio({ children }: { readonly children: ReactNode }) {
  const session = useSession();
  return session?.isOperator === true ? children : <NotForViewersPage />;
}

function SignedOut({ children }: { readonly children: ReactNode }) {
  const session = useSession();
  const search = useSearch();
  return session === undefined ? children : <Redirect to={hrefAfter(search)} replace />;
}

function Dark() {
  return <div style={{ position: "fixed", inset: 0, background: "#000" }} />;
}
