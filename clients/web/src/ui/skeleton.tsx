/** The shape of what is still on its way. */

import styles from "./skeleton.module.css";

export function Skeleton({ width = "100%", height = "1rem" }: { readonly width?: string; readonly height?: string }) {
  return <span className={styles.block} style={{ width, height }} aria-hidden="true" />;
}

/** Says once, to those who do not see it, that something loads. */
export function Loading({ what }: { readonly what: string }) {
  return (
    <p className="visually-hidden" role="status">
      Loading {what}
    </p>
  );
}
