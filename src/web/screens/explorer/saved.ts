/** Requests to begin with: those of docs/requests that can be sent as they stand. The form is that of HTTP files of editors. */
import files from 'docs:requests';
import { type RequestDraft, METHODS, type Method, NEW_DRAFT } from './draft.js';

export interface SavedFile {
  readonly title: string;
  readonly requests: readonly { readonly title: string; readonly draft: RequestDraft }[];
}

export const savedFiles = (): readonly SavedFile[] =>
  files.map(savedFile).filter(({ requests }) => requests.length > 0);

function savedFile({ name, text }: { readonly name: string; readonly text: string }): SavedFile {
  const variables = new Map([...text.matchAll(/^@(\w+)\s*=\s*(.+)$/gm)].map(([, key, value]) => [key!, value!.trim()]));
  const [, ...parts] = text.split(/^###\s*/m);
  const words = name.replace(/^\d+-|\.http$/g, '').replaceAll('-', ' ');
  return {
    title: words.charAt(0).toUpperCase() + words.slice(1),
    requests: parts.flatMap(part => {
      const filled = part.replaceAll(/\{\{(\w+)\}\}/g, (whole, key: string) => variables.get(key) ?? whole);
      const draft = requestOf(filled, variables.get('base') ?? '');
      return draft ? [{ title: part.split('\n')[0]!.trim(), draft }] : [];
    }),
  };
}

/** Undefined: it needs the answer to another one, or a file. */
function requestOf(part: string, base: string): RequestDraft | undefined {
  const [, ...lines] = part.split('\n').filter(line => !line.startsWith('#'));
  const from = lines.findIndex(line => line.trim() !== '');
  const [, method, url = ''] = /^([A-Z]+) (\S.*)$/.exec(lines[from] ?? '') ?? [];
  const end = lines.findIndex((line, at) => at > from && line.trim() === '');
  const headers = lines.slice(from + 1, end === -1 ? undefined : end);
  const body = end === -1 ? '' : lines.slice(end).join('\n').trim();
  const known = METHODS.find((each): each is Method => each === method);
  if (!known || !url.startsWith(base) || part.includes('{{') || body.startsWith('< ')) return undefined;
  // Lines of a query may stand below one another.
  const query = headers.filter(line => /^\s+[?&]/.test(line)).map(line => line.trim());
  return {
    ...NEW_DRAFT,
    ...{ method: known, path: (url.slice(base.length) + query.join('')).replace(/^\//, ''), body },
    headers: headers.filter(line => !/^\s+[?&]/.test(line)).join('\n'),
  };
}
