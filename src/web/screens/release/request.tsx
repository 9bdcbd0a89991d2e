/** One request for records: where it is, what is asked for, what permits it, what would go out, its letters, and what comes next. */
import type { Patient, Task } from 'fhir/r4';
import { useRoute } from 'preact-iso/router';
import { shownConcept, shownDate, shownPeriod } from '../../fhir/show.js';
import { sayRelease } from '../../messages/release.js';
import { DueTags, dueOf, isOver, StateTag } from '../../tasks/task-table.js';
import { useOvertaking } from '../../tasks/overtaken.js';
import { WithTask } from '../../tasks/with-task.js';
import { Page } from '../../ui/page.js';
import { OfRecord, SummaryList } from '../../ui/parts.js';
import { WithPatient } from '../../ui/patient-banner.js';
import { AuthorizationCheck } from './authorization-check.js';
import { Deliveries } from './deliveries.js';
import { Fees } from './fees.js';
import { Letters } from './letters.js';
import { NextSteps } from './next-steps.js';
import { PackageOfRequest } from './package.js';
import { ReleaseNow } from './release-now.js';
import { ReleasePreview } from './release-preview.js';
import { inputsOf, isRecordsRequest, patientOfRequest, stateOfRequest } from './request-parts.js';
import { SecondLook } from './second-look.js';
import { Stepper } from './stepper.js';

export interface RequestShape {
  readonly task: Task;
  /** Undefined: it is not known whose records are asked for. */
  readonly patient: Patient | undefined;
}

export function ReleaseRequest() {
  const { id = '' } = useRoute().params;
  return (
    <WithTask id={id} title={sayRelease('request')}>
      {({ task }) => <OneRequest task={task} />}
    </WithTask>
  );
}

function OneRequest({ task }: { readonly task: Task }) {
  const id = task.id!;
  const patient = patientOfRequest(task);
  if (!isRecordsRequest(task))
    return (
      <Page title={sayRelease('request')}>
        <p class="notice warning">{sayRelease('no-request')}</p>
      </Page>
    );
  if (patient === undefined) return <Shown key={id} task={task} patient={undefined} />;
  return (
    <WithPatient id={patient} leading={id} key={patient}>
      {found => <Shown key={id} task={task} patient={found} />}
    </WithPatient>
  );
}

function Shown({ task, patient }: RequestShape) {
  const { overtake, overtaken } = useOvertaking(task);
  const request = { task, overtake };
  const state = stateOfRequest(task);
  return (
    <Page title={sayRelease('request')}>
      <Stepper state={state} />
      {overtaken}
      {!patient && <p class="notice warning">{sayRelease('not-known-whose')}</p>}
      <WhatIsAsked task={task} />
      <AuthorizationCheck {...request} />
      {patient && (
        <>
          <ReleasePreview {...request} patient={patient} />
          {state === 'quality-review' && <SecondLook {...request} patient={patient} />}
          <PackageOfRequest {...request} patient={patient} />
          {state === 'ready' && <ReleaseNow {...request} patient={patient} />}
          <Deliveries {...request} />
        </>
      )}
      <Letters {...request} />
      {!isOver(task) && <Fees {...request} />}
      <NextSteps {...request} patient={patient} />
    </Page>
  );
}

/** ms. */
const DAY = 24 * 60 * 60_000;

function Clock({ task }: { readonly task: Task }) {
  const due = dueOf(task);
  const days = Math.floor((Date.parse(due ?? '') - Date.now()) / DAY) + 1;
  return (
    <>
      {shownDate(due)} <DueTags task={task} />{' '}
      {due !== undefined && !isOver(task) && (
        <span class="quiet">
          {days >= 0 ? sayRelease('clock.left', { n: days }) : sayRelease('clock.over', { n: -days })}
        </span>
      )}
    </>
  );
}

function WhatIsAsked({ task }: { readonly task: Task }) {
  const code = (kind: string): string | undefined => inputsOf(task, kind)[0]?.valueCode;
  const text = (kind: string) => {
    const said = inputsOf(task, kind)[0]?.valueString;
    return said === undefined ? undefined : <OfRecord>{said}</OfRecord>;
  };
  const description = text('patient-description');
  const { requester, statusReason } = task;
  const why = [shownConcept(statusReason), statusReason?.text].filter(Boolean);
  return (
    <>
      <h2>{sayRelease('asked')}</h2>
      <SummaryList
        rows={[
          [sayRelease('state'), <StateTag task={task} />],
          [sayRelease('clock'), <Clock task={task} />],
          [sayRelease('requester'), <OfRecord>{requester?.display ?? requester?.reference ?? ''}</OfRecord>],
          [sayRelease('requester-class'), code('requester-class')],
          ...(description ? [[sayRelease('description'), description] as const] : []),
          [
            sayRelease('kinds'),
            inputsOf(task, 'data-code')
              .map(({ valueCodeableConcept }) => shownConcept(valueCodeableConcept))
              .join(', '),
          ],
          [sayRelease('period'), shownPeriod(inputsOf(task, 'period')[0]?.valuePeriod)],
          [sayRelease('purpose'), <OfRecord>{task.reasonCode?.text ?? shownConcept(task.reasonCode)}</OfRecord>],
          [sayRelease('format'), code('format')],
          [sayRelease('delivery'), code('delivery-method')],
          [sayRelease('address'), text('delivery-address')],
          ...(why.length > 0
            ? [[sayRelease('reason'), <OfRecord>{[...new Set(why)].join(' ')}</OfRecord>] as const]
            : []),
        ]}
      />
    </>
  );
}
