/** read and vread: https://hl7.org/fhir/R4/http.html#read, #vread, #cread */
import { withArticle } from '../fhir/article.js';
import { mayLabelElements } from '../access/inline-labels.js';
import { FhirError } from '../fhir/error.js';
import type { Version } from '../store/store.js';
import type { Context } from './engine.js';
import { isUnderNotice } from './response/redisclosure.js';
import { fileNameOf } from './response/file-name.js';
import { pointingAt } from './response/pointing-rows.js';
import type { Of, Outcome, RawContent } from './interaction.js';
import { patientsRead } from './patients-read.js';
import { allowanceOf, readWithText } from './response/allowance.js';
import { released } from './response/release.js';
import { readShelved } from './search/shelved.js';
import { rawContent, viewWhole, viewText } from './response/resource-text.js';

export async function read(context: Context, ask: Of<'read'>): Promise<Outcome> {
  const { engine } = context;
  const row = await readWithText(context, ask.type, ask.id);
  const own = row
    ? undefined
    : (engine.builtIn.get(`${ask.type}/${ask.id}`) ?? (await readShelved(context, ask.type, ask.id)));
  if (own) return { result: { status: 200, ...(await viewWhole(engine, own, ask.view)), patients: [] } };
  if (!row) throw new FhirError('not-found', `There is no ${ask.type} with this id.`);
  if (!row.text) throw deletedError(row);
  return show(context, row, ask);
}

export async function vread(context: Context, ask: Of<'vread'>): Promise<Outcome> {
  return show(context, await readVersion(context, ask.type, ask.id, ask.version), ask);
}

/** What is there now. Throws `not-found`, `deleted`. */
export async function readCurrent(context: Context, type: string, id: string): Promise<Version> {
  const row = await readWithText(context, type, id);
  if (!row) throw new FhirError('not-found', `There is no ${type} with this id.`);
  if (!row.text) throw deletedError(row);
  return row;
}

/** A version by the name that a client gives. Throws `not-found`, `deleted`. */
export async function readVersion(context: Context, type: string, id: string, name: string): Promise<Version> {
  const version = /^[1-9]\d{0,14}$/.test(name) ? Number(name) : undefined;
  const row = version === undefined ? undefined : await readWithText(context, type, id, version);
  if (!row) throw new FhirError('not-found', `There is no such version of ${withArticle(type)} with this id.`);
  if (!row.text) throw deletedError(row);
  return row;
}

async function show(context: Context, row: Version, ask: Of<'read'> | Of<'vread'>): Promise<Outcome> {
  const { engine } = context;
  const { content, inline } = ask;
  const stored = content && rawContent(engine, row, inline ? { content, inline } : { content });
  const binary = stored && (await released(engine.releases, stored, bytes => allowanceOf(context).admit(bytes)));
  // If-None-Match wins over If-Modified-Since: RFC 9110 §13.1.3. The bytes are those of the version, too. Where elements have labels, another copy of
  // the version may be one that was seen otherwise.
  const unchanged =
    (row.text && mayLabelElements(row.text)) || row.masked
      ? false
      : ask.ifNoneMatch
        ? [String(row.version), '*', binary?.hash].some(tag => tag !== undefined && ask.ifNoneMatch!.includes(tag))
        : ask.ifModifiedSince !== undefined && Math.floor(row.updated / 1000) * 1000 <= ask.ifModifiedSince;
  const about = { ...auditSubject(row), patients: await patientsRead([row], engine.settings.bases) };
  if (unchanged)
    return {
      result: { status: 304, ...about, ...(binary ? { binary: { fileName: '', ...binary } } : {}) },
    };
  const body = binary ? { binary: await namedBinary(context, row, binary) } : await viewText(engine, row, ask.view);
  return { result: { status: 200, ...about, ...body } };
}

/** Bytes with what else is said of them. */
async function namedBinary(context: Context, row: Version, binary: Omit<RawContent, 'fileName'>): Promise<RawContent> {
  const pointing = await pointingAt(context, row.id);
  const fileName = fileNameOf(pointing.rows, row.id, binary.contentType, context.engine.settings.bases);
  const isUnder = await isUnderNotice(context, row, pointing);
  return { fileName, ...binary, ...(isUnder ? { isUnderNotice: true } : {}) };
}

/** What audit and headers need of a row. */
export function auditSubject(row: Version) {
  const { type, id, version, updated, patients } = row;
  return { version: { version, updated }, subject: { type, id, version }, patients };
}

export const deletedError = (row: Version): FhirError =>
  new FhirError('deleted', `This ${row.type} was deleted; earlier versions are in its history.`);
