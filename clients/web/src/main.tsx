/** Starts the web client. */

import { newPlatform } from "@matinee/sdk/platform";
import { Session } from "@matinee/sdk/session";
import { QueryClientProvider } from "@tanstack/react-query";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import "./styles/tokens.css";
import "./styles/base.css";
import { AppRoutes } from "./app.tsx";
import { AppContext } from "./app-context.ts";
import { Live } from "./live.ts";
import { newQueryClient } from "./query.ts";
import { browserSessionStore, onOtherTab } from "./session-store.ts";
import { Boundary } from "./ui/boundary.tsx";
import { hearWayBack } from "./way-back.ts";

async function start(root: HTMLElement): Promise<void> {
  hearWayBack();
  const { origin } = location;
  const session = new Session({ origin, store: browserSessionStore() });
  await session.restore();
  onOtherTab(() => void session.restore());
  const platform = newPlatform({ origin, tokens: session });
  const queries = newQueryClient();
  session.onChange(() => queries.clear());
  const app = { platform, session, live: new Live(platform, session) };
  createRoot(root).render(
    <StrictMode>
      <Boundary>
        <AppContext value={app}>
          <QueryClientProvider client={queries}>
            <AppRoutes />
          </QueryClientProvider>
        </AppContext>
      </Boundary>
    </StrictMode>,
  );
}

const root = document.getElementById("root");
if (root !== null) void start(root);
