/**
 * `Patient/[id]/$disclose`: something of a patient was given to others outside of this server, on paper or by telephone, and must be found when
 * the patient asks for an accounting of disclosures (45 CFR 164.528). Defined in profiles/operationdefinition-disclose.json; features
 * tell what they give out by `tellDisclosure`.
 *
 * Choices: it is recorded as any operation, and as the disclosure. What it names must be of this patient and be seen by whoever asks, so that no
 * answer tells what is hidden. It happened in the past; what is not known exactly may be a month or a year.
 */
import { purposeOf } from '../../access/purposes.js';
import { createView } from '../../access/view.js';
import { FhirError } from '../../fhir/error.js';
import { parseGivenDateTime } from '../../fhir/datetime.js';
import { parseReference } from '../../fhir/reference.js';
import { isObject } from '../../fhir/resource.js';
import type { Principal } from '../../identity/principal.js';
import { newId } from '../../platform/ids.js';
import type { Version } from '../../store/store.js';
import type { Context, OperationImplementation } from '../engine.js';
import type { Of, Outcome, Result } from '../interaction.js';
import { settledPermission } from '../reach.js';
import type { Disclosure, DisclosureParty } from '../tell.js';
import { badParameter, type GivenParameter, readGiven } from './parameters.js';

/** It changes no resource: the letters of Patient are not asked, but what is named must be seen. */
export const discloseOperation: OperationImplementation = { needsNothing: true, run: disclose };

const PARAGRAPH = /^16[04]\.\d{3}(?:\([A-Za-z0-9]{1,6}\))*$/;
/** What an agent of an AuditEvent may be: https://hl7.org/fhir/R4/auditevent-definitions.html#AuditEvent.agent.who */
const PARTIES = ['Device', 'Organization', 'Patient', 'Practitioner', 'PractitionerRole', 'RelatedPerson'];
const LONGEST = 1000;
const MOST_DATA = 1000;

async function disclose(context: Context, ask: Of<'operation'>): Promise<Outcome> {
  const { engine } = context;
  const { id: patient = '' } = ask;
  if (!(await shown(context, 'Patient', patient))) throw new FhirError('not-found', 'There is no such patient.');
  const disclosure = await disclosureGiven(context, patient, readGiven(engine, ask).given);
  const id = newId(engine.clock.now());
  const parameter = [{ name: 'event', valueString: `AuditEvent/${id}` }];
  const result: Result = {
    status: 200,
    text: Buffer.from(JSON.stringify({ resourceType: 'Parameters', parameter })),
    patients: [patient],
  };
  return {
    result,
    recordedParts: [
      { target: ask, result },
      { target: ask, result, disclosed: { id, disclosure } },
    ],
  };
}

async function disclosureGiven(
  context: Context,
  patient: string,
  given: readonly GivenParameter[],
): Promise<Disclosure> {
  const { engine, principal } = context;
  const find = (name: string): GivenParameter | undefined => given.find(each => each.name === name);
  const text = (name: string): string | undefined => {
    const found = find(name);
    if (found === undefined) return undefined;
    const trimmed = (found.value as string).trim().replaceAll(/\s+/g, ' ');
    if (trimmed === '' || trimmed.length > LONGEST)
      throw badParameter(`${name} has ${LONGEST} characters at most, and not none.`, found.at);
    return trimmed;
  };
  const reference = (name: string): string | undefined => {
    const named = text(name);
    if (named === undefined || parseReference(named, engine.settings.bases)?.kind === 'local') return named;
    throw badParameter(`${name} names a resource of this server, as Task/1.`, find(name)!.at);
  };
  const party = (name: string): string | undefined => {
    const named = text(name);
    const target = named === undefined ? undefined : parseReference(named, engine.settings.bases);
    if (named === undefined || (target?.kind === 'local' && PARTIES.includes(target.type))) return named;
    throw badParameter(
      `${name} names a party of this server, as Organization/1: one of ${PARTIES.join(', ')}.`,
      find(name)!.at,
    );
  };
  const [purpose, basis] = [text('purpose')!, text('basis')!];
  if (purposeOf({ code: purpose }) === undefined)
    throw badParameter('purpose is a purpose of use of v3-ActReason, as HLEGAL.', find('purpose')!.at);
  if (!PARAGRAPH.test(basis))
    throw badParameter('basis is a paragraph of 45 CFR 164 or 160, as 164.512(f)(1).', find('basis')!.at);
  const data = await dataGiven(context, patient, given);
  const description = text('description');
  if (data.length === 0 && description === undefined)
    throw badParameter('$disclose needs data or a description: what was given out.', 'Parameters.parameter');
  const authorizer = text('authorizer');
  const authorizerParty = party('authorizer-reference');
  if (authorizerParty !== undefined && authorizer === undefined)
    throw badParameter('authorizer-reference needs authorizer: the name.', find('authorizer-reference')!.at);
  return {
    ...{ direction: 'given', patient, purpose, basis, data, description },
    other: { name: text('recipient')!, reference: party('recipient-reference'), address: text('address')! },
    when: pastGiven(engine.clock.now(), find('when')),
    custodian: custodianOf(principal),
    authorizer: authorizer === undefined ? undefined : { name: authorizer, reference: authorizerParty },
    request: reference('request'),
    suspendedUntil: text('suspended-until'),
  };
}

const custodianOf = ({ name }: Principal): DisclosureParty | undefined => (name === undefined ? undefined : { name });

/** Throws `invalid` for what is still to come. */
function pastGiven(now: number, given: GivenParameter | undefined): string | undefined {
  if (!given) return undefined;
  const text = (given.value as string).replace(' ', '+');
  if (parseGivenDateTime(text)!.low > now) throw badParameter('when is in the future.', given.at);
  return text;
}

async function dataGiven(context: Context, patient: string, all: readonly GivenParameter[]): Promise<string[]> {
  const given = all.filter(({ name }) => name === 'data');
  if (given.length > MOST_DATA) throw badParameter(`data may be given ${MOST_DATA} times.`, given[MOST_DATA]!.at);
  const named: string[] = [];
  for (const { value, at } of given) {
    const text = isObject(value) && typeof value['reference'] === 'string' ? value['reference'] : '';
    const target = parseReference(text, context.engine.settings.bases);
    const row = target?.kind === 'local' ? await shown(context, target.type, target.id, target.version) : undefined;
    if (target?.kind !== 'local' || !row?.patients.includes(patient))
      throw new FhirError('unprocessable', 'data names resources of this patient that are there.', {
        ...{ expression: at, detail: 'not-of-patient' },
      });
    named.push(`${target.type}/${target.id}/_history/${row.version}`);
  }
  return named;
}

/** The version, or the newest one, where whoever asks sees it. */
async function shown(context: Context, type: string, id: string, version?: string): Promise<Version | undefined> {
  const { engine, principal } = context;
  const decision = engine.decide(principal, { type, needs: 'r' });
  if (!decision.allow || (version !== undefined && !/^[1-9]\d{0,14}$/.test(version))) return undefined;
  const { reach, masks } = await settledPermission(context, decision.permission);
  const row = await createView(engine, reach.r, masks).read(
    type,
    id,
    version === undefined ? undefined : Number(version),
  );
  return row?.text === undefined ? undefined : row;
}
