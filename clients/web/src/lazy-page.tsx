/** A page whose code comes when it is first shown, and that says so where it does not come. */

import { type MatineeError, toMatineeError } from "@matinee/sdk/errors";
import { type ComponentType, type ReactNode, useEffect, useState } from "react";
import { loadChunk } from "./chunks.ts";
import page from "./pages/page.module.css";
import { Failure } from "./ui/notice.tsx";
import { useComeback } from "./use-comeback.ts";

export interface PageCode<P> {
  /** Undefined until it was fetched. */
  current(): ComponentType<P> | undefined;
  /** Also before the page is asked for. */
  fetch(): Promise<void>;
}

export function pageCode<P extends object>(load: () => Promise<ComponentType<P>>): PageCode<P> {
  let component: ComponentType<P> | undefined;
  const fetch = async () => {
    component ??= await load();
  };
  return { current: () => component, fetch };
}

export function LazyPage<P extends object>({
  code,
  props,
  waiting = null,
  onMissing,
}: {
  readonly code: PageCode<P>;
  readonly props: P;
  readonly waiting?: ReactNode;
  /** Told each time that the code did not come. */
  readonly onMissing?: (error: MatineeError) => void;
}) {
  const [, setFetched] = useState(false);
  const [error, setError] = useState<MatineeError>();
  const [attempt, setAttempt] = useState(0);
  const Page = code.current();
  const isMissing = Page === undefined;
  // biome-ignore lint/correctness/useExhaustiveDependencies: `attempt` asks again
  useEffect(() => {
    if (!isMissing) return;
    let isGone = false;
    loadChunk(code.fetch).then(
      () => !isGone && setFetched(true),
      (cause: unknown) => {
        if (isGone) return;
        const failure = toMatineeError(cause);
        setError(failure);
        onMissing?.(failure);
      },
    );
    return () => {
      isGone = true;
    };
  }, [code, isMissing, attempt]);
  const retry = () => setAttempt((count) => count + 1);
  useComeback(error, retry);
  if (Page !== undefined) return <Page {...props} />;
  if (error === undefined) return waiting;
  return (
    <div className={page.page}>
      <Failure error={error} onRetry={retry} />
    </div>
  );
}
