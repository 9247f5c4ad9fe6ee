/** What every page works with. */

import type { Platform } from "@matinee/sdk/platform";
import type { Session, StoredSession } from "@matinee/sdk/session";
import { createContext, useContext, useSyncExternalStore } from "react";
import type { Live } from "./live.ts";

export interface App {
  readonly platform: Platform;
  readonly session: Session;
  readonly live: Live;
}

export const AppContext = createContext<App | undefined>(undefined);

export function useApp(): App {
  const app = useContext(AppContext);
  if (app === undefined) throw new Error("no app around this component");
  return app;
}

/** Who is signed in; renders again at sign-in and sign-out. */
export function useSession(): StoredSession | undefined {
  const { session } = useApp();
  return useSyncExternalStore(
    (changed) => session.onChange(changed),
    () => session.current,
  );
}
