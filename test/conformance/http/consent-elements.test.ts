/**
 * Elements with labels of their own (DS4P, http://hl7.org/fhir/uv/security-label-ds4p), and Consents that speak of such labels: what a Consent keeps from
 * somebody as a resource it keeps as an element. https://profiles.ihe.net/ITI/PCF/content.html (Advanced)
 */
import assert from 'node:assert/strict';
import type { Bundle, Consent, ConsentProvision, Observation } from 'fhir/r4.js';
import { it } from 'mocha';
import { onStoresInTurn } from '../../support/both-stores.js';
import { actCode, as, confidential, identifyAs, privacyConsent, purpose, staffAnd } from '../../support/consents.js';
import { refusal } from '../../support/talk.js';

const PRINCIPALS = {
  ...staffAnd('p'),
  // Sees V by the role, and is bound by Consents.
  reader: { name: 'reader', role: 'reader' },
  research: { name: 'research', role: 'clinician', purpose: 'HRESCH' },
} as const;
const URL = 'http://hl7.org/fhir/uv/security-label-ds4p/StructureDefinition/extension-inline-sec-label';
const labelled = (...labels: readonly object[]) => ({
  extension: labels.map(valueCoding => ({ url: URL, valueCoding })),
});
const CANARY = 'canary';
/** A note with this label stands in each, beside one that anybody may see. */
const noted = (id: string, label: object, patient = 'p'): Observation & { id: string } => ({
  resourceType: 'Observation',
  id,
  status: 'final',
  code: { coding: [{ system: 'urn:codes', code: 'open' }] },
  subject: { reference: `Patient/${patient}` },
  component: [
    { ...labelled(label), code: { coding: [{ system: 'urn:codes', code: CANARY }] }, valueString: CANARY },
    { code: { coding: [{ system: 'urn:codes', code: 'told' }] } },
  ],
});
const ALL = {
  hiv: noted('hiv', actCode('HIV')),
  alcohol: noted('alcohol', actCode('ETHUD')),
  restricted: noted('restricted', confidential('R')),
  normal: noted('normal', confidential('N')),
  others: noted('others', actCode('HIV'), 'other'),
};
const PATIENT = ['p', 'other'].map(id => ({ resourceType: 'Patient', id }) as const);
const HELD: Bundle & { id: string } = {
  ...{ resourceType: 'Bundle', id: 'held', type: 'collection' },
  entry: [{ resource: ALL.hiv }],
};

