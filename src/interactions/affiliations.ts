/**
 * To which organizations a user belongs, as far as this server knows, by the PractitionerRoles of the Practitioner that they are; and the names
 * of those, or of the Practitioner of a PractitionerRole: the same person. It is asked where some Consent names such, and kept until a PractitionerRole changes. https://hl7.org/fhir/R4/practitionerrole.html
 */
import type { ReadConsent } from '../access/consent.js';
import type { Consents } from '../access/consents.js';
import type { Principal } from '../identity/principal.js';
import { parseReference } from '../fhir/reference.js';
import type { ChangeTable, TypeTable } from '../live/live-table.js';
import { createLruCache } from '../platform/lru-cache.js';
import type { Where } from '../search/query.js';
import { createView, type Viewed } from '../access/view.js';
import { UNRESTRICTED } from '../access/permission.js';

/** Users of whom it is kept. */
const MOST_USERS = 10_000;
/** Organizations and PractitionerRoles of one user; of more, it is not known what they are. */
const MOST_LISTED = 100;

/** What every process must know of them, and of Consents in force. */
export const privacyTables = (
  consents: Consents,
  { table }: Affiliations,
): readonly [TypeTable<ReadConsent>, ChangeTable] => [
  {
    name: 'consent',
    type: 'Consent',
    entry: (resource, id) => consents.entry(resource, id),
    exchange: entries => consents.replace(entries),
  },
  table,
];

export interface Affiliations {
  /** How every process hears that it may be otherwise. */
  readonly table: ChangeTable;
  /** Whoever asks, with their other names, and the organizations beside those that their token names, whatever they see of that. */
  of(principal: Principal, viewed: Viewed): Promise<Principal>;
}

export function createAffiliations(bases: readonly string[]): Affiliations {
  let known = createLruCache<Promise<Affiliated>>(MOST_USERS);
  let withThem = new WeakMap<Principal, Promise<Principal>>();
  const find = async (principal: Principal, viewed: Viewed): Promise<Principal> => {
    const target = parseReference(principal.fhirUser!, bases);
    if (target?.kind !== 'local' || (target.type !== 'PractitionerRole' && target.type !== 'Practitioner'))
      return principal;
    const { organizations, more, names } = await known.get(principal.fhirUser!, () => look(target, viewed));
    return {
      ...principal,
      organizations: [...new Set([...(principal.organizations ?? []), ...organizations])],
      ...(more ? { moreOrganizations: true } : {}),
      ...(names ? { alsoKnownAs: names } : {}),
    };
  };
  const forget = (): void => {
    known = createLruCache(MOST_USERS);
    withThem = new WeakMap();
  };
  return {
    table: { name: 'practitioner-role', type: 'PractitionerRole', changed: forget },
    of(principal, viewed) {
      if (principal.fhirUser === undefined) return Promise.resolve(principal);
      let made = withThem.get(principal);
      if (!made) {
        made = find(principal, viewed);
        withThem.set(principal, made);
        // A store that was away may answer the next one.
        made.catch(forget);
      }
      return made;
    },
  };
}

/** What is known of a user. */
interface Affiliated {
  readonly organizations: readonly string[];
  /** There are others. */
  readonly more: boolean;
  /** undefined: there may be others. */
  readonly names: readonly string[] | undefined;
}

async function look(user: { readonly type: string; readonly id: string }, viewed: Viewed): Promise<Affiliated> {
  const ended: Where = { kind: 'param', code: 'active', test: { kind: 'token', any: [{ code: 'false' }] } };
  const view = createView(viewed, UNRESTRICTED, undefined);
  const isRole = user.type === 'PractitionerRole';
  const where: Where = isRole
    ? { kind: 'param', code: '_id', test: { kind: 'token', any: [{ code: user.id }] } }
    : { kind: 'param', code: 'practitioner', test: { kind: 'reference', to: { kind: 'local', ...user } } };
  const types = ['PractitionerRole'];
  const current = { types, where: { kind: 'all', of: [where, { kind: 'not', of: ended }] } as const };
  const houses = await view.findIds(current, MOST_LISTED, 'organization');
  // A role that has ended was that of the same person.
  const same = await view.findIds({ types, where }, MOST_LISTED, isRole ? 'practitioner' : undefined);
  const isKnown = same.complete && (!isRole || same.found.length > 0);
  return {
    organizations: namesOf(houses.found.filter(({ type }) => type === 'Organization')),
    more: !houses.complete,
    names: isKnown ? namesOf(same.found) : undefined,
  };
}

const namesOf = (found: readonly { readonly type: string; readonly id: string }[]): readonly string[] =>
  found.map(({ type, id }) => `${type}/${id}`);
