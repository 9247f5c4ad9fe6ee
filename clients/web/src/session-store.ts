/**
 * Keeps the session in localStorage, one for all tabs. Both tokens lie there: a script that could read them could as
 * well call the service from this page, and what keeps scripts out is the page's Content-Security-Policy. In return a
 * reload signs nobody out and costs no round trip, and tabs share one refresh.
 */

import type { SessionStore, StoredSession } from "@matinee/sdk/session";

const KEY = "matinee.session";
const LOCK = "matinee-session";

export function browserSessionStore(): SessionStore {
  return {
    load: async () => parse(localStorage.getItem(KEY)),
    async save(session) {
      if (session === undefined) localStorage.removeItem(KEY);
      else localStorage.setItem(KEY, JSON.stringify(session));
    },
    // Refresh tokens work once, so two tabs must not refresh at the same time. No secure context, no locks: then the
    // service's grace for the token before the last one has to do.
    exclusive: (work) => (navigator.locks === undefined ? work() : navigator.locks.request(LOCK, work)),
  };
}

/** Called when another tab signs in or out. Answers how to stop it. */
export function onOtherTab(changed: () => void): () => void {
  const listen = (event: StorageEvent) => {
    if (event.key === KEY || event.key === null) changed();
  };
  addEventListener("storage", listen);
  return () => removeEventListener("storage", listen);
}

function parse(text: string | null): StoredSession | undefined {
  if (text === null) return undefined;
  try {
    return JSON.parse(text) as StoredSession;
  } catch {
    return undefined;
  }
}
