/** The package of what was chosen and confirmed: made by a job ($release-package), and opened before it goes out. */
import type { Bundle, Parameters, ParametersParameter, Patient } from 'fhir/r4';
import { useEffect, useRef, useState } from 'preact/hooks';
import { ask, pathOfLink } from '../../fhir/client.js';
import { shownSize } from '../../fhir/show.js';
import { sayGoingOut } from '../../messages/going-out.js';
import { HOME } from '../../session/server.js';
import { reloadTask } from '../../tasks/process-steps.js';
import { announce } from '../../ui/announce.js';
import { FaultSummary } from '../../ui/fault-summary.js';
import { SelectField, TextField } from '../../ui/fields.js';
import { chosenIn, type PackageOutput, packageIn, stateOfRequest } from './request-parts.js';
import { type OfTask, useOperation } from '../../tasks/use-operation.js';

const FORMS = ['as-asked', 'pdf', 'zip', 'both', 'document'] as const;
type Form = (typeof FORMS)[number];

/** Waits until a job has ended, and tells how far it is. Throws RequestFault where it failed. `at`: a path for `ask`. */
async function jobEnded(at: string, tell: (progress: string) => void, signal: AbortSignal): Promise<Bundle> {
  for (;;) {
    const { status, body, headers } = await ask<Bundle>({ path: at, signal });
    if (status !== 202) return body;
    tell(headers.get('X-Progress') ?? '');
    const seconds = Number(headers.get('Retry-After') ?? 1);
    await new Promise(resolve => setTimeout(resolve, seconds * 1000));
    signal.throwIfAborted();
  }
}

/** Size and pages of what was made, in words. */
function madeIn({ entry: [first] = [] }: Bundle): string {
  const { parameter = [] } = (first?.resource ?? {}) as Parameters;
  const count = (called: string): number | undefined => parameter.find(({ name }) => name === called)?.valueUnsignedInt;
  const notPrinted = parameter.filter(({ name }) => name === 'not-printed').length;
  const [size, pages] = [count('size'), count('pages')];
  return [
    sayGoingOut('package.made'),
    ...(size === undefined ? [] : [shownSize(size)]),
    ...(pages === undefined ? [] : [sayGoingOut('package.pages', { n: pages })]),
    ...(notPrinted === 0 ? [] : [sayGoingOut('package.not-printed', { n: notPrinted })]),
  ].join(' · ');
}

export function PackageOfRequest({ patient, ...request }: OfTask & { readonly patient: Patient }) {
  const { task } = request;
  const state = stateOfRequest(task);
  const made = packageIn(task);
  const chosen = chosenIn(task);
  const canBeMade =
    (state === 'quality-review' || state === 'ready') &&
    chosen.length > 0 &&
    chosen.every(({ isConfirmed }) => isConfirmed);
  if (!made && !canBeMade) return null;
  return (
    <section>
      <h2>{sayGoingOut('package')}</h2>
      {made && <Made made={made} patient={patient.id!} />}
      {canBeMade && <MakePackage {...request} />}
    </section>
  );
}

const Made = ({
  made: { document, list, isReleased },
  patient,
}: {
  readonly made: PackageOutput;
  readonly patient: string;
}) => (
  <ul>
    <li>
      <a href={`${HOME}chart/${patient}/document/${document}`}>{sayGoingOut('package.open')}</a>{' '}
      <span class="quiet">{sayGoingOut(isReleased ? 'package.is-out' : 'package.is-here')}</span>
    </li>
    {list !== undefined && (
      <li>
        <a href={`${HOME}chart/${patient}/resource/List/${list}`}>{sayGoingOut('package.list')}</a>
      </li>
    )}
  </ul>
);

function MakePackage(request: OfTask) {
  const { task } = request;
  const { faults, requestId, faultAt, run, trying } = useOperation(request);
  const [form, setForm] = useState<Form>('as-asked');
  const [passphrase, setPassphrase] = useState('');
  const [progress, setProgress] = useState<string>();
  const [said, setSaid] = useState('');
  const gone = useRef(new AbortController());
  useEffect(() => () => gone.current.abort(), []);
  const make = async (event: Event): Promise<void> => {
    event.preventDefault();
    setSaid('');
    const parameter: ParametersParameter[] = [
      ...(form === 'as-asked' ? [] : [{ name: 'form', valueCode: form }]),
      ...(passphrase === '' ? [] : [{ name: 'passphrase', valueString: passphrase }]),
    ];
    const fields = parameter.map(({ name }) => `package-${name}`);
    const begun = await run({ name: 'release-package', parameter, fields });
    const at = begun?.headers.get('Content-Location');
    if (!at) return;
    setProgress('');
    const ended = await trying(() => jobEnded(pathOfLink(at), setProgress, gone.current.signal));
    setProgress(undefined);
    if (!ended) return;
    setPassphrase('');
    setSaid(madeIn(ended));
    announce(madeIn(ended));
    reloadTask(task.id!);
  };
  return (
    <form class="panel" onSubmit={event => void make(event).catch(unlessGone(gone.current.signal))} noValidate>
      <h3>{sayGoingOut('package.make')}</h3>
      <FaultSummary faults={faults} requestId={requestId} />
      <div class="grid">
        <SelectField
          id="package-form"
          label={sayGoingOut('package.form')}
          value={form}
          set={value => setForm(FORMS.find(each => each === value) ?? 'as-asked')}
          options={FORMS.map(each => [each, sayGoingOut(`form.${each}`)])}
          fault={faultAt('package-form')}
        />
        <TextField
          id="package-passphrase"
          label={sayGoingOut('package.passphrase')}
          hint={sayGoingOut('package.passphrase.hint')}
          isOptional
          value={passphrase}
          set={setPassphrase}
          fault={faultAt('package-passphrase')}
        />
      </div>
      {progress !== undefined && (
        <p class="loading" role="status">
          {sayGoingOut('package.under-way', { progress })}
        </p>
      )}
      {said !== '' && <p class="notice">{said}</p>}
      <button type="submit" class="secondary">
        {sayGoingOut('package.make')}
      </button>
    </form>
  );
}

/** Nobody waits for it any more: the job goes on without the page. */
const unlessGone =
  (signal: AbortSignal) =>
  (error: unknown): void => {
    if (!signal.aborted) throw error;
  };
