/**
 * Registering a person and correcting one: a form, then what will change beside what is there, then the write. It says which version it replaces;
 * where somebody else was faster, theirs is shown beside ours, and nothing that was typed is lost. A person who is registered gets an id here, so that
 * the request may come twice.
 */
import type { Bundle, Patient } from 'fhir/r4';
import { useLocation, useRoute } from 'preact-iso/router';
import { useState } from 'preact/hooks';
import { ask, search } from '../../fhir/client.js';
import { RequestFault } from '../../fhir/fault.js';
import { sayPatients } from '../../messages/patients.js';
import { say } from '../../messages/common.js';
import { HOME } from '../../session/server.js';
import { announce } from '../../ui/announce.js';
import { FaultSummary, fieldFaults, type FieldFault, RequestFailed } from '../../ui/fault-summary.js';
import { Loading, Page } from '../../ui/page.js';
import { queries, useQuery } from '../../ui/use-query.js';
import { type Draft, type DraftField, draftOf, FIELDS_BY_EXPRESSION, missingFields, withDraft } from './draft.js';
import { PersonFields } from './person-fields.js';
import { Review } from './review.js';

interface Version {
  readonly patient: Patient;
  readonly etag: string | undefined;
}

export function RegisterPatient() {
  const [id] = useState(() => crypto.randomUUID());
  return (
    <Editing
      title={sayPatients('register')}
      version={{ patient: { resourceType: 'Patient', id }, etag: undefined }}
      isNew
    />
  );
}

export function EditPatient() {
  const { id = '' } = useRoute().params;
  const { data, error, isFetching, refetch } = useQuery({
    key: ['patient', id, 'to edit'],
    ask: async signal => {
      const { body, etag } = await ask<Patient>({ path: `Patient/${encodeURIComponent(id)}`, signal });
      return { patient: body, etag };
    },
  });
  const title = sayPatients('edit.title');
  if (error)
    return (
      <Page title={title}>
        <RequestFailed fault={error} again={() => void refetch()} />
      </Page>
    );
  if (!data || isFetching)
    return (
      <Page title={title}>
        <Loading />
      </Page>
    );
  return <Editing title={title} version={data} isNew={false} />;
}

interface EditingShape {
  readonly title: string;
  readonly version: Version;
  readonly isNew: boolean;
}

function Editing({ title, version, isNew }: EditingShape) {
  const { route } = useLocation();
  const [base, setBase] = useState(version);
  const [draft, setDraft] = useState(() => draftOf(version.patient));
  const [isReview, review] = useState(false);
  /** What somebody else has written meanwhile. */
  const [theirs, setTheirs] = useState<Version>();
  const [faults, setFaults] = useState<readonly FieldFault[]>([]);
  const [requestId, setRequestId] = useState<string>();
  const [isBusy, setBusy] = useState(false);
  const id = base.patient.id!;
  const back = isNew ? `${HOME}patients` : `${HOME}chart/${id}`;

  const toReview = (event: Event): void => {
    event.preventDefault();
    const missing = missingFields(draftOf(base.patient), draft, isNew);
    setFaults(missing.map(field => ({ field, text: sayPatients('edit.name-missing') })));
    if (missing.length === 0) review(true);
  };
  const failed = async (error: unknown): Promise<void> => {
    if (!(error instanceof RequestFault)) throw error;
    if (error.status === 409 || error.status === 412) setTheirs(await currentOf(id));
    else review(false);
    setRequestId(error.requestId);
    setFaults(fieldFaults(error, FIELDS_BY_EXPRESSION));
  };
  const save = async (): Promise<void> => {
    setBusy(true);
    try {
      await write(base, draft);
      queries.removeQueries({ queryKey: ['patient', id] });
      queries.removeQueries({ queryKey: ['patients'] });
      announce(sayPatients('edit.saved'));
      route(`${HOME}chart/${id}`, true);
    } catch (error) {
      await failed(error);
    } finally {
      setBusy(false);
    }
  };
  /** `mine`: fields that stay as they were typed; all others are as somebody else has written them. */
  const takeTheirs = (mine: ReadonlySet<DraftField>): void => {
    if (!theirs) return;
    setDraft(mixed(draft, draftOf(theirs.patient), mine));
    setBase(theirs);
    setTheirs(undefined);
    setFaults([]);
  };
  return (
    <Page title={title}>
      <FaultSummary faults={faults} requestId={requestId} />
      {isReview ? (
        <Review
          {...{
            was: isNew ? undefined : draftOf(base.patient),
            draft,
            isBusy,
            theirs: theirs && draftOf(theirs.patient),
            takeTheirs,
          }}
          same={isNew ? <SamePeople draft={draft} /> : null}
          save={() => void save()}
          back={() => (review(false), setTheirs(undefined), setFaults([]))}
        />
      ) : (
        <PersonForm
          {...{ draft, isNew, back, toReview, faults }}
          set={(field, value) => setDraft({ ...draft, [field]: value })}
        />
      )}
    </Page>
  );
}

interface PersonFormShape {
  readonly draft: Draft;
  readonly set: (field: DraftField, value: string) => void;
  readonly isNew: boolean;
  /** Where whoever does not want to goes. */
  readonly back: string;
  readonly toReview: (event: Event) => void;
  readonly faults: readonly FieldFault[];
}

const PersonForm = ({ draft, set, isNew, back, toReview, faults }: PersonFormShape) => (
  <form onSubmit={toReview} noValidate>
    <PersonFields {...{ draft, set, isNew }} faultOf={field => faults.find(each => each.field === field)?.text} />
    <div class="buttons">
      <button type="submit">{sayPatients('edit.review')}</button>
      <a class="button secondary" href={back}>
        {say('cancel')}
      </a>
    </div>
  </form>
);

/** Ours in the fields that are named, theirs in all others. */
const mixed = (ours: Draft, theirs: Draft, mine: ReadonlySet<DraftField>): Draft => ({
  ...theirs,
  ...Object.fromEntries([...mine].map(field => [field, ours[field]])),
});

async function currentOf(id: string): Promise<Version> {
  const { body, etag } = await ask<Patient>({ path: `Patient/${id}` });
  return { patient: body, etag };
}

const write = ({ patient, etag }: Version, draft: Draft) =>
  ask({
    ...{ method: 'PUT', path: `Patient/${patient.id!}`, body: withDraft(patient, draft) },
    headers: etag === undefined ? {} : { 'If-Match': etag },
  });

/** People of that name and birth date: whoever registers sees them before there are two of one. */
function SamePeople({ draft }: { readonly draft: Draft }) {
  const { family, birthDate } = draft;
  const { data } = useQuery({
    key: ['patients', 'same as', family, birthDate],
    ask: async signal =>
      (
        await search<Bundle<Patient>>(
          'Patient',
          { family, birthdate: birthDate, _count: '5', _elements: 'name,birthDate' },
          signal,
        )
      ).body,
    enabled: family !== '' && birthDate !== '',
  });
  const found = (data?.entry ?? []).flatMap(({ resource }) => (resource?.resourceType === 'Patient' ? [resource] : []));
  if (found.length === 0) return null;
  return (
    <div class="notice warning">
      <h2>{sayPatients('edit.same', { n: found.length })}</h2>
      <ul>
        {found.map(({ id }) => (
          <li key={id}>
            <a href={`${HOME}chart/${id!}`}>{sayPatients('edit.same.open')}</a>
          </li>
        ))}
      </ul>
    </div>
  );
}
