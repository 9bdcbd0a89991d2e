/** Questions to the trail: asked when the form is sent, with names of people in the body alone. */
import type { Bundle, Parameters, Patient } from 'fhir/r4';
import { useRoute } from 'preact-iso/router';
import { useState } from 'preact/hooks';
import { ask, search } from '../../fhir/client.js';
import type { RequestFault } from '../../fhir/fault.js';
import { escapedValue } from '../../fhir/search-value.js';
import { sayAudit } from '../../messages/audit.js';
import { type FieldFault, fieldFaults, FaultSummary, RequestFailed } from '../../ui/fault-summary.js';
import { DaysFields } from '../../ui/days-fields.js';
import { CheckField, SelectField, TextField } from '../../ui/fields.js';
import { Loading, Page } from '../../ui/page.js';
import { SummaryList } from '../../ui/parts.js';
import { BornAndAge, Identifiers, PatientName } from '../../ui/patient-line.js';
import { useQuery } from '../../ui/use-query.js';
import { Downloads } from '../../audit/downloads.js';
import { AuditLines } from '../../audit/lines.js';
import {
  faultsOfInquiry,
  type Inquiry,
  NEW_INQUIRY,
  parametersOfInquiry,
  pathOf,
  type QuestionName,
  QUESTIONS,
} from './questions.js';
import { AuditTabs } from './tabs.js';

/** Lines of a page. */
const COUNT = 50;

/** A question as it was asked, and the first page of its answer. */
interface Answered {
  readonly inquiry: Inquiry;
  readonly path: string;
  readonly bundle: Bundle<Parameters>;
}

export function AskTrail() {
  const { params } = useRoute();
  const known = params['id'];
  const [inquiry, setInquiry] = useState<Inquiry>({ ...NEW_INQUIRY, ...(known ? { question: 'who-saw' } : {}) });
  const [faults, setFaults] = useState<readonly FieldFault[]>([]);
  const [refused, setRefused] = useState<RequestFault>();
  const [answered, setAnswered] = useState<Answered>();
  const [isBusy, setBusy] = useState(false);
  const submit = async (event: Event): Promise<void> => {
    event.preventDefault();
    setAnswered(undefined);
    setRefused(undefined);
    const found = faultsOfInquiry(inquiry, known !== undefined);
    setFaults(found);
    if (found.length > 0) return;
    setBusy(true);
    try {
      const patient = QUESTIONS[inquiry.question].isOfPatient
        ? (known ?? (await patientByIdentifier(inquiry.identifier)))
        : undefined;
      if (typeof patient === 'object') setFaults([patient]);
      else setAnswered(await answerTo(inquiry, pathOf(inquiry, patient)));
    } catch (error) {
      setRefused(error as RequestFault);
    }
    setBusy(false);
  };
  const atFields = refused ? fieldFaults(refused, FIELDS) : faults;
  return (
    <Page title={sayAudit('title')}>
      <AuditTabs at="questions" />
      <FaultSummary faults={atFields} requestId={refused?.requestId} />
      <p>{sayAudit('text')}</p>
      {known !== undefined && <OfPatient id={known} />}
      <form class="panel" onSubmit={event => void submit(event)} noValidate>
        <InquiryFields inquiry={inquiry} set={setInquiry} faults={atFields} hasPatient={known !== undefined} />
        <button type="submit" disabled={isBusy}>
          {sayAudit('ask')}
        </button>
      </form>
      {isBusy && <Loading />}
      {answered && (
        <>
          <AuditLines key={answered.bundle.id} first={answered.bundle} />
          {QUESTIONS[answered.inquiry.question].writes !== true && (
            <Downloads
              path={answered.path}
              body={parametersOfInquiry(answered.inquiry)}
              name={answered.inquiry.question}
            />
          )}
        </>
      )}
    </Page>
  );
}

const FIELDS = {
  ...{ 'Parameters.parameter': 'person', 'http.start': 'start', 'http.end': 'end' },
  ...{ 'http.user': 'person', 'http.agent': 'person', 'http.recipient': 'person' },
};

async function answerTo(inquiry: Inquiry, path: string): Promise<Answered> {
  const { body } = await ask<Bundle<Parameters>>({ method: 'POST', path, body: parametersOfInquiry(inquiry, COUNT) });
  return { inquiry, path, bundle: body };
}

/** The id of the one patient with this identifier, or what is wrong with it. */
async function patientByIdentifier(identifier: string): Promise<string | FieldFault> {
  const asked = { identifier: escapedValue(identifier.trim()), _elements: 'id', _count: '2' };
  const { body } = await search<Bundle<Patient>>('Patient', asked);
  const ids = (body.entry ?? []).flatMap(({ resource }) =>
    resource?.resourceType === 'Patient' ? [resource.id!] : [],
  );
  if (ids.length === 1) return ids[0]!;
  return { field: 'identifier', text: sayAudit(ids.length === 0 ? 'identifier.none' : 'identifier.many') };
}

function OfPatient({ id }: { readonly id: string }) {
  const { data, error } = useQuery({
    key: ['patient-line', id],
    ask: async () => (await ask<Patient>({ path: `Patient/${id}?_elements=name,birthDate,identifier` })).body,
  });
  if (error) return <RequestFailed fault={error} />;
  if (!data) return <Loading />;
  return (
    <SummaryList
      rows={[
        [sayAudit('of-patient'), <PatientName patient={data} />],
        ['', <BornAndAge patient={data} />],
        [' ', <Identifiers identifiers={data.identifier} />],
      ]}
    />
  );
}

interface FieldsShape {
  readonly inquiry: Inquiry;
  readonly set: (inquiry: Inquiry) => void;
  readonly faults: readonly FieldFault[];
  readonly hasPatient: boolean;
}

function InquiryFields({ inquiry, set, faults, hasPatient }: FieldsShape) {
  const { isOfPatient, person, writes } = QUESTIONS[inquiry.question];
  const change = (name: keyof Inquiry) => (value: string | boolean) => set({ ...inquiry, [name]: value });
  const at = (name: string): string | undefined => faults.find(({ field }) => field === name)?.text;
  const questions = Object.keys(QUESTIONS) as QuestionName[];
  return (
    <>
      <SelectField
        id="question"
        label={sayAudit('question')}
        value={inquiry.question}
        set={change('question')}
        options={questions.map(each => [each, sayAudit(`question.${each}`)])}
      />
      <div class="grid">
        {isOfPatient && !hasPatient && (
          <TextField
            id="identifier"
            label={sayAudit('identifier')}
            hint={sayAudit('identifier.hint')}
            value={inquiry.identifier}
            set={change('identifier')}
            fault={at('identifier')}
          />
        )}
        {person !== undefined && (
          <TextField
            id="person"
            label={sayAudit(person === 'recipient' ? 'recipient' : 'user')}
            hint={person === 'recipient' ? undefined : sayAudit('user.hint')}
            value={inquiry.person}
            set={change('person')}
            fault={at('person')}
            isOptional={QUESTIONS[inquiry.question].needsPerson !== true}
            anyScript
          />
        )}
        <DaysFields
          label={sayAudit}
          hint={sayAudit('days.hint')}
          value={inquiry}
          set={(day, value) => change(day)(value)}
          faultAt={at}
        />
      </div>
      {writes === true && (
        <>
          <p class="notice warning">{sayAudit('accounting.warning')}</p>
          <CheckField
            id="meant"
            label={sayAudit('accounting.agree')}
            value={inquiry.isMeant}
            set={change('isMeant')}
            fault={at('meant')}
          />
        </>
      )}
    </>
  );
}
