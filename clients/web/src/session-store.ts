/**
 * Keeps the session in localStorage, one for all tabs. Both tokens lie there: a script that could read them could as
 * well call the service from this page, and what keeps scripts out is the page's Content-Security-Policy. In return a
 * reload signs nobody out and costs no round trip, and tabs share one refresh.
 */

import { forEver } from "@matinee/sdk/browser-storage";
import type { SessionStore, StoredSession } from "@matinee/sdk/session";

const KEY = "matinee.session";
const LOCK = "matinee-session";

export function browserSessionStore(): SessionStore {
  return {
    load: async () => parse(forEver.get(KEY)),
    async save(session) {
      if (session === undefined) forEver.remove(KEY);
      else forEver.set(KEY, JSON.stringify(session));
    },
    exclusive,
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

/**
 * Refresh tokens work once, so two tabs must not refresh at the same time. No secure context or no storage, no locks:
 * then the service's grace for the token before the last one has to do.
 */
async function exclusive<T>(work: () => Promise<T>): Promise<T> {
  if (navigator.locks === undefined) return work();
  let isHeld = false;
  try {
    return await navigator.locks.request(LOCK, () => {
      isHeld = true;
      return work();
    });
  } catch (error) {
    if (isHeld) throw error;
    return work();
  }
}

/** Undefined for what is no session: other versions, extensions and people write there as well. */
function parse(text: string | undefined): StoredSession | undefined {
  if (text === undefined) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    return isSession(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function isSession(value: unknown): value is StoredSession {
  if (typeof value !== "object" || value === null) return false;
  const fields = value as Record<string, unknown>;
  const texts = ["accessToken", "refreshToken", "account", "email", "profile", "displayName"];
  return texts.every((name) => typeof fields[name] === "string") && typeof fields.accessExpiresMs === "number";
}
