/** Buttons, and links that look like them. */

import type { AnchorHTMLAttributes, ButtonHTMLAttributes, ReactNode } from "react";
import { Link } from "wouter";
import styles from "./button.module.css";
import { Icon, type IconName } from "./icon.tsx";

type Kind = "primary" | "secondary" | "quiet" | "danger";

interface Look {
  readonly kind?: Kind;
  readonly icon?: IconName;
  readonly children: ReactNode;
}

function classes(kind: Kind): string {
  return `${styles.button} ${styles[kind]}`;
}

export function Button({
  kind = "secondary",
  icon,
  isBusy = false,
  children,
  ...rest
}: Look &
  Omit<ButtonHTMLAttributes<HTMLButtonElement>, "className"> & {
    /** What it began is not done yet: it looks disabled but keeps the focus, which a disabled button loses. */
    readonly isBusy?: boolean;
  }) {
  return (
    <button type="button" {...rest} className={classes(kind)} aria-disabled={isBusy || undefined}>
      {icon !== undefined && <Icon name={icon} filled={icon === "play"} />}
      <span>{children}</span>
    </button>
  );
}

export function LinkButton({
  kind = "secondary",
  icon,
  children,
  href,
  ...rest
}: Look & Omit<AnchorHTMLAttributes<HTMLAnchorElement>, "className" | "href"> & { readonly href: string }) {
  return (
    <Link href={href} className={classes(kind)} {...rest}>
      {icon !== undefined && <Icon name={icon} filled={icon === "play"} />}
      <span>{children}</span>
    </Link>
  );
}

/** A round button with a picture alone; `label` is what it is called. */
export function IconButton({
  icon,
  label,
  ...rest
}: { readonly icon: IconName; readonly label: string } & Omit<ButtonHTMLAttributes<HTMLButtonElement>, "className">) {
  return (
    <button type="button" aria-label={label} title={label} {...rest} className={styles.round}>
      <Icon name={icon} filled={icon === "play"} />
    </button>
  );
}
