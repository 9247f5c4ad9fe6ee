/** Stands in for a page that broke while it was drawn: says so and offers to load it anew. */

import { Component, type ReactNode } from "react";
import { Button } from "./button.tsx";
import { Notice } from "./notice.tsx";

interface Props {
  readonly className?: string | undefined;
  readonly children: ReactNode;
}

/** React gives what was thrown only to a class. Give it a `key` to forget the failure when the page changes. */
export class Boundary extends Component<Props, { readonly isBroken: boolean }> {
  override state = { isBroken: false };

  static getDerivedStateFromError(): { readonly isBroken: boolean } {
    return { isBroken: true };
  }

  override render(): ReactNode {
    if (!this.state.isBroken) return this.props.children;
    return (
      <div role="alert" className={this.props.className} data-testid="broken-page">
        <Notice icon="warning" title="This page broke" level={1}>
          <p>That is our fault, not yours. Loading it again usually helps.</p>
          <Button kind="primary" icon="retry" onClick={() => location.reload()}>
            Load it again
          </Button>
          <a href="/">Go home</a>
        </Notice>
      </div>
    );
  }
}
