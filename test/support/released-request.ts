/** A request for records that is released in tests, with a package of which only its bytes are known: what leads there is told elsewhere. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import type { DocumentReference } from 'fhir/r4.js';
import { documents } from '../../src/features/documents/index.js';
import { privacy } from '../../src/features/privacy/index.js';
import { releaseOfInformation } from '../../src/features/release/index.js';
import { recordsWork } from '../../src/features/work/index.js';
import { parseJson, STORED_JSON } from '../../src/fhir/json/json.js';
import { itemsOf } from '../../src/fhir/resource.js';
import type { OutsideCall } from '../../src/interactions/engine.js';
import { actingFor, type Feature } from '../../src/interactions/feature.js';
import type { Interaction } from '../../src/interactions/interaction.js';
import { perform } from '../../src/interactions/perform.js';
import { type GivenValues, ledTo, requestBegun } from './records-request.js';
import type { Talk } from './talk.js';
import { ADMIN, CLERK } from './work.js';

const STATES = ['quality-review', 'ready', 'released'];

const packageOutput = (document: string) => ({
  extension: [
    { url: 'urn:chartroom:sha256', valueString: createHash('sha256').update(PACKAGE_TEXT).digest('hex') },
    { url: 'urn:chartroom:released', valueInstant: '2026-03-10T12:00:00Z' },
  ],
  type: { coding: [{ system: 'urn:chartroom:task-output', code: 'package' }] },
  valueReference: { reference: `DocumentReference/${document}` },
});

/** Leads a Task on by transitions that only operations of the feature take. */
async function leadOn({ caller, path: { id = '', document = '' } }: OutsideCall): Promise<{ readonly status: number }> {
  const own = actingFor(caller, 'release');
  for (const state of STATES) {
    const { text } = await perform(own, { kind: 'read', type: 'Task', id });
    const { resource, decimals } = parseJson(text!, STORED_JSON);
    const businessStatus = { coding: [{ system: 'urn:chartroom:state', code: state }] };
    const output = state === 'ready' ? [...itemsOf(resource['output']), packageOutput(document)] : resource['output'];
    const body = { resource: { ...resource, businessStatus, ...(output === undefined ? {} : { output }) }, decimals };
    await perform(own, { kind: 'update', type: 'Task', id, body });
  }
  return { status: 204 };
}

/** Performs an Interaction as the feature, for what nobody else may do. */
async function performAsRelease({ caller, body }: OutsideCall): Promise<{ readonly status: number }> {
  await perform(actingFor(caller, 'release'), JSON.parse((await body()).toString()) as Interaction);
  return { status: 204 };
}

export async function asRelease(talk: Talk, ask: Interaction): Promise<void> {
  const done = await fetch(`${talk.base.replace(/\/fhir\/?$/, '')}/as-release`, {
    ...{ method: 'POST', headers: { ...ADMIN }, body: JSON.stringify(ask) },
  });
  assert.equal(done.status, 204, await done.text());
}

/** The features of the server, with a way to release that asks nothing. */
export const releasingFeatures: readonly Feature[] = [
  documents,
  privacy,
  recordsWork,
  {
    ...releaseOfInformation,
    open(ground) {
      const parts = releaseOfInformation.open(ground as Parameters<typeof releaseOfInformation.open>[0]);
      const way = { methods: ['POST'], who: 'known', recorded: 'as-performed', maxBody: 20_000 } as const;
      return {
        ...parts,
        routes: [
          ...(parts.routes ?? []),
          { path: '/lead-on/{id}/{document}', ...way, answer: leadOn },
          { path: '/as-release', ...way, answer: performAsRelease },
        ],
      };
    },
  },
];

/** The bytes of the package. */
export const PACKAGE_TEXT = 'All that was released.';

/** Ids of a released request and of the document of its package. */
export async function requestReleased(
  talk: Talk,
  ...more: GivenValues
): Promise<{ readonly id: string; readonly document: string }> {
  const id = await requestBegun(
    talk,
    { name: 'requester-class', valueCode: 'payer' },
    { name: 'purpose', valueCode: 'HPAYMT' },
    ...more,
  );
  await ledTo(talk, id, 'log', 'identify', 'accept');
  const { status, body, text } = await talk.create<DocumentReference>(
    {
      resourceType: 'DocumentReference',
      status: 'current',
      subject: { reference: 'Patient/asked-for' },
      content: [{ attachment: { contentType: 'text/plain', data: Buffer.from(PACKAGE_TEXT).toString('base64') } }],
    },
    ADMIN,
  );
  assert.equal(status, 201, text);
  await releasedAnew(talk, { id, document: body.id });
  return { id, document: body.id };
}

/** Leads a request whose records are looked for to its release. */
export async function releasedAnew(
  talk: Talk,
  { id, document }: { readonly id: string; readonly document: string },
): Promise<void> {
  const led = await fetch(`${talk.base.replace(/\/fhir\/?$/, '')}/lead-on/${id}/${document}`, {
    ...{ method: 'POST', headers: CLERK },
  });
  assert.equal(led.status, 204, await led.text());
}
