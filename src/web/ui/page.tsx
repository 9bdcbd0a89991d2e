/** A page of a screen: its heading, which has the focus when the page is new, and its title, which names nobody. */
import type { ComponentChildren } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { say } from '../messages/common.js';

export interface PageShape {
  /** Of the window, too: no name of a patient. */
  readonly title: string;
  /** In the place of the title, where it may name somebody. */
  readonly heading?: ComponentChildren;
  /** A line above the heading. */
  readonly caption?: ComponentChildren;
  readonly children: ComponentChildren;
}

export function Page({ title, heading, caption, children }: PageShape) {
  const top = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    document.title = `${title} – Chartroom`;
    if (document.activeElement === document.body || document.activeElement === null) top.current?.focus();
  }, [title]);
  return (
    <>
      {caption !== undefined && <p class="caption">{caption}</p>}
      <h1 tabIndex={-1} ref={top}>
        {heading ?? title}
      </h1>
      {children}
    </>
  );
}

export const Loading = () => (
  <p class="loading" role="status">
    {say('loading')}
  </p>
);

/** Nothing is there: says so, and what can be done. */
export const Empty = ({ children }: { readonly children: ComponentChildren }) => <div class="empty">{children}</div>;
