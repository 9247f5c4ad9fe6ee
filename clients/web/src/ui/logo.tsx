/** The wordmark: a sun that is half down, because a matinee is the film one sees by day. */

import styles from "./logo.module.css";

export function Logo() {
  return (
    <span className={styles.logo}>
      <svg viewBox="0 0 28 20" width="1.4em" height="1em" aria-hidden="true">
        <path d="M4 14a10 10 0 0 1 20 0z" fill="currentColor" />
        <path d="M2 18.4h24" stroke="currentColor" strokeWidth="2.4" strokeLinecap="round" />
      </svg>
      <span>Matinee</span>
    </span>
  );
}
