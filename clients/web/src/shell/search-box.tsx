/** The search field of the header; on its page it is the page's field and searches as one types. */

import { useEffect, useRef, useState } from "react";
import { useLocation, useSearch } from "wouter";
import { Icon } from "../ui/icon.tsx";
import styles from "./search-box.module.css";

export function SearchBox() {
  const [path, navigate] = useLocation();
  const onPage = path === "/search";
  const query = new URLSearchParams(useSearch()).get("q") ?? "";
  const [text, setText] = useState(onPage ? query : "");
  const input = useRef<HTMLInputElement>(null);

  // The address decides, as with the browser's back button; but not against what is being typed.
  useEffect(() => {
    if (document.activeElement !== input.current) setText(onPage ? query : "");
  }, [onPage, query]);

  useEffect(() => {
    const slash = (event: KeyboardEvent) => {
      const typing = event.target instanceof HTMLElement && event.target.matches("input, textarea, select");
      if (event.key !== "/" || typing || event.metaKey || event.ctrlKey) return;
      event.preventDefault();
      input.current?.focus();
    };
    addEventListener("keydown", slash);
    return () => removeEventListener("keydown", slash);
  }, []);

  const search = (next: string) => {
    setText(next);
    const trimmed = next.trim();
    // The page already shows this: each letter would otherwise be a step back.
    if (trimmed !== "" || onPage) navigate(`/search?q=${encodeURIComponent(trimmed)}`, { replace: onPage });
  };

  return (
    <search>
      <form
        className={styles.form}
        onSubmit={(event) => {
          event.preventDefault();
          search(text);
        }}
      >
        <Icon name="search" />
        <input
          ref={input}
          type="search"
          data-testid="search"
          aria-label="Search films"
          placeholder="Search"
          autoComplete="off"
          spellCheck={false}
          enterKeyHint="search"
          maxLength={200}
          value={text}
          onChange={(event) => search(event.target.value)}
        />
      </form>
    </search>
  );
}
