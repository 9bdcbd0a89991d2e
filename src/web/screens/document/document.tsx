/**
 * A document of the chart: what must be known before it is read stands across the top, then the document, then what is said of it. Its bytes are held
 * against the size and the hash that it is said to have.
 */
import type { Attachment, Bundle, DocumentReference, Patient } from 'fhir/r4';
import { useLocation, useRoute } from 'preact-iso/router';
import lazy from 'preact-iso/lazy';
import { useState } from 'preact/hooks';
import { ask, askBytes, pathBelow, search } from '../../fhir/client.js';
import { nameInUse, shownConcept, shownDate, shownName, shownSize } from '../../fhir/show.js';
import { sayDocument } from '../../messages/document.js';
import { RequestFailed } from '../../ui/fault-summary.js';
import { SelectField } from '../../ui/fields.js';
import { Loading, Page } from '../../ui/page.js';
import { OfRecord, SummaryList } from '../../ui/parts.js';
import { WithPatient } from '../../ui/patient-banner.js';
import { saveFile } from '../../ui/save-file.js';
import { matchesIn, usePages } from '../../ui/use-pages.js';
import { useQuery } from '../../ui/use-query.js';
import { belongingOf } from '../chart/belonging.js';
import { addressOfChart, ChartTabs } from '../chart/chart.js';
import { DocumentTags, titleOfDocument } from '../chart/documents.js';

const ShownBytes = lazy(() => import('./viewer.js').then(module => module.Viewer));

export function DocumentPage() {
  const { id = '', of = '' } = useRoute().params;
  const { beside } = useLocation().query;
  return (
    <WithPatient id={id} key={id}>
      {patient => (
        <>
          <ChartTabs id={id} at="documents" />
          <div class={beside === undefined || beside === '' ? undefined : 'beside'}>
            <OneDocument key={of} patient={patient} id={of} isFirst />
            {beside !== undefined && beside !== '' && (
              <OneDocument key={beside} patient={patient} id={beside} isFirst={false} />
            )}
          </div>
        </>
      )}
    </WithPatient>
  );
}

interface OneShape {
  readonly patient: Patient;
  readonly id: string;
  /** The one whose address this is. */
  readonly isFirst: boolean;
}

function OneDocument({ patient, id, isFirst }: OneShape) {
  const { data, error, refetch } = useQuery({
    key: ['document', patient.id, id],
    ask: async signal =>
      (await ask<DocumentReference>({ path: `DocumentReference/${encodeURIComponent(id)}`, signal })).body,
  });
  if (error) return <RequestFailed fault={error} again={() => void refetch()} />;
  if (!data) return <Loading />;
  const belonging = belongingOf(data, patient.id!);
  const isOurs = belonging === 'ours';
  const shown = isOurs ? (
    <Known patient={patient} document={data} isFirst={isFirst} />
  ) : (
    <p class="notice danger">{sayDocument(`of-${belonging}`)}</p>
  );
  if (!isFirst)
    return (
      <div>
        <h2>
          <OfRecord>{isOurs ? titleOfDocument(data) : sayDocument('title')}</OfRecord>
        </h2>
        {shown}
      </div>
    );
  return (
    <Page title={sayDocument('title')} heading={isOurs ? <OfRecord>{titleOfDocument(data)}</OfRecord> : undefined}>
      {shown}
    </Page>
  );
}

interface KnownShape {
  readonly patient: Patient;
  readonly document: DocumentReference;
  readonly isFirst: boolean;
}

function Known({ patient, document, isFirst }: KnownShape) {
  const attachments = document.content.map(({ attachment }) => attachment);
  const [at, setAt] = useState(0);
  const attachment = attachments[at];
  const path = attachment?.url === undefined ? undefined : pathBelow(attachment.url);
  const cover = {
    when: shownDate(new Date().toISOString()),
    name: shownName(nameInUse(patient.name)),
    born: shownDate(patient.birthDate),
    title: titleOfDocument(document),
  };
  return (
    <>
      <p class="cover">{sayDocument('print.cover', cover)}</p>
      <Warnings patient={patient.id!} document={document} />
      {attachments.length > 1 && (
        <SelectField
          id={`attachment-of-${document.id!}`}
          label={sayDocument('attachment')}
          value={String(at)}
          set={value => setAt(Number(value))}
          options={attachments.map((each, n) => [String(n), labelOfAttachment(each, n)])}
        />
      )}
      {attachment?.url === undefined ? (
        <p class="empty">{sayDocument('no-content')}</p>
      ) : path === undefined ? (
        <p class="notice warning">{sayDocument('elsewhere')}</p>
      ) : (
        <Bytes key={at} {...{ document, attachment, path, isFirst }} patient={patient.id!} />
      )}
    </>
  );
}

const labelOfAttachment = ({ title, contentType = '', language }: Attachment, at: number): string =>
  sayDocument('attachment.n', { n: at + 1, title: title ?? [contentType, language].filter(Boolean).join(', ') });

