/** Small things that many pages show. */
import type { ComponentChildren } from 'preact';
import { say } from '../messages/common.js';

export type TagColour = 'grey' | 'blue' | 'green' | 'yellow' | 'orange' | 'red' | 'purple';

/** Its word says everything; the colour only helps to find it. */
export const Tag = ({
  colour = 'grey',
  children,
}: {
  readonly colour?: TagColour;
  readonly children: ComponentChildren;
}) => <strong class={`tag ${colour}`}>{children}</strong>;

/** A text of a record, in its own script and direction. */
export const OfRecord = ({ children }: { readonly children: string }) => <bdi dir="auto">{children}</bdi>;

/** What, and its value: rows without a value say so. */
export const SummaryList = ({
  rows,
}: {
  readonly rows: readonly (readonly [what: string, value: ComponentChildren])[];
}) => (
  <dl class="summary-list">
    {rows.map(([what, value]) => (
      <div key={what}>
        <dt>{what}</dt>
        <dd>{value === undefined || value === '' ? <span class="quiet">{say('unknown')}</span> : value}</dd>
      </div>
    ))}
  </dl>
);

interface TableShape {
  readonly caption: ComponentChildren;
  readonly columns: readonly string[];
  /** Cells of each row, by its key; the first one heads the row. */
  readonly rows: readonly { readonly key: string; readonly cells: readonly ComponentChildren[] }[];
  /** The caption is said, and not shown: a heading says the same. */
  readonly hidesCaption?: boolean;
}

/** Scrolls by itself where it is wider than the page. */
export const Table = ({ caption, columns, rows, hidesCaption = false }: TableShape) => (
  <div class="table-scroll" tabIndex={0} role="region" aria-label={typeof caption === 'string' ? caption : undefined}>
    <table>
      <caption class={hidesCaption ? 'unseen' : undefined}>{caption}</caption>
      <thead>
        <tr>
          {columns.map(column => (
            <th scope="col" key={column}>
              {column}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {rows.map(({ key, cells: [first, ...others] }) => (
          <tr key={key}>
            <th scope="row">{first}</th>
            {others.map((cell, at) => (
              <td key={columns[at + 1]}>{cell}</td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  </div>
);

export interface TabShape {
  readonly id: string;
  readonly text: string;
  readonly href: string;
}

/** Views of one thing: links, so that each has an address. */
export const Tabs = ({
  label,
  tabs,
  at,
}: {
  readonly label: string;
  readonly tabs: readonly TabShape[];
  readonly at: string;
}) => (
  <nav class="tabs" aria-label={label}>
    <ul>
      {tabs.map(({ id, text, href }) => (
        <li key={id}>
          <a href={href} aria-current={id === at ? 'page' : undefined}>
            {text}
          </a>
        </li>
      ))}
    </ul>
  </nav>
);
