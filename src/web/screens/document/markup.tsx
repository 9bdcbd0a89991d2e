/**
 * HTML, and what the server makes of C-CDA and FHIR documents, as elements of the page: a table says which there may be, and everything else is left
 * out with its attributes. What is parsed by DOMParser does not run and loads nothing.
 */
import { h, type VNode } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { askBytes } from '../../fhir/client.js';
import { RequestFault } from '../../fhir/fault.js';
import { sayDocument } from '../../messages/document.js';
import { RequestFailed } from '../../ui/fault-summary.js';
import { Loading } from '../../ui/page.js';
import type { ViewerShape } from './viewer.js';

/** Headings go down, so that those of the page stay above them. */
const ELEMENTS: Readonly<Record<string, string>> = {
  ...Object.fromEntries(
    [
      ...[
        'p',
        'div',
        'span',
        'br',
        'hr',
        'ul',
        'ol',
        'li',
        'dl',
        'dt',
        'dd',
        'table',
        'caption',
        'thead',
        'tbody',
        'tfoot',
      ],
      ...[
        'tr',
        'th',
        'td',
        'b',
        'strong',
        'i',
        'em',
        'u',
        's',
        'sub',
        'sup',
        'small',
        'code',
        'pre',
        'blockquote',
        'q',
      ],
      ...['section', 'article', 'figure', 'figcaption', 'abbr', 'del', 'ins', 'address'],
    ].map(name => [name, name]),
  ),
  ...{
    h1: 'h2',
    h2: 'h3',
    h3: 'h4',
    h4: 'h5',
    h5: 'h6',
    h6: 'h6',
    header: 'div',
    footer: 'div',
    main: 'div',
    nav: 'div',
  },
  // What stands in a form is read like the rest; nothing is sent.
  ...{ a: 'span', body: 'div', center: 'div', font: 'span', form: 'div', fieldset: 'div', legend: 'p' },
};
/** They are nothing to read, with all that is in them. */
const DROPPED: ReadonlySet<string> = new Set([
  ...['script', 'style', 'template', 'noscript', 'iframe', 'object', 'embed', 'svg', 'math', 'head', 'input'],
  ...['button', 'select', 'textarea', 'video', 'audio', 'canvas', 'link', 'meta', 'base'],
]);
const NUMBERS = ['colspan', 'rowspan'] as const;
const MOST_DEEP = 100;

function shownNode(node: Node, deep: number): VNode | string | null {
  if (node.nodeType === Node.TEXT_NODE) return node.textContent;
  if (!(node instanceof Element) || deep > MOST_DEEP) return null;
  const name = node.localName.toLowerCase();
  if (DROPPED.has(name)) return null;
  const children = [...node.childNodes].map(child => shownNode(child, deep + 1));
  const attributes: Record<string, string> = {};
  for (const each of NUMBERS) {
    const value = node.getAttribute(each);
    if (value !== null && /^\d{1,2}$/.test(value)) attributes[each] = value;
  }
  const dir = node.getAttribute('dir');
  if (dir === 'rtl' || dir === 'ltr') attributes['dir'] = dir;
  if (name === 'img') return h('span', {}, node.getAttribute('alt') ?? '');
  return h(ELEMENTS[name] ?? 'span', attributes, ...children);
}

/**
 * Styles, handlers and bases are nothing to read, and the policy would tell of each that it was refused. What is left is parsed as what it is, and
 * shown by the table above.
 */
const withoutStyles = (html: string): string =>
  html
    .replaceAll(/<style\b[\s\S]*?(?:<\/style\s*>|$)/gi, '')
    .replaceAll(/<base\b/gi, '<span')
    .replaceAll(/<[a-z][^>]*/gi, tag => tag.replaceAll(/([\s/"'])(?:style|on\w+)\s*=/gi, '$1data-was='));

interface MarkupShape extends ViewerShape {
  /** By the server, from what the bytes say. */
  readonly isRendered: boolean;
}

async function textFor({ bytes, path, isRendered }: MarkupShape): Promise<string> {
  if (!isRendered) return bytes.text();
  const { body } = await askBytes({ path: `${path.replace(/\?.*$/, '')}/$render`, accept: 'text/html' });
  return body.text();
}

export function Markup(shape: MarkupShape) {
  const [body, setBody] = useState<VNode | string | null>();
  const [fault, setFault] = useState<RequestFault>();
  useEffect(() => {
    textFor(shape)
      .then(text => setBody(shownNode(new DOMParser().parseFromString(withoutStyles(text), 'text/html').body, 0)))
      .catch((error: unknown) => {
        if (!(error instanceof RequestFault)) throw error;
        setFault(error);
      });
  }, [shape.bytes]);
  if (fault) return <RequestFailed fault={fault} />;
  if (body === undefined) return <Loading />;
  return (
    <>
      <p class="hint">{sayDocument('rendered')}</p>
      <div class="document" tabIndex={0} role="region" aria-label={shape.title}>
        {body}
      </div>
    </>
  );
}
