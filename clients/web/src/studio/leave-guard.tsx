/** Asks before edits are left behind, by a link, by the way back, or by closing the page. */

import { type ReactNode, useEffect, useRef, useState } from "react";
import { useLocation } from "wouter";
import { Confirm } from "../ui/confirm.tsx";
import { guardWayBack } from "../way-back.ts";

/** The dialog while it asks; render it. `isDirty` says whether there is something to lose. */
export function useLeaveGuard(isDirty: boolean): ReactNode {
  const [, navigate] = useLocation();
  const [leave, setLeave] = useState<() => void>();
  const guards = useRef(isDirty);
  guards.current = isDirty;

  useEffect(() => {
    const here = location.pathname + location.search;
    const onUnload = (event: BeforeUnloadEvent) => {
      if (guards.current) event.preventDefault();
    };
    const onClick = (event: MouseEvent) => {
      if (!guards.current || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey)
        return;
      const link = event.target instanceof Element ? event.target.closest<HTMLAnchorElement>("a[href]") : null;
      if (link === null || link.target === "_blank" || link.origin !== location.origin) return;
      if (link.hash !== "" && link.pathname === location.pathname) return;
      event.preventDefault();
      event.stopPropagation();
      const to = link.pathname + link.search;
      setLeave(() => () => navigate(to));
    };
    const onBack = (event: PopStateEvent) => {
      if (!guards.current) return;
      // The address has changed already: put it back before the router looks.
      event.stopImmediatePropagation();
      history.pushState(null, "", here);
      setLeave(() => () => history.back());
    };
    addEventListener("beforeunload", onUnload);
    document.addEventListener("click", onClick, true);
    const letGo = guardWayBack(onBack);
    return () => {
      removeEventListener("beforeunload", onUnload);
      document.removeEventListener("click", onClick, true);
      letGo();
    };
  }, [navigate]);

  if (leave === undefined) return null;
  return (
    <Confirm
      question="Leave without saving?"
      yes="Leave"
      no="Stay"
      onNo={() => setLeave(undefined)}
      onYes={() => {
        guards.current = false;
        setLeave(undefined);
        leave();
      }}
    >
      <p>What you changed on this page is lost then.</p>
    </Confirm>
  );
}
