/** A shelf of films that scrolls sideways, with buttons where there is a mouse. */

import { type ReactNode, useEffect, useId, useRef, useState } from "react";
import { Icon } from "./icon.tsx";
import styles from "./row.module.css";

export function Row({
  title,
  id,
  children,
}: {
  readonly title: ReactNode;
  readonly id: string;
  readonly children: ReactNode;
}) {
  const heading = useId();
  const shelf = useRef<HTMLUListElement>(null);
  const [edges, setEdges] = useState({ atStart: true, atEnd: true });

  useEffect(() => {
    const list = shelf.current;
    if (list === null) return;
    const look = () =>
      setEdges({
        atStart: list.scrollLeft < 8,
        atEnd: list.scrollLeft + list.clientWidth > list.scrollWidth - 8,
      });
    const resized = new ResizeObserver(look);
    resized.observe(list);
    list.addEventListener("scroll", look, { passive: true });
    return () => {
      resized.disconnect();
      list.removeEventListener("scroll", look);
    };
  }, []);

  const move = (direction: 1 | -1) => {
    const list = shelf.current;
    list?.scrollBy({ left: direction * list.clientWidth * 0.85, behavior: "smooth" });
  };

  return (
    <section className={styles.row} aria-labelledby={heading} data-testid={`row-${id}`}>
      <h2 id={heading}>{title}</h2>
      <div className={styles.frame}>
        <ul className={styles.shelf} ref={shelf}>
          {children}
        </ul>
        {/* The shelf is reached by Tab and by touch as well: these are for the mouse. */}
        <button type="button" tabIndex={-1} aria-hidden="true" hidden={edges.atStart} onClick={() => move(-1)}>
          <Icon name="chevronLeft" />
        </button>
        <button type="button" tabIndex={-1} aria-hidden="true" hidden={edges.atEnd} onClick={() => move(1)}>
          <Icon name="chevronRight" />
        </button>
      </div>
    </section>
  );
}

export function RowItem({ children }: { readonly children: ReactNode }) {
  return <li className={styles.item}>{children}</li>;
}
