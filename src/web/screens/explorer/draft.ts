/** A request as somebody writes it, and what has to be in order before it can be sent. */
import type { Asked } from '../../fhir/client.js';
import { sayExplorer } from '../../messages/explorer.js';
import type { FieldFault } from '../../ui/fault-summary.js';

export type Method = NonNullable<Asked['method']>;
export const METHODS: readonly Method[] = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'];

export interface RequestDraft {
  readonly method: Method;
  /** Below the base, with its query. */
  readonly path: string;
  /** `Name: value`, one in a line. */
  readonly headers: string;
  readonly body: string;
}
export const NEW_DRAFT: RequestDraft = { method: 'GET', path: '', headers: '', body: '' };

export const hasBody = ({ method }: RequestDraft): boolean => method !== 'GET' && method !== 'DELETE';

/** https://www.rfc-editor.org/rfc/rfc9110#section-5 */
const HEADER = /^([!#$%&'*+.^_`|~\w-]+):\s*(\S.*)$/;

/** What must be mended, by the fields `path` and `headers`. */
export function faultsOfDraft(draft: RequestDraft): readonly FieldFault[] {
  const lines = draft.headers.split('\n');
  const wrong = lines.findIndex(line => line.trim() !== '' && !HEADER.test(line.trim()));
  const isOutside =
    /^(?:[a-z][a-z+.-]*:|\/)/i.test(draft.path) || draft.path.split(/[?#]/)[0]!.split('/').includes('..');
  return [
    ...(isOutside ? [{ field: 'path', text: sayExplorer('path.outside') }] : []),
    ...(wrong === -1 ? [] : [{ field: 'headers', text: sayExplorer('headers.wrong', { n: wrong + 1 }) }]),
  ];
}

/** `draft`: one without faults. */
export function askedOf(draft: RequestDraft): Asked {
  const headers = draft.headers.split('\n').flatMap(line => {
    const [, name, value] = HEADER.exec(line.trim()) ?? [];
    return name === undefined ? [] : [[name, value!] as const];
  });
  const { method, path, body } = draft;
  const isXml = body.trimStart().startsWith('<');
  return {
    ...{ method, path: path.trim() },
    ...(hasBody(draft) && body.trim() !== '' ? { body } : {}),
    headers: {
      ...(isXml ? { 'Content-Type': 'application/fhir+xml; charset=utf-8' } : {}),
      ...Object.fromEntries(headers),
    },
  };
}

/** Of the resource that is being written: `resourceType` of JSON, the root of XML. */
export const typeOfBody = (body: string): string | undefined =>
  /^\s*\{[\s\S]*?"resourceType"\s*:\s*"([A-Za-z]+)"/.exec(body)?.[1] ??
  /^\s*(?:<\?[^>]*\?>\s*)?<([A-Z][A-Za-z]+)/.exec(body)?.[1];

/** Whether the path asks for a search that the server can explain. */
export const isSearch = ({ method, path }: RequestDraft): boolean =>
  method === 'GET' && /^[A-Z][A-Za-z]+(?:\?|$)/.test(path.trim());
