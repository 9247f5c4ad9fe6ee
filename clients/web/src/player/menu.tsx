/** A button of the player that opens a list to choose one from. */

import { type KeyboardEvent, useEffect, useId, useRef } from "react";
import { Icon, type IconName } from "../ui/icon.tsx";
import type { Choice } from "./engine.ts";
import styles from "./menu.module.css";

export function Menu({
  name,
  label,
  icon,
  isOn = false,
  choices,
  open,
  onOpen,
  onChoose,
}: {
  readonly name: string;
  readonly label: string;
  readonly icon: IconName;
  readonly isOn?: boolean;
  readonly choices: readonly Choice[];
  /** The menu that is open. */
  readonly open: string | undefined;
  readonly onOpen: (name: string | undefined) => void;
  readonly onChoose: (id: string) => void;
}) {
  const isOpen = open === name;
  const id = useId();
  const button = useRef<HTMLButtonElement>(null);
  const list = useRef<HTMLDivElement>(null);
  const root = useRef<HTMLDivElement>(null);

  useEffect(() => {
    if (!isOpen) return;
    const items = list.current;
    (items?.querySelector<HTMLElement>("[aria-checked=true]") ?? items?.querySelector<HTMLElement>("button"))?.focus();
    const outside = (event: PointerEvent) => {
      if (event.target instanceof Node && root.current?.contains(event.target) !== true) onOpen(undefined);
    };
    document.addEventListener("pointerdown", outside);
    return () => document.removeEventListener("pointerdown", outside);
  }, [isOpen, onOpen]);

  const close = () => {
    onOpen(undefined);
    button.current?.focus();
  };
  const press = (event: KeyboardEvent) => {
    const items = [...(list.current?.querySelectorAll<HTMLElement>("button") ?? [])];
    const at = items.indexOf(document.activeElement as HTMLElement);
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: items.length - 1 }[event.key] ?? undefined;
    if (event.key === "Escape") close();
    else if (event.key === "Tab") onOpen(undefined);
    else if (to !== undefined) items[(to + items.length) % items.length]?.focus();
    if (event.key === "Escape" || to !== undefined) {
      event.preventDefault();
      event.stopPropagation();
    }
  };

  return (
    <div className={styles.root} ref={root}>
      <button
        type="button"
        ref={button}
        className={styles.button}
        aria-label={label}
        title={label}
        aria-haspopup="menu"
        aria-expanded={isOpen}
        aria-controls={id}
        data-on={isOn}
        data-testid={`menu-${name}`}
        onClick={() => onOpen(isOpen ? undefined : name)}
      >
        <Icon name={icon} />
      </button>
      {isOpen && (
        <div id={id} ref={list} role="menu" aria-label={label} tabIndex={-1} className={styles.menu} onKeyDown={press}>
          <p aria-hidden="true">{label}</p>
          {choices.map((choice) => (
            <button
              key={choice.id}
              type="button"
              role="menuitemradio"
              aria-checked={choice.isChosen}
              tabIndex={-1}
              onClick={() => {
                onChoose(choice.id);
                close();
              }}
            >
              <span className={styles.mark}>{choice.isChosen && <Icon name="check" />}</span>
              {choice.label}
            </button>
          ))}
        </div>
      )}
    </div>
  );
}
