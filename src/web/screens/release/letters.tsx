/** The letters of a request: those that were written, and writing one. */
import type { Bundle, Communication } from 'fhir/r4';
import { useState } from 'preact/hooks';
import { search } from '../../fhir/client.js';
import { shownConcept, shownDate } from '../../fhir/show.js';
import { sayRelease } from '../../messages/release.js';
import { HOME } from '../../session/server.js';
import { announce } from '../../ui/announce.js';
import { FaultSummary, RequestFailed } from '../../ui/fault-summary.js';
import { AreaField, SelectField } from '../../ui/fields.js';
import { Loading } from '../../ui/page.js';
import { OfRecord, Table } from '../../ui/parts.js';
import { matchesIn } from '../../ui/use-pages.js';
import { queries, useQuery } from '../../ui/use-query.js';
import { patientOfRequest } from './request-parts.js';
import { type OfTask, useOperation } from '../../tasks/use-operation.js';

const KINDS = ['acknowledged', 'deficient-authorization', 'extension', 'denial', 'cover', 'part-2-notice'] as const;
type Kind = (typeof KINDS)[number];
const LANGUAGES = ['of-request', 'en', 'es'] as const;

export function Letters(request: OfTask) {
  const { task } = request;
  const id = task.id!;
  const { data, error, refetch } = useQuery({
    key: ['letters', id],
    ask: async signal => {
      const asked = {
        'based-on': `Task/${id}`,
        category: 'urn:chartroom:communication|letter',
        _count: '100',
        _sort: '-sent',
      };
      return matchesIn((await search<Bundle<Communication>>('Communication', asked, signal)).body);
    },
  });
  return (
    <section>
      <h2>{sayRelease('letters')}</h2>
      {error ? (
        <RequestFailed fault={error} again={() => void refetch()} />
      ) : !data ? (
        <Loading />
      ) : (
        <Written letters={data} patient={patientOfRequest(task)} />
      )}
      <WriteLetter {...request} />
    </section>
  );
}

/** Id of the document that it is. */
const documentOf = ({ payload = [] }: Communication): string | undefined =>
  payload.flatMap(
    ({ contentReference }) => /^DocumentReference\/([\w.-]+)/.exec(contentReference?.reference ?? '')?.[1] ?? [],
  )[0];

const titleOfLetter = ({ topic }: Communication): string => shownConcept(topic) || sayRelease('column.letter');

const Written = ({
  letters,
  patient,
}: {
  readonly letters: readonly Communication[];
  readonly patient: string | undefined;
}) =>
  letters.length === 0 ? (
    <p class="empty">{sayRelease('letters.none')}</p>
  ) : (
    <Table
      caption={sayRelease('letters.found', { n: letters.length })}
      columns={[sayRelease('column.letter'), sayRelease('column.written')]}
      rows={letters.map(each => {
        const document = documentOf(each);
        const title = <OfRecord>{titleOfLetter(each)}</OfRecord>;
        return {
          key: each.id!,
          cells: [
            document === undefined || patient === undefined ? (
              title
            ) : (
              <a href={`${HOME}chart/${patient}/document/${document}`}>{title}</a>
            ),
            <span class="nowrap">{shownDate(each.sent)}</span>,
          ],
        };
      })}
    />
  );

function WriteLetter(request: OfTask) {
  const [kind, setKind] = useState<Kind>('acknowledged');
  const [language, setLanguage] = useState<(typeof LANGUAGES)[number]>('of-request');
  const [remark, setRemark] = useState('');
  const { faults, requestId, faultAt, run } = useOperation(request);
  const write = async (event: Event): Promise<void> => {
    event.preventDefault();
    const parameter = [
      { name: 'kind', valueCode: kind },
      ...(language === 'of-request' ? [] : [{ name: 'language', valueCode: language }]),
      ...(remark.trim() === '' ? [] : [{ name: 'remark', valueString: remark.trim() }]),
    ];
    const fields = parameter.map(({ name }) => `letter-${name}`);
    if (!(await run({ name: 'letter', parameter, fields }))) return;
    setRemark('');
    announce(sayRelease('done', { what: sayRelease('letters.write') }));
    await queries.invalidateQueries({ queryKey: ['letters', request.task.id!] });
  };
  return (
    <form class="panel" onSubmit={event => void write(event)} noValidate>
      <h3>{sayRelease('letters.write')}</h3>
      <p class="hint">{sayRelease('letters.text')}</p>
      <FaultSummary faults={faults} requestId={requestId} />
      <div class="grid">
        <SelectField
          id="letter-kind"
          label={sayRelease('letters.kind')}
          value={kind}
          set={value => setKind(KINDS.find(each => each === value) ?? 'acknowledged')}
          options={KINDS.map(each => [each, sayRelease(`letter.${each}`)])}
          fault={faultAt('letter-kind')}
        />
        <SelectField
          id="letter-language"
          label={sayRelease('letters.language')}
          value={language}
          set={value => setLanguage(LANGUAGES.find(each => each === value) ?? 'of-request')}
          options={LANGUAGES.map(each => [each, sayRelease(`language.${each}`)])}
          fault={faultAt('letter-language')}
        />
      </div>
      <AreaField
        id="letter-remark"
        label={sayRelease('letters.remark')}
        hint={sayRelease('letters.remark.hint')}
        isOptional
        rows={2}
        value={remark}
        set={setRemark}
        fault={faultAt('letter-remark')}
      />
      <button type="submit" class="secondary">
        {sayRelease('letters.write')}
      </button>
    </form>
  );
}
