/** Clients that follow changes by asking again and again, as docs/searching.md tells them to, or as they should not. */
import type { Basic, Bundle, Parameters } from 'fhir/r4.js';
import { linkOf, type Talk } from '../../support/talk.js';

export interface Poller {
  readonly name: string;
  /** `id/version` → how often it was seen. */
  readonly seen: Map<string, number>;
  /** ms: it has everything that was stamped below. */
  from(): number;
  /** One question, with all its pages; nothing is taken of one that fails. */
  ask(talk: Talk): Promise<void>;
}

interface Found {
  readonly name: string;
  readonly updated: number;
}

const COUNT = 1000;
const instant = (ms: number): string => new Date(ms).toISOString();

/** Of all pages; undefined: the server was away. */
async function pagesOf(talk: Talk, path: string): Promise<Bundle<Basic>[] | undefined> {
  const pages: Bundle<Basic>[] = [];
  for (let next: string | undefined = path; next !== undefined; next = linkOf(pages.at(-1)!, 'next')) {
    const page = await talk.get<Bundle<Basic>>(next).catch(() => undefined);
    if (page?.status !== 200) return undefined;
    pages.push(page.body);
  }
  return pages;
}

export const foundIn = (pages: readonly Bundle<Basic>[]): Found[] =>
  pages.flatMap(({ entry = [] }) =>
    entry.map(({ resource }) => ({
      name: `${resource?.id}/${resource?.meta?.versionId}`,
      updated: Date.parse(resource?.meta?.lastUpdated ?? ''),
    })),
  );

/** Everything that there is. */
export async function allVersions(talk: Talk): Promise<Found[]> {
  for (;;) {
    const pages = await pagesOf(talk, `Basic/_history?_count=${COUNT}`);
    if (pages) return foundIn(pages);
  }
}

export async function horizonOf(talk: Talk): Promise<number | undefined> {
  const answer = await talk.get<Parameters>('$horizon').catch(() => undefined);
  return answer?.status === 200 ? Date.parse(answer.body.parameter?.[0]?.valueInstant ?? '') : undefined;
}

/** `ask` gives what it has found between `from` and the end of the window, and that end. */
function poller(
  name: string,
  start: number,
  ask: (talk: Talk, from: number) => Promise<{ readonly found: readonly Found[]; readonly to: number } | undefined>,
): Poller {
  const seen = new Map<string, number>();
  let from = start;
  return {
    name,
    seen,
    from: () => from,
    async ask(talk) {
      const answer = await ask(talk, from);
      // Another process may know less than the one that was asked before.
      if (!answer || answer.to <= from) return;
      for (const each of answer.found)
        if (each.updated < answer.to) seen.set(each.name, (seen.get(each.name) ?? 0) + 1);
      from = answer.to;
    },
  };
}

/** By the history: one question a time, whose answer tells how far it is complete. */
export const byHistory = (start: number): Poller =>
  poller('history', start, async (talk, from) => {
    const pages = await pagesOf(talk, `Basic/_history?_since=${instant(from)}&_count=${COUNT}`);
    return pages && { found: foundIn(pages), to: Date.parse(pages[0]!.meta?.lastUpdated ?? '') };
  });

/** By searches from one horizon to the next. */
export const bySearch = (start: number): Poller =>
  poller('search', start, async (talk, from) => {
    const to = await horizonOf(talk);
    if (to === undefined || to <= from) return undefined;
    const window = `_lastUpdated=ge${instant(from)}&_lastUpdated=lt${instant(to)}`;
    const pages = await pagesOf(talk, `Basic?${window}&_count=${COUNT}`);
    return pages && { found: foundIn(pages), to };
  });

/** By the newest stamp that it has seen: what is committed later with an earlier stamp it never sees. */
export const byNewest = (start: number): Poller =>
  poller('newest', start, async (talk, from) => {
    const pages = await pagesOf(talk, `Basic/_history?_since=${instant(from)}&_count=${COUNT}`);
    const found = pages && foundIn(pages);
    return found && { found, to: Math.max(from, ...found.map(({ updated }) => updated + 1)) };
  });
