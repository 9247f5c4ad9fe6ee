/** A bar of progress with a name. */

import styles from "./bar.module.css";

export function Bar({ label, percent }: { readonly label: string; readonly percent: number }) {
  const value = Math.min(100, Math.max(0, percent));
  return (
    <div
      className={styles.bar}
      role="progressbar"
      aria-label={label}
      aria-valuemin={0}
      aria-valuemax={100}
      aria-valuenow={Math.floor(value)}
    >
      <span style={{ width: `${value}%` }} />
    </div>
  );
}
