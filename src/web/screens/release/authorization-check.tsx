/** What permits a release, line by line, as the server judges it. What a person has to look at is confirmed one by one. */
import type { Parameters } from 'fhir/r4';
import { useState } from 'preact/hooks';
import { sayRelease } from '../../messages/release.js';
import { HOME } from '../../session/server.js';
import { reloadTask } from '../../tasks/process-steps.js';
import { type OfTask, useOperation } from '../../tasks/use-operation.js';
import { announce } from '../../ui/announce.js';
import { FaultSummary } from '../../ui/fault-summary.js';
import { CheckField } from '../../ui/fields.js';
import { OfRecord, Table, Tag, type TagColour } from '../../ui/parts.js';
import { queries } from '../../ui/use-query.js';
import { inputsOf, patientOfRequest, stateOfRequest } from './request-parts.js';

const VERDICTS = { met: 'green', missing: 'red', wrong: 'red', look: 'yellow' } as const satisfies Record<
  string,
  TagColour
>;
type Verdict = keyof typeof VERDICTS;
const OUTCOMES = ['sufficient', 'deficient', 'open'] as const;

interface CheckedElement {
  readonly code: string;
  readonly verdict: Verdict;
  readonly paragraph: string;
  readonly display: string;
  readonly remedy: string;
}

interface Checked {
  readonly outcome: (typeof OUTCOMES)[number] | undefined;
  readonly elements: readonly CheckedElement[];
  /** Id of the document. */
  readonly letter: string | undefined;
}

function checkedIn({ parameter = [] }: Parameters): Checked {
  const outcome = parameter.find(({ name }) => name === 'outcome')?.valueCode;
  const letter = parameter.find(({ name }) => name === 'letter')?.valueReference?.reference;
  return {
    outcome: OUTCOMES.find(each => each === outcome),
    letter: letter?.replace('DocumentReference/', ''),
    elements: parameter.flatMap(({ name, part = [] }) => {
      if (name !== 'element') return [];
      const text = (called: string): string => {
        const found = part.find(each => each.name === called);
        return found?.valueCode ?? found?.valueString ?? '';
      };
      const verdict = (Object.keys(VERDICTS) as Verdict[]).find(each => each === text('verdict')) ?? 'look';
      return [
        {
          code: text('code'),
          verdict,
          ...{ paragraph: text('paragraph'), display: text('display') },
          remedy: text('remedy'),
        },
      ];
    }),
  };
}

export function AuthorizationCheck(request: OfTask) {
  const { task } = request;
  const id = task.id!;
  const [checked, setChecked] = useState<Checked>();
  const [right, setRight] = useState<readonly string[]>([]);
  const { faults, requestId, run } = useOperation(request);
  const patient = patientOfRequest(task);
  const named = /^Consent\/([\w.-]+)$/.exec(inputsOf(task, 'authorization')[0]?.valueReference?.reference ?? '')?.[1];
  const check = async (): Promise<void> => {
    const parameter = right.map(valueCode => ({ name: 'confirmed', valueCode }));
    const answered = await run({ name: 'check-authorization', parameter });
    if (!answered) return;
    const answer = checkedIn(answered.body);
    setChecked(answer);
    setRight([]);
    if (answer.outcome !== undefined) announce(sayRelease(`outcome.${answer.outcome}`));
    if (answer.letter !== undefined) void queries.invalidateQueries({ queryKey: ['letters', id] });
    reloadTask(id);
  };
  const open = checked?.elements.filter(({ verdict }) => verdict === 'look') ?? [];
  return (
    <section>
      <h2>{sayRelease('authorization')}</h2>
      <p>
        {sayRelease('authorization.text')}{' '}
        {stateOfRequest(task) === 'authorization-check' && sayRelease('authorization.sends-back')}
      </p>
      {named !== undefined && patient !== undefined && (
        <p>
          <a href={`${HOME}chart/${patient}/resource/Consent/${named}`}>{sayRelease('authorization.open')}</a>
        </p>
      )}
      <FaultSummary faults={faults} requestId={requestId} />
      {checked && <Elements checked={checked} patient={patient} />}
      {open.map(({ code, display }) => (
        <CheckField
          key={code}
          id={`right-${code}`}
          label={sayRelease('authorization.found-right', { what: display })}
          value={right.includes(code)}
          set={isRight => setRight(isRight ? [...right, code] : right.filter(each => each !== code))}
        />
      ))}
      <button type="button" class="secondary" onClick={() => void check()}>
        {sayRelease(right.length > 0 ? 'authorization.confirm' : 'authorization.check')}
      </button>
    </section>
  );
}

const Elements = ({
  checked: { outcome, elements, letter },
  patient,
}: {
  readonly checked: Checked;
  readonly patient: string | undefined;
}) => (
  <>
    {outcome !== undefined && (
      <p class={outcome === 'deficient' ? 'notice danger' : 'notice'}>{sayRelease(`outcome.${outcome}`)}</p>
    )}
    <Table
      caption={sayRelease('authorization')}
      hidesCaption
      columns={(['element', 'verdict', 'paragraph', 'remedy'] as const).map(each => sayRelease(`column.${each}`))}
      rows={elements.map(({ code, verdict, paragraph, display, remedy }) => ({
        key: code,
        cells: [
          <OfRecord>{display}</OfRecord>,
          <Tag colour={VERDICTS[verdict]}>{sayRelease(`verdict.${verdict}`)}</Tag>,
          paragraph,
          <OfRecord>{remedy}</OfRecord>,
        ],
      }))}
    />
    {letter !== undefined && patient !== undefined && (
      <p>
        <a href={`${HOME}chart/${patient}/document/${letter}`}>{sayRelease('authorization.letter')}</a>
      </p>
    )}
  </>
);
