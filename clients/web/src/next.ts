/** The address that signing in leads to: the one that wanted it. */

export function signInHref(path: string, search = ""): string {
  const next = search === "" ? path : `${path}?${search}`;
  return next === "/" ? "/sign-in" : `/sign-in?next=${encodeURIComponent(next)}`;
}

/** `search` is the query of the sign-in page. Only addresses of our own: whatever else stands there leads home. */
export function hrefAfter(search: string): string {
  const next = new URLSearchParams(search).get("next") ?? "/";
  const here = "http://localhost";
  try {
    // As the browser reads it: "//elsewhere" and "/\\elsewhere" leave the site as "https://elsewhere" does.
    const url = new URL(next, here);
    return next.startsWith("/") && url.origin === here ? `${url.pathname}${url.search}${url.hash}` : "/";
  } catch {
    return "/";
  }
}
