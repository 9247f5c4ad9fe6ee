/** The page in front of the hall: the lamp's beam, the name of the house, and one form. */

import type { ReactNode } from "react";
import { Logo } from "../ui/logo.tsx";
import styles from "./door.module.css";

export function Door({ title, children }: { readonly title: string; readonly children: ReactNode }) {
  return (
    <main className={styles.door}>
      <svg className={styles.sun} viewBox="0 0 800 400" preserveAspectRatio="xMidYMax slice" aria-hidden="true">
        <defs>
          <radialGradient id="glow" cx="50%" cy="100%" r="75%">
            <stop offset="0" stopColor="#f6b450" stopOpacity="0.34" />
            <stop offset="0.45" stopColor="#d9782f" stopOpacity="0.12" />
            <stop offset="1" stopColor="#0d0d10" stopOpacity="0" />
          </radialGradient>
        </defs>
        <rect width="800" height="400" fill="url(#glow)" />
        <path d="M310 400a90 90 0 0 1 180 0z" fill="#f6b450" />
      </svg>
      <div className={styles.inner}>
        <Logo />
        <section className={styles.card} aria-labelledby="door-title">
          <h1 id="door-title">{title}</h1>
          {children}
        </section>
      </div>
    </main>
  );
}
