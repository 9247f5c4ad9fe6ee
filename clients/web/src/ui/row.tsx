/** A shelf of films that scrolls sideways, with buttons where there is a mouse. */

import { type ReactNode, useEffect, useId, useRef, useState } from "react";
import { Link } from "wouter";
import { Icon } from "./icon.tsx";
import { useRoving } from "./roving.ts";
import styles from "./row.module.css";

export function Row({
  title,
  id,
  all,
  children,
}: {
  readonly title: ReactNode;
  readonly id: string;
  /** The page that shows all of it. */
  readonly all?: string | undefined;
  readonly children: ReactNode;
}) {
  const heading = useId();
  const shelf = useRef<HTMLUListElement>(null);
  const [edges, setEdges] = useState({ atStart: true, atEnd: true });

  useRoving(shelf);
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
    // The style sheet says whether it moves or is there at once: people may have asked for less motion.
    list?.scrollBy({ left: direction * list.clientWidth * 0.85 });
  };

  return (
    <section className={styles.row} aria-labelledby={heading} data-testid={`row-${id}`}>
      <div className={styles.head}>
        <h2 id={heading}>{title}</h2>
        {all !== undefined && (
          <Link href={all} className={styles.all} aria-label={`See all: ${title}`}>
            See all
          </Link>
        )}
      </div>
      <div className={styles.frame}>
        <ul className={styles.shelf} ref={shelf} data-shelf>
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
