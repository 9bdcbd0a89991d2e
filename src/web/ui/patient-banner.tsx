/**
 * Whose record this is: above every page of it, always in sight. Whoever comes to another patient is told so, and what was loaded of the former one
 * is let go.
 */
import type { AllergyIntolerance, Bundle, Patient } from 'fhir/r4';
import type { ComponentChildren } from 'preact';
import { useEffect } from 'preact/hooks';
import { ask, pathOfLink, search } from '../fhir/client.js';
import { labelOfIdentifier, nameInUse, shownConcept, shownDate, shownName } from '../fhir/show.js';
import { sayChart } from '../messages/chart.js';
import { HOME } from '../session/server.js';
import { mayUse } from '../session/session.js';
import { announce } from './announce.js';
import { RequestFailed } from './fault-summary.js';
import { Loading, Page } from './page.js';
import { OfRecord } from './parts.js';
import { BornAndAge, PatientName, PatientTags, twoIdentifiers } from './patient-line.js';
import { matchesIn, nextOf } from './use-pages.js';
import { queries, useQuery } from './use-query.js';

let open: string | undefined;

/** Lets go of everything that was loaded of another patient. */
function changeTo(id: string, leading: string): void {
  if (open === id) return;
  if (open !== undefined)
    queries.removeQueries({
      predicate: ({ queryKey }) => [id, leading].every(each => each === '' || !JSON.stringify(queryKey).includes(each)),
    });
  open = id;
}

interface WithPatientShape {
  readonly id: string;
  /** Id of what has led to the patient, and stays. */
  readonly leading?: string;
  readonly children: (patient: Patient) => ComponentChildren;
}

/** The banner, and below it what is shown of the patient, once that is there. */
export function WithPatient({ id, leading = '', children }: WithPatientShape) {
  changeTo(id, leading);
  const { data, error, refetch } = useQuery({
    key: ['patient', id],
    ask: async signal => (await ask<Patient>({ path: `Patient/${encodeURIComponent(id)}`, signal })).body,
  });
  useEffect(() => {
    if (data) announce(sayChart('changed-patient', { name: shownName(nameInUse(data.name)) }));
  }, [data?.id]);
  if (!data)
    return (
      <Page title={sayChart('title')}>
        {error ? <RequestFailed fault={error} again={() => void refetch()} /> : <Loading />}
      </Page>
    );
  return (
    <>
      <Banner patient={data} />
      {children(data)}
    </>
  );
}

function Banner({ patient }: { readonly patient: Patient }) {
  const { deceasedDateTime, gender, identifier } = patient;
  return (
    <section class="patient-banner" aria-label={sayChart('banner.label')}>
      <p class="who">
        <PatientName patient={patient} /> <PatientTags patient={patient} />
      </p>
      <dl class="facts">
        <Fact what={sayChart('banner.born')}>
          <BornAndAge patient={patient} />
        </Fact>
        {deceasedDateTime !== undefined && <Fact what={sayChart('banner.died')}>{shownDate(deceasedDateTime)}</Fact>}
        <Fact what={sayChart('banner.sex')}>{gender ?? '–'}</Fact>
        {twoIdentifiers(identifier).map(each => (
          <Fact key={each.value} what={labelOfIdentifier(each)}>
            <OfRecord>{each.value ?? ''}</OfRecord>
          </Fact>
        ))}
        <Fact what={sayChart('banner.allergies')}>
          <Allergies id={patient.id!} />
        </Fact>
      </dl>
      {mayUse('edit-patient') && (
        <a class="edit" href={`${HOME}patients/${patient.id!}/edit`}>
          {sayChart('banner.edit')}
        </a>
      )}
    </section>
  );
}

const Fact = ({ what, children }: { readonly what: string; readonly children: ComponentChildren }) => (
  <div>
    <dt>{what}</dt>
    <dd>{children}</dd>
  </div>
);

function Allergies({ id }: { readonly id: string }) {
  const { data, error } = useQuery({
    key: ['allergies', id],
    ask: signal => allergiesOf(id, signal),
  });
  if (error) return <span>{sayChart('banner.allergies.unknown')}</span>;
  if (!data) return <span>…</span>;
  const names = data.found.filter(isTrue).map(({ code }) => shownConcept(code));
  if (data.isCut) names.push(sayChart('banner.allergies.more'));
  if (names.length === 0) return <span>{sayChart('banner.allergies.none')}</span>;
  return <OfRecord>{[...new Set(names)].join(', ')}</OfRecord>;
}

const MOST_PAGES = 10;

/** All of them: one that is not shown could be the one that matters. `isCut`: there are still more. */
async function allergiesOf(id: string, signal: AbortSignal) {
  const parameters = { patient: `Patient/${id}`, _elements: 'code,clinicalStatus,verificationStatus', _count: '50' };
  let { body } = await search<Bundle<AllergyIntolerance>>('AllergyIntolerance', parameters, signal);
  const found = [...matchesIn(body)];
  for (let page = 1; page < MOST_PAGES; page++) {
    const next = nextOf(body);
    if (next === undefined) break;
    ({ body } = await ask<Bundle<AllergyIntolerance>>({ path: pathOfLink(next), signal }));
    found.push(...matchesIn(body));
  }
  return { found, isCut: nextOf(body) !== undefined };
}

/** Neither refuted, nor recorded by mistake, nor over. */
const isTrue = ({ clinicalStatus, verificationStatus }: AllergyIntolerance): boolean => {
  const codes = [clinicalStatus, verificationStatus].flatMap(each => each?.coding?.map(({ code }) => code) ?? []);
  return !codes.some(code => ['inactive', 'resolved', 'refuted', 'entered-in-error'].includes(code ?? ''));
};
