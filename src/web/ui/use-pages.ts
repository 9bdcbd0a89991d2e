/** A search in pages: the first one when it is opened, each further one when somebody asks for it. */
import type { Bundle, FhirResource } from 'fhir/r4';
import { useState } from 'preact/hooks';
import { ask, formOf, pathOfLink } from '../fhir/client.js';
import type { RequestFault } from '../fhir/fault.js';
import { useQuery } from './use-query.js';

export interface Pages<T> {
  /** Of all pages so far; undefined: none is there yet. */
  readonly found: readonly T[] | undefined;
  readonly error: RequestFault | null;
  readonly isFetching: boolean;
  readonly again: () => void;
  /** Undefined: these are all. */
  readonly more: (() => void) | undefined;
}

export interface PagesAsked {
  /** Empty: of all types that `_type` names. */
  readonly type: string;
  readonly parameters: Readonly<Record<string, string | readonly string[]>>;
  readonly enabled?: boolean;
}

/** The link to the page behind it. */
export const nextOf = (bundle: Bundle | undefined): string | undefined =>
  bundle?.link?.find(({ relation }) => relation === 'next')?.url;

/** What was found, without words about the search. */
export const matchesIn = <T extends FhirResource>({ entry = [] }: Bundle<T>): readonly T[] =>
  entry.flatMap(({ resource, search }) => (resource && search?.mode !== 'outcome' ? [resource] : []));

export function usePages<T extends FhirResource>({ type, parameters, enabled = true }: PagesAsked): Pages<T> {
  /** Links of the pages behind the first one, of which the last is the one that was asked for. */
  const [links, setLinks] = useState<readonly string[]>([]);
  /** What was found before the last of them was asked for. */
  const [before, setBefore] = useState<readonly Bundle<T>[]>([]);
  const { data, error, isFetching, refetch } = useQuery<readonly Bundle<T>[]>({
    key: ['pages', type, parameters, links.length],
    async ask(signal) {
      const last = links.at(-1);
      if (last === undefined) {
        const path = type === '' ? '_search' : `${type}/_search`;
        return [(await ask<Bundle<T>>({ method: 'POST', path, body: formOf(parameters), signal })).body];
      }
      return [...before, (await ask<Bundle<T>>({ path: pathOfLink(last), signal })).body];
    },
    enabled,
  });
  const next = nextOf(data?.at(-1));
  const shown = data ?? (before.length > 0 ? before : undefined);
  return {
    found: shown?.flatMap(matchesIn),
    ...{ error, isFetching },
    again: () => void refetch(),
    more:
      next === undefined
        ? undefined
        : () => {
            setBefore(data ?? []);
            setLinks([...links, next]);
          },
  };
}
