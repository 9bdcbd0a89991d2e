/**
 * The Task of each process as a profile (profiles/work/structures): written from the table of the process, so that whoever reads Tasks elsewhere can have them checked.
 * https://hl7.org/fhir/R4/profiling.html
 */
import type { WorkProcess } from '../../src/features/work/process.js';

/** Elements that a process may need, in the order of Task. */
const ORDER = [
  'businessStatus',
  'code',
  'focus',
  'for',
  'authoredOn',
  'lastModified',
  'requester',
  'reasonCode',
  'restriction',
  'input',
];

const nameOf = (code: string): string =>
  code
    .split('-')
    .map(word => word.charAt(0).toUpperCase() + word.slice(1))
    .join('');

/** Status and business status go together as one state. */
const stateExpression = ({ states }: WorkProcess): string =>
  Object.entries(states)
    .map(
      ([code, { status }]) =>
        `(status = '${status}' and businessStatus.coding.where(system = 'urn:chartroom:state' and code = '${code}').exists())`,
    )
    .join(' or ');

export function taskProfile(process: WorkProcess): object {
  const { code, display, needs, term, alarms = {} } = process;
  const required = new Set([
    'businessStatus',
    'code',
    'authoredOn',
    'lastModified',
    ...needs,
    ...(term ? ['restriction'] : []),
  ]);
  const codes = Object.keys(alarms);
  return {
    resourceType: 'StructureDefinition',
    id: `task-${code}`,
    url: `urn:chartroom:structuredefinition:task-${code}`,
    ...{ version: '0.1.0', name: `Task${nameOf(code)}`, title: display, status: 'active', experimental: false },
    publisher: 'Chartroom',
    description: `A Task of the process ${code}, as the server keeps it.`,
    ...{ fhirVersion: '4.0.1', kind: 'resource', abstract: false, type: 'Task' },
    ...{ baseDefinition: 'http://hl7.org/fhir/StructureDefinition/Task', derivation: 'constraint' },
    differential: {
      element: [
        {
          id: 'Task',
          path: 'Task',
          constraint: [
            {
              ...{ key: 'chartroom-state', severity: 'error' },
              human: 'Status and business status are those of one state of the process.',
              expression: stateExpression(process),
            },
            ...(codes.length === 0
              ? []
              : [
                  {
                    ...{ key: 'chartroom-alarm', severity: 'error' },
                    human: 'Alarms that were raised are those of the process, each once.',
                    expression: `extension.where(url = 'urn:chartroom:alarm').extension.where(url = 'code').value.all($this in (${codes.map(each => `'${each}'`).join(' | ')})) and extension.where(url = 'urn:chartroom:alarm').extension.where(url = 'code').value.isDistinct()`,
                  },
                ]),
          ],
        },
        ...ORDER.filter(name => required.has(name)).map(name => ({
          ...{ id: `Task.${name}`, path: `Task.${name}`, min: 1 },
          ...(name === 'code' ? { patternCodeableConcept: { coding: [{ system: 'urn:chartroom:task', code }] } } : {}),
        })),
      ],
    },
  };
}
