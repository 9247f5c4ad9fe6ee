/** Asks again by itself for what failed because nobody answered: when the network is back, and now and then before. */

import { isTransient, type MatineeError } from "@matinee/sdk/errors";
import { useEffect, useRef } from "react";

const FIRST_WAIT_MS = 4_000;
const MAX_WAIT_MS = 30_000;

/** True where nobody answered, which is no refusal. */
export function mayComeBack(error: MatineeError): boolean {
  return isTransient(error) || error.reason === "PLAYER_OFFLINE";
}

/** A refusal is final and is not asked again; `error` is undefined where nothing failed. */
export function useComeback(error: MatineeError | undefined, again: () => void): void {
  const latest = useRef(again);
  latest.current = again;
  const waitMs = useRef(FIRST_WAIT_MS);
  const mayPass = error !== undefined && mayComeBack(error);
  useEffect(() => {
    // A new failure of the same kind is a new error: it waits longer.
    if (error === undefined || !mayPass) return;
    const ask = () => latest.current();
    const timer = setTimeout(ask, waitMs.current);
    waitMs.current = Math.min(MAX_WAIT_MS, waitMs.current * 2);
    addEventListener("online", ask);
    return () => {
      clearTimeout(timer);
      removeEventListener("online", ask);
    };
  }, [error, mayPass]);
}
