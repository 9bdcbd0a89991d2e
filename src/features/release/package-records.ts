/**
 * What is written of a package that is made: the DocumentReference of its bytes, the List that freezes what is in it (ROI-3), and the state of the request,
 * as entries of one transaction; and what is told to whoever asked.
 */
import { isObject, itemsOf, type Json, type JsonObject, type Parsed, type Resource } from '../../fhir/resource.js';
import type { Entry } from '../../interactions/interaction.js';
import { jobExtension, sha256Extension, withoutUnreleased } from './chosen.js';
import type { PackageManifest } from './package/order.js';
import { trackingOf } from './package-order.js';
import {
  DESK_DOCUMENTS,
  FROZEN_SET_OUTPUT,
  outputOf,
  outputsOfKind,
  PACKAGE_OUTPUT,
  READY,
  stateConcept,
} from './request-task.js';

/** A package whose bytes are stored. */
export interface MadePackage {
  readonly manifest: PackageManifest;
  readonly labels: readonly JsonObject[];
  /** What the DocumentReference and the List are called until they are stored. */
  readonly document: string;
  readonly list: string;
}

interface EntriesAsked {
  readonly task: Resource;
  readonly decimals: Parsed['decimals'];
  readonly version: string;
  readonly binary: string;
  /** Id of the Task, and when the package was asked for. */
  readonly input: { readonly task: string; readonly at: string };
  readonly made: MadePackage;
  readonly base: string;
}

export function entriesOfPackage({
  task,
  decimals,
  version,
  binary,
  input,
  made,
  base,
}: EntriesAsked): readonly Entry[] {
  const { manifest, document, list } = made;
  const created = (type: string, fullUrl: string, resource: Resource): Entry => ({
    ...{ fullUrl, request: `POST ${type}` },
    ask: { kind: 'create', type, body: { resource, decimals: undefined } },
  });
  const outputs = [
    {
      extension: [sha256Extension(manifest.sha256), jobExtension(binary)],
      ...outputOf(PACKAGE_OUTPUT, { valueReference: { reference: document } }),
    },
    outputOf(FROZEN_SET_OUTPUT, { valueReference: { reference: list } }),
  ];
  const bare = withoutUnreleased(task);
  const resource = {
    ...bare,
    status: 'in-progress',
    businessStatus: stateConcept(READY),
    output: [...itemsOf(bare['output']), ...outputs],
  };
  return [
    created('DocumentReference', document, packageDocument({ task, input, made, url: `${base}/Binary/${binary}` })),
    created('List', list, frozenSet(task, input, made)),
    {
      request: `PUT Task/${input.task}`,
      ask: { kind: 'update', type: 'Task', id: input.task, ifMatch: [version], body: { resource, decimals } },
    },
  ];
}

export const RELEASE_PACKAGE = 'release-package';

function packageDocument({
  task,
  input: { task: id, at },
  made: { manifest, labels },
  url,
}: Pick<EntriesAsked, 'task' | 'input' | 'made'> & { readonly url: string }): Resource {
  const words = `Release ${trackingOf(task)}`;
  return {
    resourceType: 'DocumentReference',
    ...{ status: 'current', docStatus: 'final', date: at, description: words },
    type: {
      coding: [{ system: DESK_DOCUMENTS, code: RELEASE_PACKAGE, display: 'Release package' }],
      text: 'Release package',
    },
    subject: task['for']!,
    securityLabel: labels.map(label => ({ coding: [label] })),
    content: [{ attachment: { contentType: manifest.contentType, url, title: words, size: manifest.size } }],
    context: { related: [{ reference: `Task/${id}` }] },
  };
}

/** ROI-3: what is in the package, as it was. */
function frozenSet(
  task: Resource,
  { task: id, at }: EntriesAsked['input'],
  { manifest, labels }: MadePackage,
): Resource {
  const told = (url: string, value: JsonObject | undefined): JsonObject[] =>
    value === undefined ? [] : [{ url: `urn:chartroom:item:${url}`, ...value }];
  const count = (value: number | undefined): JsonObject | undefined =>
    value === undefined ? undefined : { valueInteger: value };
  return {
    resourceType: 'List',
    ...{ status: 'current', mode: 'snapshot', title: `Release ${trackingOf(task)}`, date: at },
    meta: { security: [...labels] },
    extension: [sha256Extension(manifest.sha256)],
    code: { coding: [{ system: 'urn:chartroom:list', code: 'frozen-set', display: 'What was released' }] },
    subject: task['for']!,
    source: { display: `Task/${id}` },
    entry: manifest.items.map(
      (item): Json => ({
        extension: [
          sha256Extension(item.sha256),
          ...told('state', { valueCode: item.state }),
          ...told('first-page', count(item.firstPage)),
          ...told('pages', count(item.pages)),
          ...told('reason', item.reason === undefined ? undefined : { valueCode: item.reason }),
        ],
        item: { reference: item.id },
      }),
    ),
  };
}

/** Where they are, as long as nobody has chosen anew. */
const placeTold = (task: Resource, code: string): JsonObject[] =>
  outputsOfKind(task, code)
    .slice(-1)
    .flatMap(({ valueReference }) => (isObject(valueReference) ? [{ name: code, valueReference }] : []));

export const packageTold = ({ manifest }: MadePackage, task: Resource): JsonObject => ({
  resourceType: 'Parameters',
  parameter: [
    ...placeTold(task, PACKAGE_OUTPUT),
    ...placeTold(task, FROZEN_SET_OUTPUT),
    { name: 'sha256', valueString: manifest.sha256 },
    { name: 'size', valueUnsignedInt: manifest.size },
    ...(manifest.pages === undefined ? [] : [{ name: 'pages', valueUnsignedInt: manifest.pages }]),
    ...manifest.items.flatMap(({ id, state, reason }) =>
      state === 'merged' && reason === undefined
        ? []
        : [
            {
              name: 'not-printed',
              part: [
                { name: 'document', valueReference: { reference: id } },
                { name: 'state', valueCode: state },
                ...(reason === undefined ? [] : [{ name: 'reason', valueCode: reason }]),
              ],
            },
          ],
    ),
  ],
});
