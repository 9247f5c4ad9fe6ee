/** Ends the account's sessions on all devices, after a question. */

import { type ReactNode, useState } from "react";
import { useApp } from "../app-context.ts";
import { Confirm } from "../ui/confirm.tsx";

/** `children` is the control that asks. */
export function SignOutEverywhere({ children }: { readonly children: (ask: () => void) => ReactNode }) {
  const { session } = useApp();
  const [isAsked, setAsked] = useState(false);
  return (
    <>
      {children(() => setAsked(true))}
      {isAsked && (
        <Confirm
          question="Sign out everywhere?"
          yes="Sign out everywhere"
          onYes={() => void session.signOut("everywhere")}
          onNo={() => setAsked(false)}
        >
          <p>Every device of this account is signed out, this one too, and what plays there stops.</p>
        </Confirm>
      )}
    </>
  );
}
