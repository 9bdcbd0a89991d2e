/** The chart of a patient: its parts, each with an address, and loaded when it is opened. */
import type { Patient } from 'fhir/r4';
import { useRoute } from 'preact-iso/router';
import type { ComponentType } from 'preact';
import { say } from '../../messages/common.js';
import { sayChart } from '../../messages/chart.js';
import { HOME } from '../../session/server.js';
import { Page } from '../../ui/page.js';
import { Tabs } from '../../ui/parts.js';
import { WithPatient } from '../../ui/patient-banner.js';
import { mayUse } from '../../session/session.js';
import { Documents } from './documents.js';
import { Encounters } from './encounters.js';
import { Person } from './person.js';
import { Results } from './results.js';
import { Summary } from './summary.js';
import { Timeline } from './timeline.js';
import { Versions } from './versions.js';
import { WhoSaw } from './who-saw.js';

export interface PartOfChart {
  readonly patient: Patient;
}

const PARTS = {
  summary: Summary,
  timeline: Timeline,
  results: Results,
  documents: Documents,
  encounters: Encounters,
  person: Person,
  versions: ({ patient }) => <Versions type="Patient" id={patient.id!} />,
  'who-saw': WhoSaw,
} as const satisfies Record<string, ComponentType<PartOfChart>>;
type PartName = keyof typeof PARTS;

export const addressOfChart = (id: string, ...steps: readonly string[]): string =>
  [`${HOME}chart/${encodeURIComponent(id)}`, ...steps].join('/');

export function Chart() {
  const { id = '', part = 'summary' } = useRoute().params;
  const at = Object.hasOwn(PARTS, part) ? (part as PartName) : undefined;
  const Part: ComponentType<PartOfChart> | undefined = at && PARTS[at];
  if (!at || !Part)
    return (
      <Page title={say('not-found.title')}>
        <p>{say('not-found.text')}</p>
      </Page>
    );
  return (
    <WithPatient id={id} key={id}>
      {patient => (
        <>
          <ChartTabs id={id} at={at} />
          <Page title={sayChart(`tab.${at}`)} key={at}>
            <Part patient={patient} />
          </Page>
        </>
      )}
    </WithPatient>
  );
}

/** `at`: also of a page that is below one of them. */
export const ChartTabs = ({ id, at }: { readonly id: string; readonly at: PartName }) => (
  <Tabs
    label={sayChart('tabs')}
    at={at}
    tabs={(Object.keys(PARTS) as PartName[])
      .filter(part => part !== 'who-saw' || mayUse('who-saw'))
      .map(part => ({
        id: part,
        text: sayChart(`tab.${part}`),
        href: addressOfChart(id, ...(part === 'summary' ? [] : [part])),
      }))}
  />
);
