/** Finding people: asked when the form is sent, by POST, and for the elements that the list shows. */
import type { Bundle, Patient } from 'fhir/r4';
import { useEffect, useState } from 'preact/hooks';
import { search } from '../../fhir/client.js';
import { escapedValue } from '../../fhir/search-value.js';
import { sayPatients } from '../../messages/patients.js';
import { HOME } from '../../session/server.js';
import { mayUse } from '../../session/session.js';
import { announce } from '../../ui/announce.js';
import { FaultSummary, type FieldFault, RequestFailed } from '../../ui/fault-summary.js';
import { TextField } from '../../ui/fields.js';
import { Empty, Loading, Page } from '../../ui/page.js';
import { Table } from '../../ui/parts.js';
import { BornAndAge, Identifiers, PatientName, PatientTags } from '../../ui/patient-line.js';
import { nextOf } from '../../ui/use-pages.js';
import { useQuery } from '../../ui/use-query.js';

const ELEMENTS = 'name,birthDate,gender,identifier,active,deceased,link,meta';
const SHOWN = 15;

interface Looked {
  readonly name: string;
  readonly identifier: string;
  readonly birthdate: string;
  readonly phone: string;
}
const NOTHING: Looked = { name: '', identifier: '', birthdate: '', phone: '' };

const isEmpty = (looked: Looked): boolean => Object.values(looked).every(value => value.trim() === '');

/** Words of a name are all to be there, in whatever order. */
const searchedFor = ({ name, identifier, birthdate, phone }: Looked) => ({
  name: name
    .split(/\s+/)
    .filter(word => word !== '')
    .map(escapedValue),
  identifier: escapedValue(identifier.trim()),
  birthdate,
  phone: escapedValue(phone.trim()),
  ...{ _sort: 'family', _count: String(SHOWN), _elements: ELEMENTS },
});

export function FindPatients() {
  const [looked, setLooked] = useState(NOTHING);
  /** What was looked for the last time. */
  const [asked, setAsked] = useState<Looked>();
  const [faults, setFaults] = useState<readonly FieldFault[]>([]);
  const set = (name: keyof Looked) => (value: string) => setLooked({ ...looked, [name]: value });
  const submit = (event: Event): void => {
    event.preventDefault();
    if (isEmpty(looked)) return setFaults([{ field: 'name', text: sayPatients('find.nothing-asked') }]);
    setFaults([]);
    setAsked({ ...looked });
  };
  return (
    <Page title={sayPatients('find.title')}>
      <FaultSummary faults={faults} />
      <form class="panel" role="search" onSubmit={submit} noValidate>
        <p class="hint">{sayPatients('find.text')}</p>
        <div class="grid">
          <TextField
            id="name"
            label={sayPatients('find.name')}
            hint={sayPatients('find.name.hint')}
            value={looked.name}
            set={set('name')}
            fault={faults[0]?.text}
            anyScript
          />
          <TextField
            id="identifier"
            label={sayPatients('find.identifier')}
            hint={sayPatients('find.identifier.hint')}
            value={looked.identifier}
            set={set('identifier')}
          />
          <TextField
            id="birthdate"
            type="date"
            label={sayPatients('find.born')}
            value={looked.birthdate}
            set={set('birthdate')}
          />
          <TextField id="phone" type="tel" label={sayPatients('find.phone')} value={looked.phone} set={set('phone')} />
        </div>
        <div class="buttons">
          <button type="submit">{sayPatients('find.submit')}</button>
          <button
            type="button"
            class="secondary"
            onClick={() => (setLooked(NOTHING), setAsked(undefined), setFaults([]))}
          >
            {sayPatients('find.clear')}
          </button>
          {mayUse('register-patient') && <a href={`${HOME}patients/new`}>{sayPatients('register')}</a>}
        </div>
      </form>
      {asked && <Found asked={asked} />}
    </Page>
  );
}

function Found({ asked }: { readonly asked: Looked }) {
  const { data, error, isFetching, refetch } = useQuery({
    key: ['patients', asked],
    ask: async signal => (await search<Bundle<Patient>>('Patient', searchedFor(asked), signal)).body,
  });
  const found = (data?.entry ?? []).flatMap(({ resource, search: { mode } = {} }) =>
    resource?.resourceType === 'Patient' && mode !== 'outcome' ? [resource] : [],
  );
  const hasMore = nextOf(data) !== undefined;
  const told = hasMore
    ? sayPatients('find.found-more', { n: found.length })
    : sayPatients('find.found', { n: found.length });
  useEffect(() => {
    if (data) announce(told);
  }, [data]);
  if (isFetching) return <Loading />;
  if (error) return <RequestFailed fault={error} again={() => void refetch()} />;
  if (found.length === 0)
    return (
      <Empty>
        <h2>{sayPatients('find.none')}</h2>
        <p>{sayPatients('find.none.more')}</p>
      </Empty>
    );
  return (
    <Table
      caption={told}
      columns={['name', 'born', 'sex', 'identifiers', 'status'].map(each => sayPatients(`column.${each as 'name'}`))}
      rows={found.map(patient => ({
        key: patient.id!,
        cells: [
          <a href={`${HOME}chart/${patient.id!}`}>
            <PatientName patient={patient} />
          </a>,
          <BornAndAge patient={patient} />,
          patient.gender ?? '',
          <Identifiers identifiers={patient.identifier} />,
          <PatientTags patient={patient} />,
        ],
      }))}
    />
  );
}
