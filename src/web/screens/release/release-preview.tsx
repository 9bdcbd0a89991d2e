/** Every document of the patient, in or out, with the reason; what staff decide of one is kept with the request. Nothing goes out by it. */
import type { DocumentReference, Parameters, ParametersParameter, Patient } from 'fhir/r4';
import { useState } from 'preact/hooks';
import { ask } from '../../fhir/client.js';
import { shownDate } from '../../fhir/show.js';
import { sayRelease } from '../../messages/release.js';
import { HOME } from '../../session/server.js';
import { reloadTask } from '../../tasks/process-steps.js';
import { announce } from '../../ui/announce.js';
import { FaultSummary } from '../../ui/fault-summary.js';
import { AreaField } from '../../ui/fields.js';
import { Modal } from '../../ui/modal.js';
import { OfRecord, Table, Tag } from '../../ui/parts.js';
import { sayMarks } from '../../messages/marks.js';
import { ChooseDocuments } from './choose-documents.js';
import { documentsNamed, PAGE_OF_DOCUMENTS, titleOrId } from './documents-named.js';
import { OpenDocument, useMarks } from './mark-document.js';
import type { DocumentMarks } from './marks.js';
import { stateOfRequest } from './request-parts.js';
import { type OfTask, parametersWith, useOperation } from '../../tasks/use-operation.js';

interface JudgedDocument {
  readonly id: string;
  readonly isIn: boolean;
  readonly reasons: readonly string[];
  /** Of staff. */
  readonly decision: string | undefined;
}

interface Preview {
  readonly in: number;
  readonly out: number;
  readonly documents: readonly JudgedDocument[];
}

function previewIn({ parameter = [] }: Parameters): Preview {
  const count = (called: string): number => parameter.find(({ name }) => name === called)?.valueUnsignedInt ?? 0;
  const documents = parameter.flatMap(({ name, part = [] }): JudgedDocument[] => {
    const id = /^DocumentReference\/([\w.-]+)/.exec(
      part.find(each => each.name === 'document')?.valueReference?.reference ?? '',
    )?.[1];
    if (name !== 'document' || id === undefined) return [];
    return [
      {
        id,
        isIn: part.some(({ valueCode }) => valueCode === 'in'),
        reasons: part.flatMap(({ valueCoding }) => valueCoding?.display ?? valueCoding?.code ?? []),
        decision: part.find(each => each.name === 'decision')?.valueString,
      },
    ];
  });
  return { in: count('in'), out: count('out'), documents };
}

interface Deciding {
  readonly what: 'leave-out' | 'take-in';
  readonly id: string;
}

export function ReleasePreview({ patient, ...request }: OfTask & { readonly patient: Patient }) {
  const { task } = request;
  const id = task.id!;
  const [preview, setPreview] = useState<Preview>();
  const [named, setNamed] = useState<ReadonlyMap<string, DocumentReference>>(new Map());
  const [shown, setShown] = useState(PAGE_OF_DOCUMENTS);
  const [deciding, setDeciding] = useState<Deciding>();
  const marking = useMarks(task);
  const { marks } = marking;
  const canChoose = ['searching', 'quality-review'].includes(stateOfRequest(task));
  const { faults, requestId, trying } = useOperation(request);
  /** Rejects with what the server refuses. */
  const look = async (parameter: readonly ParametersParameter[], upTo = shown): Promise<void> => {
    const body = parametersWith(parameter);
    const found = previewIn(
      (await ask<Parameters>({ method: 'POST', path: `Task/${id}/$release-preview`, body })).body,
    );
    await name(found, upTo);
    setPreview(found);
    announce(sayRelease('documents.count', { in: found.in, out: found.out }));
    if (parameter.length > 0) reloadTask(id);
  };
  const name = async ({ documents }: Preview, upTo: number): Promise<void> => {
    const missing = documents.slice(0, upTo).filter(each => !named.has(each.id));
    const found = await documentsNamed(missing.map(each => each.id));
    setNamed(new Map([...named, ...found.map(each => [each.id!, each] as const)]));
  };
  const undo = (document: string): void =>
    void trying(() => look([{ name: 'undo', valueReference: { reference: `DocumentReference/${document}` } }]));
  const showMore = async (judged: Preview): Promise<void> => {
    const upTo = shown + PAGE_OF_DOCUMENTS;
    await name(judged, upTo);
    setShown(upTo);
  };
  return (
    <section>
      <h2>{sayRelease('documents')}</h2>
      <p>{sayRelease('documents.text')}</p>
      <FaultSummary faults={faults} requestId={requestId} />
      {preview && (
        <JudgedTable
          {...{ preview, named, shown, undo, marks }}
          patient={patient.id!}
          mark={canChoose ? marking.open : undefined}
          decide={stateOfRequest(task) === 'searching' ? setDeciding : undefined}
        />
      )}
      {preview && canChoose && <OpenDocument marking={marking} titleOf={of => titleOrId(named.get(of), of)} />}
      <div class="buttons">
        {preview && preview.documents.length > shown && (
          <button type="button" class="secondary" onClick={() => void trying(() => showMore(preview))}>
            {sayRelease('documents.more')}
          </button>
        )}
        <button type="button" class="secondary" onClick={() => void trying(() => look([]))}>
          {sayRelease('documents.look')}
        </button>
      </div>
      {preview && canChoose && (
        <ChooseDocuments
          {...request}
          going={preview.documents.flatMap(each => (each.isIn ? [each.id] : []))}
          marks={marks}
          done={marking.forget}
        />
      )}
      {deciding && (
        <DecideDocument
          {...request}
          deciding={deciding}
          title={titleOrId(named.get(deciding.id), deciding.id)}
          give={reason => look([decisionOf(deciding, reason)])}
          close={() => setDeciding(undefined)}
        />
      )}
    </section>
  );
}

