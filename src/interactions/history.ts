/**
 * history of an instance, a type, the system: https://hl7.org/fhir/R4/http.html#history. Newest first. Parameters:
 * _count, _since, _at; others are refused, because leaving one out would change what the answer means.
 */
import { parseDateTime } from '../fhir/datetime.js';
import { FhirError } from '../fhir/error.js';
import { newId } from '../platform/ids.js';
import type { HistoryQuery, Version } from '../store/store.js';
import { type BundleEntry, bundle } from './bundle.js';
import type { Context, Engine, Of, Outcome, Parameters } from './interaction.js';
import { linkTo, openPage, pageLink } from './paging.js';
import { wholeText } from './release.js';

const PRESENTATION = new Set(['_format', '_pretty', '_page', '_summary', '_elements']);

export async function history(context: Context, ask: Of<'history'>, without: readonly string[]): Promise<Outcome> {
  const { engine } = context;
  const { type, id } = ask;
  const path = [type, id, '_history'].filter(part => part !== undefined).join('/');
  const page = openPage(engine, path, ask.parameters);
  const given = (page?.parameters ?? ask.parameters).filter(([name]) => !PRESENTATION.has(name));
  const limits = readParameters(engine, given);
  const types =
    type === undefined && without.length
      ? engine.definitions.resourceTypes.filter(t => !without.includes(t))
      : undefined;
  const query: HistoryQuery = {
    ...limits,
    ...(type === undefined ? {} : { type }),
    ...(id === undefined ? {} : { id }),
    ...(types ? { types } : {}),
    ...(page ? { after: page.cursor } : {}),
  };
  const found = await engine.store.history(query);
  if (id !== undefined && found.rows.length === 0 && !(await engine.store.read(type!, id)))
    throw new FhirError('not-found', `There is no ${type} with this id.`);
  const last = found.cursors.at(-1);
  const link = [{ relation: 'self', url: linkTo(engine, path, page ? ask.parameters : given) }];
  if (found.more && last)
    link.push({
      relation: 'next',
      url: pageLink(engine, { path, parameters: given, cursor: last, direction: 'after' }),
    });
  const at = engine.now();
  const entries = await Promise.all(
    found.rows.map(async row => entryOf(engine, row, await isCreation(engine, row, found.rows))),
  );
  // A total is known where one page holds everything; R4 does not ask for more.
  const total = !page && !found.more ? { total: found.rows.length } : {};
  return {
    result: {
      status: 200,
      text: bundle({ type: 'history', lastUpdated: at, link, ...total }, entries, newId(at)),
      patients: [...new Set(found.rows.flatMap(row => row.patients))],
      ...(type !== undefined && id !== undefined && found.rows[0]
        ? { subject: { type, id, version: found.rows[0].version } }
        : {}),
    },
  };
}

/** Whether nothing was there before this version: it is the first one, or follows a deletion. */
async function isCreation(engine: Engine, row: Version, page: readonly Version[]): Promise<boolean> {
  if (row.version === 1 || row.method !== 'PUT') return row.version === 1;
  const { type, id, version } = row;
  const inPage = page.find(other => other.version === version - 1 && other.id === id && other.type === type);
  const before = inPage ?? (await engine.store.read(type, id, version - 1));
  return before?.text === undefined;
}

async function entryOf(engine: Engine, row: Version, created: boolean): Promise<BundleEntry> {
  const url = `${row.type}/${row.id}`;
  const status = row.method === 'DELETE' ? '204 No Content' : created ? '201 Created' : '200 OK';
  return {
    fullUrl: `${engine.settings.base}/${url}`,
    ...(row.text ? { text: await wholeText(engine, row) } : {}),
    request: { method: row.method, url: row.method === 'POST' ? row.type : url },
    response: { status, etag: `W/"${row.version}"`, lastModified: new Date(row.updated).toISOString() },
  };
}

function readParameters(engine: Engine, given: Parameters): Pick<HistoryQuery, 'since' | 'at' | 'limit'> {
  const { pageSize, maxPageSize } = engine.settings;
  const limits: { since?: number; at?: NonNullable<HistoryQuery['at']>; limit: number } = { limit: pageSize };
  for (const [name, value] of given) {
    const bad = (allowed: string) =>
      new FhirError('invalid', `${name} must be ${allowed}.`, {
        expression: `http.${name}`,
        detail: 'bad-parameter-value',
      });
    if (name === '_count') {
      if (!/^[1-9]\d{0,8}$/.test(value)) throw bad('a whole number above 0');
      limits.limit = Math.min(Number(value), maxPageSize);
    } else if (name === '_since' || name === '_at') {
      const range = parseDateTime(value);
      if (!range) throw bad(name === '_since' ? 'an instant' : 'a date or dateTime');
      if (name === '_since') limits.since = range.low;
      else limits.at = { low: range.low, high: range.high };
    } else
      throw new FhirError('not-supported', `History knows the parameters _count, _since and _at, not this one.`, {
        expression: `http.${name.slice(0, 64)}`,
        detail: 'unknown-parameter',
      });
  }
  return limits;
}
