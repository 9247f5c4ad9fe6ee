/** An address that leads nowhere. */

import { LinkButton } from "../ui/button.tsx";
import { Notice } from "../ui/notice.tsx";
import { useTitle } from "../use-title.ts";
import page from "./page.module.css";

export function NotFoundPage() {
  useTitle("Not found");
  return (
    <div className={page.page}>
      <Notice level={1} title="There is nothing at this address">
        <p>The film may have left, or the address is not quite right.</p>
        <LinkButton href="/" kind="primary">
          Go home
        </LinkButton>
      </Notice>
    </div>
  );
}