const decisionOf = ({ what, id }: Deciding, reason: string): ParametersParameter => ({
  name: what,
  part: [
    { name: 'document', valueReference: { reference: `DocumentReference/${id}` } },
    { name: 'reason', valueString: reason },
  ],
});

interface JudgedShape {
  readonly preview: Preview;
  readonly named: ReadonlyMap<string, DocumentReference>;
  readonly shown: number;
  readonly patient: string;
  /** Undefined: nothing is decided in this state. */
  readonly decide: ((what: Deciding) => void) | undefined;
  readonly undo: (id: string) => void;
  readonly marks: DocumentMarks;
  /** Undefined: nothing is chosen in this state. */
  readonly mark: ((id: string) => void) | undefined;
}

function JudgedTable({ preview, named, shown, patient, decide, undo, marks, mark }: JudgedShape) {
  const { in: goes, out, documents } = preview;
  if (documents.length === 0) return <p class="empty">{sayRelease('documents.none')}</p>;
  const columns = ['document', 'goes', 'why', ...(decide || mark ? (['decide'] as const) : [])] as const;
  return (
    <Table
      caption={sayRelease('documents.count', { in: goes, out })}
      columns={columns.map(each => sayRelease(`column.${each}`))}
      rows={documents.slice(0, shown).map(({ id, isIn, reasons, decision }) => ({
        key: id,
        cells: [
          <>
            <a href={`${HOME}chart/${patient}/document/${id}`}>
              <OfRecord>{titleOrId(named.get(id), id)}</OfRecord>
            </a>{' '}
            <span class="quiet nowrap">{shownDate(named.get(id)?.date)}</span>
          </>,
          <Tag colour={isIn ? 'green' : 'red'}>{sayRelease(isIn ? 'in' : 'out')}</Tag>,
          <>
            {reasons.join(' ')}{' '}
            {isIn && (marks.get(id)?.marks ?? []).length > 0 && (
              <strong>{sayMarks('count.of', { n: marks.get(id)!.marks.length })}</strong>
            )}{' '}
            {decision !== undefined && <OfRecord>{sayRelease('decision.by-staff', { why: decision })}</OfRecord>}
          </>,
          ...(decide || mark
            ? [
                <div class="buttons">
                  {decide && (
                    <DecideButtons
                      {...{ id, isIn, decide, undo }}
                      isDecided={decision !== undefined}
                      title={titleOrId(named.get(id), id)}
                    />
                  )}
                  {mark && isIn && (
                    <button
                      type="button"
                      class="secondary"
                      id={`marks-${id}`}
                      aria-label={`${sayMarks('mark')}: ${titleOrId(named.get(id), id)}`}
                      onClick={() => mark(id)}
                    >
                      {sayMarks('mark')}
                    </button>
                  )}
                </div>,
              ]
            : []),
        ],
      }))}
    />
  );
}

interface DecideButtonsShape {
  readonly id: string;
  readonly title: string;
  readonly isIn: boolean;
  readonly isDecided: boolean;
  readonly decide: (what: Deciding) => void;
  readonly undo: (id: string) => void;
}

/** What can be decided of one document: their names say which it is to those who do not see the row. */
function DecideButtons({ id, title, isIn, isDecided, decide, undo }: DecideButtonsShape) {
  const what = isIn ? 'leave-out' : 'take-in';
  const text = sayRelease(isDecided ? 'undo' : what);
  return (
    <button
      type="button"
      class="secondary"
      aria-label={`${text}: ${title}`}
      onClick={() => (isDecided ? undo(id) : decide({ what, id }))}
    >
      {text}
    </button>
  );
}

interface DecideShape extends OfTask {
  readonly deciding: Deciding;
  readonly title: string;
  readonly give: (reason: string) => Promise<void>;
  readonly close: () => void;
}

function DecideDocument({ deciding: { what }, title, give, close, ...request }: DecideShape) {
  const [reason, setReason] = useState('');
  const { faults, requestId, faultAt, lack, trying } = useOperation(request);
  const decide = async (): Promise<void> => {
    if (lack(reason.trim() === '' ? [{ field: 'decision-reason', text: sayRelease('next.reason.missing') }] : []))
      return;
    const work = async (): Promise<true> => {
      await give(reason.trim());
      return true;
    };
    if (await trying(work, { byExpression: { 'Parameters.parameter': 'decision-reason' } })) close();
  };
  return (
    <Modal title={`${sayRelease(what)}: ${title}`} close={close}>
      <FaultSummary faults={faults} requestId={requestId} />
      <AreaField
        id="decision-reason"
        label={sayRelease('decide.reason')}
        hint={sayRelease('decide.reason.hint')}
        rows={2}
        value={reason}
        set={setReason}
        fault={faultAt('decision-reason')}
      />
      <div class="buttons">
        <button type="button" onClick={() => void decide()}>
          {sayRelease(what)}
        </button>
        <button type="button" class="secondary" onClick={close}>
          {sayRelease('decide.cancel')}
        </button>
      </div>
    </Modal>
  );
}
