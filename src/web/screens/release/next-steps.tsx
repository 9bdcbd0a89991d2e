/**
 * What comes next with a request, by the tables of its process. The identity of whose records they are is proved by a second identifier; what cannot be taken back
 * asks for a reason and says in numbers what it does; whoever was overtaken sees both versions.
 */
import type { Patient } from 'fhir/r4';
import grounds from 'rules:denial-grounds';
import { useState } from 'preact/hooks';
import { sayRelease } from '../../messages/release.js';
import { ChangedMeanwhile, TypedInVain } from '../../tasks/overtaken.js';
import { isNoWork, type Possible, reloadTask, stepParameters, usePossible } from '../../tasks/process-steps.js';
import { isOver } from '../../tasks/task-table.js';
import { announce } from '../../ui/announce.js';
import { FaultSummary, type FieldFault, RequestFailed } from '../../ui/fault-summary.js';
import { AreaField, SelectField, TextField } from '../../ui/fields.js';
import { Loading } from '../../ui/page.js';
import { queries } from '../../ui/use-query.js';
import type { RequestShape } from './request.js';
import { faultsOfSecond, SecondIdentifier } from './second-identifier.js';
import { Sure } from './sure.js';
import { type OfTask, useOperation } from '../../tasks/use-operation.js';

/** They end a request. */
const FINAL = ['deny', 'withdraw', 'close'] as const;
const finalOf = ({ name }: Possible) => FINAL.find(each => each === name);
/** Steps by which the records of somebody are taken for those that are meant. */
const OF_IDENTITY: ReadonlySet<string> = new Set(['identify']);
/** They need what is not asked for here. */
const ELSEWHERE: ReadonlySet<string> = new Set(['assign', 'note']);
const GROUND_SYSTEM = 'urn:chartroom:refusal-ground';

interface TypedForStep {
  readonly reason: string;
  readonly second: string;
  readonly ground: string;
  readonly until: string;
}
const NOTHING: TypedForStep = { reason: '', second: '', ground: '', until: '' };

/** What is lacking before it is asked for. */
function lackingFor(
  step: Possible,
  { reason, second, ground, until }: TypedForStep,
  patient: Patient | undefined,
): readonly FieldFault[] {
  const faults: FieldFault[] = [];
  if (OF_IDENTITY.has(step.name) && patient) faults.push(...faultsOfSecond('second', patient, second));
  if ((step.needs.includes('reason') || finalOf(step)) && reason.trim() === '')
    faults.push({ field: 'reason', text: sayRelease('next.reason.missing') });
  if (step.name === 'deny' && ground === '') faults.push({ field: 'ground', text: sayRelease('next.ground.missing') });
  if (step.needs.includes('term') && until === '')
    faults.push({ field: 'until', text: sayRelease('next.until.missing') });
  return faults;
}

const FIELDS = {
  'Task.statusReason': 'reason',
  'Task.restriction': 'until',
  'Task.for': 'second',
  'Parameters.parameter': 'reason',
} as const;

export function NextSteps({ task, patient, overtake }: RequestShape & OfTask) {
  const id = task.id!;
  const { data, error, refetch, wasChanged } = usePossible(task, !isOver(task));
  const [typed, setTyped] = useState(NOTHING);
  const { faults, requestId, lack, run: runOperation } = useOperation({ task, overtake });
  const [asking, setAsking] = useState<Possible>();
  if (isOver(task))
    return (
      <>
        {wasChanged && <ChangedMeanwhile />}
        <TypedInVain text={typed.reason} />
      </>
    );
  if (error && !isNoWork(error)) return <RequestFailed fault={error} again={refetch} />;
  if (!error && !data) return <Loading />;
  const run = async (step: Possible): Promise<void> => {
    setAsking(undefined);
    const code = step.name === 'deny' ? { system: GROUND_SYSTEM, code: typed.ground } : undefined;
    const parameter = stepParameters(step, { ...typed, location: '' }, code);
    if (!(await runOperation({ name: 'transition', parameter, byExpression: FIELDS }))) return;
    setTyped(NOTHING);
    reloadTask(id);
    void queries.invalidateQueries({ queryKey: ['letters', id] });
    announce(sayRelease('done', { what: step.display }));
  };
  const choose = (step: Possible): void => {
    if (lack(lackingFor(step, typed, patient))) return;
    if (finalOf(step)) setAsking(step);
    else void run(step);
  };
  const steps = (data ?? []).filter(({ name }) => !ELSEWHERE.has(name));
  return (
    <section class="panel">
      <h2>{sayRelease('next')}</h2>
      {wasChanged && <ChangedMeanwhile />}
      <FaultSummary faults={faults} requestId={requestId} />
      {steps.length === 0 ? (
        <p class="quiet">{sayRelease('next.none')}</p>
      ) : (
        <>
          <StepFields {...{ steps, typed, faults, patient }} set={setTyped} />
          <div class="buttons">
            {steps.map(each => (
              <button
                key={each.name}
                type="button"
                class={finalOf(each) ? 'danger' : 'secondary'}
                onClick={() => choose(each)}
              >
                {each.display}
              </button>
            ))}
          </div>
        </>
      )}
      {asking && (
        <Sure
          what={asking.display}
          does={sayRelease(`sure.${finalOf(asking)!}`)}
          yes={() => void run(asking)}
          no={() => setAsking(undefined)}
        />
      )}
    </section>
  );
}

interface StepFieldsShape {
  readonly steps: readonly Possible[];
  readonly typed: TypedForStep;
  readonly set: (typed: TypedForStep) => void;
  readonly faults: readonly FieldFault[];
  readonly patient: Patient | undefined;
}

/** What one of the steps needs. */
function StepFields({ steps, typed, set, faults, patient }: StepFieldsShape) {
  const faultAt = (id: string): string | undefined => faults.find(({ field }) => field === id)?.text;
  const has = (name: string): boolean => steps.some(each => each.name === name);
  const names = (chosen: (step: Possible) => boolean): string =>
    steps
      .filter(chosen)
      .map(({ display }) => display)
      .join(', ');
  return (
    <>
      {patient && steps.some(({ name }) => OF_IDENTITY.has(name)) && (
        <SecondIdentifier
          id="second"
          what={names(({ name }) => OF_IDENTITY.has(name))}
          patient={patient}
          value={typed.second}
          set={second => set({ ...typed, second })}
          fault={faultAt('second')}
        />
      )}
      <AreaField
        id="reason"
        label={sayRelease('next.reason')}
        isOptional
        rows={2}
        value={typed.reason}
        set={reason => set({ ...typed, reason })}
        fault={faultAt('reason')}
      />
      {has('deny') && (
        <SelectField
          id="ground"
          label={sayRelease('next.ground')}
          isOptional
          value={typed.ground}
          set={ground => set({ ...typed, ground })}
          options={[
            ['', sayRelease('next.ground.choose')],
            ...grounds.map(({ code, display }) => [code, display] as const),
          ]}
          fault={faultAt('ground')}
        />
      )}
      {steps.some(({ needs }) => needs.includes('term')) && (
        <TextField
          id="until"
          type="date"
          label={sayRelease('next.until')}
          isOptional
          value={typed.until}
          set={until => set({ ...typed, until })}
          fault={faultAt('until')}
        />
      )}
    </>
  );
}
