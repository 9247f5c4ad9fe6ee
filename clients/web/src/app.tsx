/** Which address shows which page, and to whom. */

import { lazy, type ReactNode, Suspense, useEffect } from "react";
import { Redirect, Route, Switch, useLocation, useSearch } from "wouter";
import { useSession } from "./app-context.ts";
import { HomePage } from "./pages/home.tsx";
import { NotFoundPage } from "./pages/not-found.tsx";
import { SearchPage } from "./pages/search.tsx";
import { SignInPage } from "./pages/sign-in.tsx";
import { SignUpPage } from "./pages/sign-up.tsx";
import { TitlePage } from "./pages/title.tsx";
import { Shell } from "./shell/shell.tsx";

// Viewers never load the studio, and nobody loads the player before the first film.
const WatchPage = lazy(() => import("./player/watch.tsx").then(({ WatchPage }) => ({ default: WatchPage })));
const StudioPage = lazy(() => import("./studio/studio.tsx").then(({ StudioPage }) => ({ default: StudioPage })));
const StudioTitlePage = lazy(() =>
  import("./studio/title-form.tsx").then(({ StudioTitlePage }) => ({ default: StudioTitlePage })),
);

export function AppRoutes() {
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
            <Suspense fallback={<Dark />}>
              <WatchPage key={id} name={`titles/${id}`} />
            </Suspense>
          </SignedIn>
        )}
      </Route>
      <Route>
        <SignedIn>
          <Shell>
            <Suspense fallback={null}>
              <Switch>
                <Route path="/" component={HomePage} />
                <Route path="/title/:id">{({ id }) => <TitlePage key={id} name={`titles/${id}`} />}</Route>
                <Route path="/search" component={SearchPage} />
                <Route path="/studio" component={StudioPage} />
                <Route path="/studio/title/:id">
                  {({ id }) => <StudioTitlePage key={id} name={id === "new" ? undefined : `titles/${id}`} />}
                </Route>
                <Route component={NotFoundPage} />
              </Switch>
            </Suspense>
          </Shell>
        </SignedIn>
      </Route>
    </Switch>
  );
}

function SignedIn({ children }: { readonly children: ReactNode }) {
  const session = useSession();
  const [path] = useLocation();
  const search = useSearch();
  useEffect(() => {
    scrollTo(0, 0);
    // The new page's address is all that tells that it is another page.
    void path;
  }, [path]);
  if (session !== undefined) return children;
  const next = `${path}${search === "" ? "" : `?${search}`}`;
  return <Redirect to={next === "/" ? "/sign-in" : `/sign-in?next=${encodeURIComponent(next)}`} replace />;
}

function SignedOut({ children }: { readonly children: ReactNode }) {
  const session = useSession();
  const next = new URLSearchParams(useSearch()).get("next") ?? "/";
  // Only addresses of our own: "//elsewhere" would leave the site.
  const target = /^\/(?!\/)/.test(next) ? next : "/";
  return session === undefined ? children : <Redirect to={target} replace />;
}

function Dark() {
  return <div style={{ position: "fixed", inset: 0, background: "#000" }} />;
}
