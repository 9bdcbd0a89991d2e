/**
 * To which organizations a user belongs, as far as this server knows: by the PractitionerRoles of the Practitioner that they are. It is asked
 * where some Consent names an organization, and kept until a PractitionerRole changes. https://hl7.org/fhir/R4/practitionerrole.html
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
/** Organizations of one user; of more, these. */
const MOST_ORGANIZATIONS = 100;

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
  /** Whoever asks, with the organizations beside those that their token names, whatever they see of that. */
  of(principal: Principal, viewed: Viewed): Promise<Principal>;
}

export function createAffiliations(bases: readonly string[]): Affiliations {
  let known = createLruCache<Promise<readonly string[]>>(MOST_USERS);
  let withThem = new WeakMap<Principal, Promise<Principal>>();
  const look = async (where: Where, viewed: Viewed): Promise<readonly string[]> => {
    const ended: Where = { kind: 'param', code: 'active', test: { kind: 'token', any: [{ code: 'false' }] } };
    const query = {
      types: ['PractitionerRole'],
      where: { kind: 'all', of: [where, { kind: 'not', of: ended }] } as const,
    };
    const { found } = await createView(viewed, UNRESTRICTED).findIds(query, MOST_ORGANIZATIONS, 'organization');
    return found.filter(({ type }) => type === 'Organization').map(({ id }) => `Organization/${id}`);
  };
  const find = async (principal: Principal, viewed: Viewed): Promise<Principal> => {
    const target = parseReference(principal.fhirUser!, bases);
    const where = target?.kind === 'local' ? asUser(target) : undefined;
    if (!where) return principal;
    const organizations = await known.get(principal.fhirUser!, () => look(where, viewed));
    return { ...principal, organizations: [...new Set([...(principal.organizations ?? []), ...organizations])] };
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

/** PractitionerRoles of a user. */
function asUser({ type, id }: { readonly type: string; readonly id: string }): Where | undefined {
  if (type === 'PractitionerRole') return { kind: 'param', code: '_id', test: { kind: 'token', any: [{ code: id }] } };
  if (type !== 'Practitioner') return undefined;
  return { kind: 'param', code: 'practitioner', test: { kind: 'reference', to: { kind: 'local', type, id } } };
}
