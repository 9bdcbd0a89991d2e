/** Compares what a server holds with what its clients know: resource, search, history and audit trail must agree. */
import { deepEqual, equal, fail, ok } from 'node:assert/strict';
import { exchange } from '../../support/exchange.js';
import { bytesOf, type Holding, IDENTIFIERS, type Mark } from './ledger.js';

interface Entry {
  readonly resource?: Resource;
  readonly request?: { readonly method: string };
  readonly response?: { readonly etag?: string };
}
interface Resource {
  readonly id: string;
  readonly meta: { readonly versionId: string };
  readonly identifier?: readonly { readonly value: string }[];
  readonly name?: readonly { readonly family: string }[];
  readonly address?: readonly { readonly city: string }[];
  readonly description?: string;
  readonly content?: readonly { readonly attachment: { readonly data: string } }[];
  readonly outcome?: string;
  readonly entity?: readonly { readonly what?: { readonly reference?: string } }[];
}

async function get(port: number, path: string): Promise<{ status: number; json: unknown }> {
  const { status, body } = await exchange(port, { method: 'GET', path: `/fhir/${path}` });
  return { status, json: JSON.parse(body.toString()) };
}

async function entries(port: number, path: string): Promise<readonly Entry[]> {
  const { status, json } = await get(port, path);
  equal(status, 200, path);
  return (json as { entry?: readonly Entry[] }).entry ?? [];
}

const marked = (mark: string) => `identifier=${encodeURIComponent(`${IDENTIFIERS}|${mark}`)}`;

/** The mark of a version, which must be the same wherever it stands. */
function markOf(resource: Resource): string {
  const mark = resource.identifier?.[0]?.value ?? fail('a version without an identifier');
  const places = resource.name
    ? [resource.name[0]?.family, resource.address?.[0]?.city]
    : [resource.description, resource.content?.[0]?.attachment.data === bytesOf(mark) ? mark : 'other bytes'];
  deepEqual(places, [mark, mark], 'a version holds one mark in all places');
  return mark;
}

/** Finds out what became of a creation whose answer was lost: at most one resource, or none. */
async function settleCreation(port: number, holding: Holding, mark: string): Promise<void> {
  const found = await entries(port, `${holding.type}?${marked(mark)}`);
  ok(found.length <= 1, 'a creation happened once at most');
  if (found[0]?.resource) holding.id = found[0].resource.id;
}

/**
 * Checks one resource and enters into the ledger whether its pending write took place. Throws AssertionError where
 * something acknowledged is missing or something is half there.
 */
export async function checkHolding(port: number, holding: Holding): Promise<void> {
  const { type, versions, pending } = holding;
  if (holding.id === undefined) {
    if (pending?.mark === undefined) return;
    await settleCreation(port, holding, pending.mark);
    if (holding.id === undefined) {
      delete holding.pending;
      return;
    }
  }
  const path = `${type}/${holding.id}`;
  const known: Mark[] = [...versions];
  const { status, json } = await get(port, path);
  const history = status === 404 ? [] : await entries(port, `${path}/_history`);
  if (pending && history.length === known.length + 1) known.push(pending.mark);
  equal(history.length, known.length, `${path}: every acknowledged version is there and no other`);
  history.forEach((entry, index) => {
    const version = known.length - index;
    const mark = known[version - 1];
    equal(entry.response?.etag, `W/"${version}"`, `${path}: versions are in order`);
    equal(entry.resource ? markOf(entry.resource) : undefined, mark, `${path}: version ${version} is the one written`);
  });
  const current = known.at(-1);
  equal(status, known.length === 0 ? 404 : current === undefined ? 410 : 200, path);
  if (status === 200) equal((json as Resource).meta.versionId, String(known.length), path);
  await checkSearch(port, holding, known);
  await checkAudit(port, path, known.length);
  versions.splice(0, versions.length, ...known);
  delete holding.pending;
}

/** The current mark finds the resource, through every index; the one before does not. */
async function checkSearch(port: number, { type, id, pending }: Holding, known: readonly Mark[]): Promise<void> {
  const current = known.at(-1);
  const gone = [known.at(-2), pending?.mark].filter(mark => mark !== undefined && mark !== current);
  for (const mark of gone)
    deepEqual(await entries(port, `${type}?${marked(mark!)}`), [], `${type}/${id}: ${mark} is past`);
  if (current === undefined) return;
  const others = type === 'Patient' ? [`family=${current}`, `address-city=${current}`] : [`description=${current}`];
  for (const query of [marked(current), ...others]) {
    const found = await entries(port, `${type}?${query}`);
    deepEqual(
      found.map(({ resource }) => [resource?.id, resource?.meta.versionId]),
      [[id, String(known.length)]],
      `${type}/${id} is found by ${query.split('=')[0]}`,
    );
  }
}

/** One successful write event for each version (AUD-1). */
async function checkAudit(port: number, path: string, versions: number): Promise<void> {
  const events = await entries(port, `AuditEvent?entity=${path}&subtype=create,update,delete&outcome=0&_count=500`);
  const named = events.map(({ resource }) => resource?.entity?.[0]?.what?.reference ?? '');
  const expected = Array.from({ length: versions }, (_, index) => `${path}/_history/${index + 1}`);
  deepEqual(named.toSorted(byVersion), expected, `${path}: the audit trail has each write once`);
}

const byVersion = (a: string, b: string) => Number(a.split('/').at(-1)) - Number(b.split('/').at(-1));