/** Across the top: they change what may be done with the document. */
function Warnings({ patient, document }: { readonly patient: string; readonly document: DocumentReference }) {
  const { status, docStatus, id = '' } = document;
  const isSuperseded = status === 'superseded';
  const { data: newer } = useQuery({
    key: ['document', patient, id, 'newer'],
    ask: async signal => {
      const asked = { relatesto: `DocumentReference/${id}`, relation: 'replaces', _elements: 'status' };
      return matchesIn((await search<Bundle<DocumentReference>>('DocumentReference', asked, signal)).body)[0]?.id ?? '';
    },
    enabled: isSuperseded,
  });
  return (
    <>
      {isSuperseded && (
        <div class="notice warning" role="note">
          <p>
            <strong>{sayDocument('superseded')}</strong>{' '}
            {newer !== undefined && newer !== '' && (
              <a href={addressOfChart(patient, 'document', newer)}>{sayDocument('superseded.newer')}</a>
            )}
          </p>
        </div>
      )}
      {(status === 'entered-in-error' || docStatus === 'entered-in-error') && (
        <p class="notice danger" role="note">
          <strong>{sayDocument('entered-in-error')}</strong>
        </p>
      )}
      {docStatus === 'preliminary' && (
        <p class="notice warning" role="note">
          <strong>{sayDocument('preliminary')}</strong>
        </p>
      )}
    </>
  );
}

interface BytesShape {
  readonly patient: string;
  readonly document: DocumentReference;
  readonly attachment: Attachment;
  /** Of its bytes, for `ask`. */
  readonly path: string;
  readonly isFirst: boolean;
}

interface Loaded {
  readonly bytes: Blob;
  /** Base64 of the SHA-1, as R4 writes it. */
  readonly hash: string;
}

async function load(path: string, signal: AbortSignal): Promise<Loaded> {
  const { body: bytes } = await askBytes({ path, accept: '*/*', signal });
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-1', await bytes.arrayBuffer()));
  return { bytes, hash: btoa(String.fromCharCode(...digest)) };
}

function Bytes({ patient, document, attachment, path, isFirst }: BytesShape) {
  const { data, error, refetch } = useQuery({ key: ['bytes', patient, path], ask: signal => load(path, signal) });
  const { contentType = '', size, hash, title } = attachment;
  if (error) return <RequestFailed fault={error} again={() => void refetch()} />;
  if (!data) return <Loading />;
  const hasWrongHash = hash !== undefined && hash !== data.hash;
  const hasWrongSize = size !== undefined && size !== data.bytes.size;
  const wrong = hasWrongHash
    ? sayDocument('hash.wrong')
    : hasWrongSize
      ? sayDocument('size.wrong', { size })
      : undefined;
  return (
    <>
      {wrong !== undefined && <p class="notice danger">{wrong}</p>}
      <div class="buttons actions">
        <button type="button" class="secondary" onClick={() => saveFile(data.bytes, title ?? 'document')}>
          {sayDocument('save')}
        </button>
        <button type="button" class="secondary" onClick={() => print()}>
          {sayDocument('print')}
        </button>
      </div>
      <ShownBytes bytes={data.bytes} contentType={contentType} path={path} title={titleOfDocument(document)} />
      <About {...{ patient, document, contentType }} wrong={wrong} size={data.bytes.size} hash={data.hash} />
      {isFirst && <Beside patient={patient} id={document.id!} />}
    </>
  );
}

interface AboutShape {
  readonly patient: string;
  readonly document: DocumentReference;
  readonly contentType: string;
  /** In what it differs from what it is said to be. */
  readonly wrong: string | undefined;
  readonly size: number;
  readonly hash: string;
}

/** What is marked for nothing is as its status says. */
const StatusOf = ({ document }: { readonly document: DocumentReference }) =>
  document.status === 'current' && document.docStatus === undefined ? (
    <>{document.status}</>
  ) : (
    <DocumentTags document={document} />
  );

function About({ patient, document, contentType, wrong, size, hash }: AboutShape) {
  const type = shownConcept(document.type);
  return (
    <>
      <h2>{sayDocument('about')}</h2>
      <SummaryList
        rows={[
          [sayDocument('type'), type === '' ? undefined : <OfRecord>{type}</OfRecord>],
          [sayDocument('status'), <StatusOf document={document} />],
          [sayDocument('date'), shownDate(document.date)],
          [sayDocument('author'), document.author?.map(({ display, reference }) => display ?? reference).join(', ')],
          [sayDocument('custodian'), document.custodian?.display],
          [sayDocument('format'), contentType],
          [sayDocument('size'), shownSize(size)],
          [
            sayDocument('hash'),
            <>
              <code>{hash}</code> {wrong ?? sayDocument('hash.right')}
            </>,
          ],
        ]}
      />
      <p>
        <a href={`${addressOfChart(patient, 'resource', 'DocumentReference', document.id!)}?versions`}>
          {sayDocument('versions')}
        </a>
      </p>
    </>
  );
}

/** Another document of the same patient. The list is asked for when somebody wants one. */
function Beside({ patient, id }: { readonly patient: string; readonly id: string }) {
  const { query, route } = useLocation();
  const pages = usePages<DocumentReference>({
    type: 'DocumentReference',
    parameters: {
      patient: `Patient/${patient}`,
      _sort: '-date',
      _count: '50',
      _elements: 'content,description,type,date',
    },
    enabled: query['beside'] !== undefined,
  });
  const at = addressOfChart(patient, 'document', id);
  if (query['beside'] === undefined)
    return (
      <p>
        <a href={`${at}?beside=`}>{sayDocument('beside')}</a>
      </p>
    );
  const options = (pages.found ?? []).filter(each => each.id !== id);
  return (
    <SelectField
      id="beside"
      label={sayDocument('beside')}
      value={query['beside']}
      set={value => route(value === '' ? at : `${at}?beside=${encodeURIComponent(value)}`)}
      options={[
        ['', sayDocument('beside.none')],
        ...options.map(each => [each.id!, `${titleOfDocument(each)} (${shownDate(each.date)})`] as const),
      ]}
    />
  );
}
