/** What a viewer finds at an address of the studio. */

import { LinkButton } from "../ui/button.tsx";
import { Notice } from "../ui/notice.tsx";
import { useTitle } from "../use-title.ts";
import page from "./page.module.css";

export function NotForViewersPage() {
  useTitle("Studio");
  return (
    <div className={page.page}>
      <Notice level={1} title="The studio is for operators">
        <p>Sign in with the operator’s account to hand films in.</p>
        <LinkButton href="/" kind="primary">
          Go home
        </LinkButton>
      </Notice>
    </div>
  );
}
