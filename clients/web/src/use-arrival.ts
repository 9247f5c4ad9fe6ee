/**
 * Where the focus and the page's top are after a navigation. Forward: at what the new page says of the way here
 * (`data-arrival`), or at its heading. Back: at the film that was followed, where it stood.
 */

import { useEffect, useLayoutEffect, useRef } from "react";

/** A page that is still loading has its heading later; longer than this, people have moved on by themselves. */
const PATIENCE_MS = 10_000;
const MAX_PLACES = 50;

interface Place {
  readonly scrollY: number;
  /** The link that was followed, and which of those with its address it is. */
  readonly href: string;
  readonly index: number;
}

/** Once, around all pages. `path` is the address without its query. */
export function useArrival(path: string): void {
  const places = useRef(new Map<string, Place>());
  const isBack = useRef(false);
  const last = useRef(path);

  // Before the router begins to listen, which does so in an effect: events of the window go to listeners in their order.
  useLayoutEffect(() => {
    const followed = (event: MouseEvent) => {
      const link = event.target instanceof Element ? event.target.closest<HTMLElement>("main a[href]") : null;
      if (link === null) return;
      const { current } = places;
      current.delete(location.pathname);
      const href = link.getAttribute("href") ?? "";
      current.set(location.pathname, { scrollY, href, index: linksTo(href).indexOf(link) });
      const oldest = current.keys().next().value;
      if (current.size > MAX_PLACES && oldest !== undefined) current.delete(oldest);
    };
    const goneBack = () => {
      isBack.current = true;
    };
    document.addEventListener("click", followed, { capture: true });
    addEventListener("popstate", goneBack);
    return () => {
      document.removeEventListener("click", followed, { capture: true });
      removeEventListener("popstate", goneBack);
    };
  }, []);

  useEffect(() => {
    // Where the first page puts the focus is the browser's to say.
    if (last.current === path) return;
    last.current = path;
    const place = isBack.current ? places.current.get(path) : undefined;
    isBack.current = false;
    if (place === undefined) scrollTo(0, 0);
    // Whoever types into the search field goes on typing.
    if (document.activeElement?.matches("input, textarea") === true) return;
    const began = document.activeElement;
    const arrive = () => {
      const target =
        place === undefined
          ? (document.querySelector<HTMLElement>("main [data-arrival]") ??
            document.querySelector<HTMLElement>("main h1"))
          : linksTo(place.href)[place.index];
      if (!target) return false;
      if (place === undefined) target.tabIndex = -1;
      else scrollTo({ top: place.scrollY, behavior: "instant" });
      target.focus({ preventScroll: true });
      return true;
    };
    if (arrive()) return;
    const watch = new MutationObserver(() => {
      const { activeElement } = document;
      const hasMoved = activeElement !== document.body && activeElement !== null && activeElement !== began;
      if (hasMoved || arrive()) watch.disconnect();
    });
    watch.observe(document.body, { childList: true, subtree: true });
    const timer = setTimeout(() => watch.disconnect(), PATIENCE_MS);
    return () => {
      watch.disconnect();
      clearTimeout(timer);
    };
  }, [path]);
}

function linksTo(href: string): HTMLElement[] {
  return [...document.querySelectorAll<HTMLElement>("main a[href]")].filter(
    (link) => link.getAttribute("href") === href,
  );
}
