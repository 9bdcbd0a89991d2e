/** Questions to the audit trail, in words; and how far it is sealed. */
import type { Parameters } from 'fhir/r4';
import { useState } from 'preact/hooks';
import { ask } from '../../fhir/client.js';
import { sayAudit } from '../../messages/audit.js';
import { HOME } from '../../session/server.js';
import { FaultSummary, type FieldFault, RequestFailed } from '../../ui/fault-summary.js';
import { SelectField, TextField } from '../../ui/fields.js';
import { Loading, Page } from '../../ui/page.js';
import { SummaryList } from '../../ui/parts.js';
import { QuestionAnswer } from '../../ui/question-answer.js';
import { saveFile } from '../../ui/save-file.js';
import { useQuery } from '../../ui/use-query.js';

/** What each asks for beside its time. */
const QUESTIONS = {
  denials: undefined,
  disclosures: undefined,
  'what-did': 'user',
  'breach-affected': 'agent',
  'who-saw': undefined,
} as const;
type Question = keyof typeof QUESTIONS;
const NAMES = Object.keys(QUESTIONS) as readonly Question[];

interface AskedQuestion {
  readonly question: Question;
  readonly user: string;
}

export function Audit() {
  const [question, setQuestion] = useState<Question>('denials');
  const [user, setUser] = useState('');
  const [asked, setAsked] = useState<AskedQuestion>();
  const [faults, setFaults] = useState<readonly FieldFault[]>([]);
  const submit = (event: Event): void => {
    event.preventDefault();
    const isMissing = QUESTIONS[question] !== undefined && user.trim() === '';
    setFaults(isMissing ? [{ field: 'user', text: sayAudit('user.missing') }] : []);
    if (!isMissing) setAsked({ question, user: user.trim() });
  };
  return (
    <Page title={sayAudit('title')}>
      <FaultSummary faults={faults} />
      <form class="panel" onSubmit={submit} noValidate>
        <p class="hint">{sayAudit('text')}</p>
        <div class="grid">
          <SelectField
            id="question"
            label={sayAudit('question')}
            value={question}
            set={value => setQuestion(NAMES.find(each => each === value) ?? 'denials')}
            options={NAMES.map(each => [each, sayAudit(`question.${each}`)])}
          />
          {QUESTIONS[question] !== undefined && (
            <TextField
              id="user"
              label={sayAudit('user')}
              hint={sayAudit('user.hint')}
              value={user}
              set={setUser}
              fault={faults[0]?.text}
            />
          )}
        </div>
        <button type="submit">{sayAudit('ask')}</button>
      </form>
      {asked && <AnswerToQuestion key={JSON.stringify(asked)} {...asked} />}
      <Checkpoint />
    </Page>
  );
}

function AnswerToQuestion({ question, user }: AskedQuestion) {
  if (question === 'who-saw')
    return (
      <div class="notice">
        <p>
          {sayAudit('who-saw.text')} <a href={`${HOME}patients`}>{sayAudit('who-saw.find')}</a>
        </p>
      </div>
    );
  const name = QUESTIONS[question];
  return (
    <QuestionAnswer
      path={`$${question}`}
      caption={sayAudit(`question.${question}`)}
      none={sayAudit('none')}
      parameters={name === undefined ? {} : { [name]: user }}
    />
  );
}

/** The signed state of the ledger, asked for when somebody wants it. */
function Checkpoint() {
  const [isOpen, open] = useState(false);
  return (
    <section>
      <h2>{sayAudit('chain')}</h2>
      <p>{sayAudit('chain.text')}</p>
      {isOpen ? (
        <ShownCheckpoint />
      ) : (
        <button type="button" class="secondary" onClick={() => open(true)}>
          {sayAudit('chain.show')}
        </button>
      )}
    </section>
  );
}

function ShownCheckpoint() {
  const { data, error, refetch } = useQuery({
    key: ['checkpoint'],
    ask: async signal => (await ask<Parameters>({ path: '$audit-checkpoint', signal })).body,
  });
  if (error) return <RequestFailed fault={error} again={() => void refetch()} />;
  if (!data) return <Loading />;
  const { parameter = [] } = data;
  const texts = (name: string): readonly string[] =>
    parameter.flatMap(each => (each.name === name ? (each.valueString ?? each.part?.[0]?.valueString ?? []) : []));
  const lines = (name: string) => texts(name).map(text => <pre key={text}>{text}</pre>);
  return (
    <>
      <SummaryList
        rows={[
          [sayAudit('chain.ledger'), texts('ledger').join(', ')],
          [sayAudit('chain.key'), lines('key')],
          [sayAudit('chain.anchor'), lines('anchor')],
          [sayAudit('chain.checkpoint'), lines('checkpoint')],
        ]}
      />
      <button
        type="button"
        class="secondary"
        onClick={() =>
          saveFile(new Blob([JSON.stringify(data, null, 2)], { type: 'application/json' }), 'checkpoint.json')
        }
      >
        {sayAudit('chain.save')}
      </button>
    </>
  );
}
