/**
 * history of an instance, a type, the system: https://hl7.org/fhir/R4/http.html#history. What may be asked:
 * history-parameters.ts. Choice: as with searches the total is given where one page holds everything, or where it is asked for.
 */
import { NO_PAGE } from '../access/view.js';
import { FhirError } from '../fhir/error.js';
import { newId } from '../platform/ids.js';
import type { HistoryQuery, Page, Version } from '../store/store.js';
import { allowanceOf, takePage } from './response/allowance.js';
import { type BundleEntry, bundle } from './response/bundle.js';
import { type HistoryAsked, historyParameters, readHistoryParameters } from './history-parameters.js';
import type { Context } from './engine.js';
import type { Of, Outcome, View } from './interaction.js';
import { patientsRead } from './patients-read.js';
import { neighbours, laterPage, openPage, type PageState, questionOf, selfLink } from './response/paging.js';
import { viewText } from './response/resource-text.js';

export async function history(context: Context, ask: Of<'history'>): Promise<Outcome> {
  const { engine } = context;
  const { type, id } = ask;
  const path = [type, id, '_history'].filter(part => part !== undefined).join('/');
  const page = openPage(context, path, ask.parameters);
  const given = page?.parameters ?? historyParameters(questionOf(ask.parameters), ask);
  const asked = readHistoryParameters(context, ask, given);
  // Before anything is looked at, or it would promise more than is there.
  const horizon = page?.horizon ?? context.view.horizon();
  const found = asked.countOnly ? NO_PAGE : await pageOfVersions(context, historyQuery(asked, page));
  if (id !== undefined && found.rows.length === 0 && !(await isKnown(context, type!, id)))
    throw new FhirError('not-found', `There is no ${type} with this id.`);
  const total = await versionTotal(context, asked, found, page);
  const head = {
    type: 'history' as const,
    horizon,
    link: [
      selfLink(engine, path, ask.parameters, asked.used),
      ...neighbours(context, { path, parameters: given, horizon, ...total }, found, page, ask.parameters),
    ],
    ...total,
  };
  const entries = await Promise.all(found.rows.map(row => historyEntry(context, row, found.rows, asked.view)));
  const newest = Math.max(...found.rows.map(({ version }) => version));
  return {
    result: {
      status: 200,
      ...bundle(head, entries, newId(engine.clock.now())),
      ...laterPage(page),
      patients: await patientsRead(found.rows, engine.settings.bases),
      ...(type !== undefined && id !== undefined && found.rows.length > 0
        ? { subject: { type, id, version: newest } }
        : {}),
    },
  };
}

/** Whether anything of it may be seen: the current version, or an earlier one. */
const isKnown = async ({ view }: Context, type: string, id: string): Promise<boolean> =>
  (await view.read(type, id)) !== undefined ||
  (view.showsPartOf(type) && (await view.history({ type, id, limit: 1 })).rows.length > 0);

function historyQuery({ of, limit, oldestFirst }: HistoryAsked, page: PageState | undefined): HistoryQuery {
  const place = page && (page.direction === 'after' ? { after: page.cursor } : { before: page.cursor });
  return { ...of, limit, ...(oldestFirst ? { oldestFirst } : {}), ...place };
}

/** A page as far as the allowance goes. */
const pageOfVersions = (context: Context, query: HistoryQuery): Promise<Page> =>
  takePage(allowanceOf(context), { limit: query.limit, back: query.before !== undefined }, ({ limit, bytes, place }) =>
    context.view.history({
      ...query,
      limit,
      bytes,
      ...(place && (query.before ? { before: place } : { after: place })),
    }),
  );

async function versionTotal(
  { view }: Context,
  { of, counted, countOnly }: HistoryAsked,
  found: Page,
  page: PageState | undefined,
): Promise<{ readonly total?: number }> {
  if (page) return page.total === undefined ? {} : { total: page.total };
  if (!countOnly && !found.more) return { total: found.rows.length };
  return counted || countOnly ? { total: await view.countHistory(of) } : {};
}

/** Whether nothing was there before this version: it is the first one, or follows a deletion. */
async function isCreation({ view }: Context, row: Version, page: readonly Version[]): Promise<boolean> {
  if (row.version === 1 || row.method !== 'PUT') return row.version === 1;
  const { type, id, version } = row;
  const inPage = page.find(other => other.version === version - 1 && other.id === id && other.type === type);
  const before = inPage ?? (await view.read(type, id, version - 1, 0));
  return before?.text === undefined && before?.withheld === undefined;
}

async function historyEntry(
  context: Context,
  row: Version,
  page: readonly Version[],
  form: View,
): Promise<BundleEntry> {
  const { engine } = context;
  const url = `${row.type}/${row.id}`;
  const created = await isCreation(context, row, page);
  const status = row.method === 'DELETE' ? '204 No Content' : created ? '201 Created' : '200 OK';
  return {
    fullUrl: `${engine.settings.base}/${url}`,
    ...(row.text ? await viewText(engine, row, form) : {}),
    request: { method: row.method, url: row.method === 'POST' ? row.type : url },
    response: { status, etag: `W/"${row.version}"`, lastModified: new Date(row.updated).toISOString() },
  };
}
