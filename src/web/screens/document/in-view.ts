/** Whether a part of a document is in view, or nearly: what is drawn only then costs nothing before. */
import type { RefObject } from 'preact';
import { useEffect, useState } from 'preact/hooks';

/** `keeps`: it stays so once it was, and everything is when the page is printed. */
export function useInView(box: RefObject<Element | null>, keeps: boolean): boolean {
  const [isNear, setNear] = useState(false);
  const isDone = keeps && isNear;
  useEffect(() => {
    if (!box.current || isDone) return;
    const observer = new IntersectionObserver(entries => setNear(entries.at(-1)!.isIntersecting), {
      rootMargin: '50% 0px',
    });
    observer.observe(box.current);
    const all = (): void => setNear(true);
    if (keeps) addEventListener('beforeprint', all);
    return () => {
      observer.disconnect();
      removeEventListener('beforeprint', all);
    };
  }, [isDone, keeps]);
  return isNear;
}
