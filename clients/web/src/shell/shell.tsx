/** What surrounds every page but the player: the header with the ways to go, and the page itself. */

import { type ReactNode, useEffect, useState } from "react";
import { Link, useLocation } from "wouter";
import { useApp, useSession } from "../app-context.ts";
import page from "../pages/page.module.css";
import { Boundary } from "../ui/boundary.tsx";
import { Icon } from "../ui/icon.tsx";
import { Logo } from "../ui/logo.tsx";
import { Bell } from "./bell.tsx";
import { Popover } from "./popover.tsx";
import { SearchBox } from "./search-box.tsx";
import styles from "./shell.module.css";
import { SignOutEverywhere } from "./sign-out.tsx";

export function Shell({ children }: { readonly children: ReactNode }) {
  const [path] = useLocation();
  const session = useSession();
  const scrolled = useScrolled();
  const inStudio = path.startsWith("/studio");
  return (
    <>
      <a className="skip" href="#main">
        Skip to the page
      </a>
      <header className={styles.header} data-scrolled={scrolled || inStudio || path === "/search"}>
        <Link href="/" className={styles.home} aria-label="Matinee, home">
          <Logo />
        </Link>
        <nav aria-label="Main" className={styles.nav}>
          <Link href="/" aria-current={path === "/" ? "page" : undefined}>
            Home
          </Link>
          <Link href="/list" aria-current={path === "/list" ? "page" : undefined}>
            My list
          </Link>
          {session?.isOperator === true && (
            <Link href="/studio" aria-current={inStudio ? "page" : undefined} data-testid="nav-studio">
              Studio
            </Link>
          )}
        </nav>
        <div className={styles.tools}>
          <SearchBox />
          <Bell />
          <AccountMenu />
        </div>
      </header>
      <main id="main" tabIndex={-1} className={styles.main}>
        <Boundary key={path} className={page.page}>
          {children}
        </Boundary>
      </main>
    </>
  );
}

function AccountMenu() {
  const { session } = useApp();
  const who = useSession();
  return (
    <Popover
      label="Account"
      testId="account-menu"
      button={<span className={styles.avatar}>{(who?.displayName || who?.email || "?").charAt(0).toUpperCase()}</span>}
    >
      {(close) => (
        <div className={styles.account}>
          <p className={styles.who}>
            <strong dir="auto">{who?.displayName}</strong>
            <span>{who?.email}</span>
          </p>
          <Link href="/list" onClick={close}>
            <Icon name="plus" /> My list
          </Link>
          <Link href="/history" onClick={close}>
            <Icon name="retry" /> Watched
          </Link>
          {who?.isOperator === true && (
            <Link href="/studio" onClick={close}>
              <Icon name="film" /> Studio
            </Link>
          )}
          <Link href="/docs" onClick={close}>
            <Icon name="chevronRight" /> API
          </Link>
          <button type="button" data-testid="sign-out" onClick={() => void session.signOut()}>
            <Icon name="arrowLeft" /> Sign out
          </button>
          <SignOutEverywhere>
            {(ask) => (
              <button type="button" data-testid="sign-out-everywhere" onClick={ask}>
                <Icon name="close" /> Sign out everywhere
              </button>
            )}
          </SignOutEverywhere>
        </div>
      )}
    </Popover>
  );
}

function useScrolled(): boolean {
  const [scrolled, setScrolled] = useState(false);
  useEffect(() => {
    const look = () => setScrolled(scrollY > 24);
    look();
    addEventListener("scroll", look, { passive: true });
    return () => removeEventListener("scroll", look);
  }, []);
  return scrolled;
}
