/** `chartroom import` into the store of a running server, and what a store holds, so that two of them can be compared. */
import { noUsers } from './no-users.js';
import { createHash } from 'node:crypto';
import { importFiles } from '../../src/cli/import.js';
import type { Invocation } from '../../src/cli/invocation.js';
import type { Engine } from '../../src/interactions/engine.js';
import { loadConfig } from '../../src/platform/config.js';

/** The exit status. The command closes the store that it opened; here the server goes on with it. */
export const importInto = (
  engine: Engine,
  words: readonly string[],
  options: Invocation['options'] = {},
  more: { readonly store?: Partial<Engine['store']>; readonly flags?: Parameters<typeof loadConfig>[0]['flags'] } = {},
): Promise<number> =>
  importFiles({
    config: loadConfig({ flags: more.flags ?? {}, env: {} }),
    words,
    options,
    backUp: async () => {},
    openUsers: noUsers,
    acceptGuides: async () => {},
    openValidator: async () => {
      throw new Error('no validator');
    },
    open: async () => ({ ...engine, store: { ...engine.store, close: () => Promise.resolve(), ...more.store } }),
  });

/** How many versions there are of each type but audit events, deletions included. */
export async function versionsIn({ store, definitions }: Engine): Promise<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const type of definitions.resourceTypes) {
    if (type === 'AuditEvent') continue;
    let page = await store.history({ type, limit: 500 });
    let count = page.rows.length;
    while (page.more) {
      page = await store.history({ type, limit: 500, after: page.cursors.at(-1)! });
      count += page.rows.length;
    }
    if (count > 0) counts[type] = count;
  }
  return counts;
}

const ROUNDS = 4;
const digest = (text: string): string => createHash('sha256').update(text).digest('hex').slice(0, 24);

/** What tells apart how and when the same was sent: the request of a Provenance, its address, and its time; and names that documents were given. */
const HOW_SENT =
  /"masterIdentifier":\{"system":"urn:ietf:rfc:3986","value":"urn:uuid:[^"]*"\}|"recorded":"[^"]*"|"system":"#request","value":"[^"]*"|"who":\{"identifier":\{"value":"[^"]*"\}\}/g;

/**
 * Every current resource but audit events, as a digest of what it says, in order. Ids are told by what they stand for: by
 * what the resource says and what those say that it refers to. Equal lists: the stores say the same.
 */
export async function contentsOf({ store, settings }: Engine): Promise<string[]> {
  const texts = new Map<string, string>();
  for await (const { row } of store.scan()) {
    if (row.type === 'AuditEvent') continue;
    const {
      id: _,
      meta,
      ...rest
    } = JSON.parse(row.text!.toString().replaceAll(new RegExp(`${settings.base}/?`, 'g'), '')) as {
      id: string;
      meta?: Record<string, unknown>;
    };
    const { lastUpdated: __, ...labels } = meta ?? {};
    texts.set(`${row.type}/${row.id}`, JSON.stringify([labels, rest]).replaceAll(HOW_SENT, ''));
  }
  let names = new Map([...texts.keys()].map(name => [name, name.split('/')[0]!]));
  for (let round = 0; round < ROUNDS; round++)
    names = new Map(
      [...texts].map(([name, text]) => [
        name,
        digest(text.replaceAll(/[A-Z]\w+\/[\w.-]{1,64}/g, other => names.get(other) ?? other)),
      ]),
    );
  return [...names.values()].toSorted();
}