onStoresInTurn(
  'elements with labels, and Consents that name these',
  stage => {
    /** Of which the element is shown. */
    const shownTo = async (who: string): Promise<string[]> => {
      const { talk } = stage();
      const shown: string[] = [];
      for (const id of Object.keys(ALL)) {
        const { status, text, body } = await talk.get<Observation>(`Observation/${id}`, as(who));
        assert.equal(status, 200, `${who} ${id}: ${text}`);
        assert.ok(text.includes('told'), id);
        assert.equal(body.component!.length, text.includes(CANARY) ? 2 : 1);
        if (text.includes(CANARY)) shown.push(id);
      }
      // By every path the same.
      const paths = ['Observation?_count=50', 'Observation/_history', 'Patient/p/$everything?_type=Observation'];
      for (const path of paths) {
        const { body, text } = await talk.get<Bundle<Observation>>(path, as(who));
        const told = (body.entry ?? []).filter(({ resource }) => JSON.stringify(resource ?? '').includes(CANARY));
        const names = new Set(told.map(({ resource }) => resource!.id!));
        const here = shown.filter(id => !path.startsWith('Patient') || id !== 'others');
        assert.deepEqual([...names].toSorted(), here.toSorted(), `${who} ${path} ${text.length}`);
      }
      const { entry = [] } = await talk.search<Observation>(`Observation?component-code=urn:codes|${CANARY}`, as(who));
      assert.deepEqual(entry.map(({ resource }) => resource!.id!).toSorted(), shown.toSorted(), who);
      const without = await talk.search<Observation>(`Observation?component-code:not=${CANARY}`, as(who));
      assert.equal(without.total, Object.keys(ALL).length - shown.length, who);
      return shown.toSorted();
    };
    const say = async (provision: ConsentProvision | undefined, more: Omit<Partial<Consent>, 'id'> = {}) => {
      const reply = await stage().talk.update(privacyConsent('said', 'p', provision, more), as('owner'));
      assert.ok(reply.status < 300, reply.text);
    };
    const EACH = Object.keys(ALL).toSorted();
    const but = (...hidden: readonly string[]): string[] => EACH.filter(id => !hidden.includes(id));

    it('are shown to whoever sees their level, without a Consent', async () => {
      for (const who of ['clinician', 'reader', 'owner', 'research']) assert.deepEqual(await shownTo(who), EACH, who);
      assert.deepEqual(await shownTo('service'), but('restricted'));
    });

    it('are kept from those to whom the patient denies such data, and from nobody else', async () => {
      await say({ type: 'deny', securityLabel: [actCode('HIV')] });
      assert.deepEqual(await shownTo('clinician'), but('hiv'));
      assert.deepEqual(await shownTo('reader'), but('hiv'));
      assert.deepEqual(await shownTo('service'), but('hiv', 'restricted'));
      assert.deepEqual(await shownTo('owner'), EACH);
      const own = await stage().talk.get('Observation/hiv', as('patient'));
      assert.ok(own.text.includes(CANARY), 'it is their own');
      const held = await stage().talk.get('Bundle/held', as('clinician'));
      assert.equal(held.status, 200);
      assert.ok(!held.text.includes(CANARY) && held.text.includes('told'), held.text);
      const lost = await stage().talk.update({ ...ALL.hiv, status: 'amended' }, as('clinician'));
      assert.equal(refusal(lost).detail, 'masked-resource');
      const old = await stage().talk.get('Observation/hiv/_history/1', as('clinician'));
      assert.ok(!old.text.includes(CANARY));
    });

    it('follow kinds of labels, levels, purposes and what is more specific', async () => {
      await say({ type: 'deny', securityLabel: [actCode('ETH')] });
      assert.deepEqual(await shownTo('clinician'), but('alcohol'));
      await say({ type: 'deny', securityLabel: [confidential('R')] });
      assert.deepEqual(await shownTo('clinician'), but('restricted'));
      await say({ type: 'deny', purpose: [purpose('HRESCH')], securityLabel: [actCode('HIV'), confidential('R')] });
      assert.deepEqual(await shownTo('research'), but('hiv', 'restricted'));
      assert.deepEqual(await shownTo('clinician'), EACH);
      // Normal data alone.
      await say({ type: 'permit', securityLabel: [confidential('N')] });
      assert.deepEqual(await shownTo('clinician'), but('restricted'));
      // Another kind of data is not meant.
      const condition = { system: 'http://hl7.org/fhir/resource-types', code: 'Condition' };
      await say({ type: 'deny', class: [condition], securityLabel: [actCode('HIV')] });
      assert.deepEqual(await shownTo('clinician'), EACH);
      await say({
        type: 'deny',
        securityLabel: [actCode('HIV')],
        provision: [{ type: 'permit', purpose: [purpose('TREAT')] }],
      });
      assert.deepEqual([await shownTo('clinician'), await shownTo('research')], [EACH, but('hiv')]);
    });

    it('are shown again when the Consent is over', async () => {
      await say({ type: 'deny', securityLabel: [actCode('HIV')] });
      assert.deepEqual(await shownTo('clinician'), but('hiv'));
      await say({ type: 'deny', securityLabel: [actCode('HIV')] }, { status: 'inactive' });
      assert.deepEqual(await shownTo('clinician'), EACH);
    });
  },
  {
    set: async ({ server, talk }) => {
      Object.assign(server.engine, { identify: identifyAs(PRINCIPALS) });
      for (const resource of [...PATIENT, ...Object.values(ALL), HELD]) {
        const reply = await talk.update(resource, as('owner'));
        assert.ok(reply.status < 300, reply.text);
      }
    },
  },
);
