/** The live region: what changes without a new page is said to whoever does not see it. https://www.w3.org/TR/WCAG22/#status-messages */
import { Cell, useCell } from '../session/cell.js';

const said = new Cell('');

/** The same text twice is said twice. */
export function announce(text: string): void {
  said.set(said.value === text ? `${text} ` : text);
}

export function LiveRegion() {
  return (
    <div class="unseen" role="status" aria-live="polite">
      {useCell(said)}
    </div>
  );
}
