/** A button that opens a small panel under itself; Escape, a click outside, or leaving it closes it. */

import { type ReactNode, useEffect, useId, useRef, useState } from "react";
import styles from "./popover.module.css";

export function Popover({
  label,
  button,
  badge,
  testId,
  onOpen,
  children,
}: {
  readonly label: string;
  readonly button: ReactNode;
  readonly badge?: ReactNode;
  readonly testId?: string;
  readonly onOpen?: () => void;
  readonly children: (close: () => void) => ReactNode;
}) {
  const [open, setOpen] = useState(false);
  const root = useRef<HTMLDivElement>(null);
  const opener = useRef<HTMLButtonElement>(null);
  const panel = useId();
  const close = () => setOpen(false);

  useEffect(() => {
    if (!open) return;
    const outside = (event: Event) => {
      if (event.target instanceof Node && root.current?.contains(event.target) !== true) setOpen(false);
    };
    const onEscape = (event: KeyboardEvent) => {
      // A question inside of it is closed first.
      if (event.key !== "Escape" || root.current?.querySelector("dialog[open]")) return;
      setOpen(false);
      opener.current?.focus();
    };
    document.addEventListener("pointerdown", outside);
    document.addEventListener("focusin", outside);
    document.addEventListener("keydown", onEscape);
    return () => {
      document.removeEventListener("pointerdown", outside);
      document.removeEventListener("focusin", outside);
      document.removeEventListener("keydown", onEscape);
    };
  }, [open]);

  return (
    <div className={styles.root} ref={root}>
      <button
        type="button"
        ref={opener}
        className={styles.opener}
        aria-label={label}
        aria-expanded={open}
        aria-controls={panel}
        data-testid={testId}
        onClick={() => {
          if (!open) onOpen?.();
          setOpen(!open);
        }}
      >
        {button}
        {badge}
      </button>
      <div id={panel} className={styles.panel} hidden={!open}>
        {open && children(close)}
      </div>
    </div>
  );
}
