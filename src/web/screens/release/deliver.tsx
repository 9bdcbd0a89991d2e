/** How released records reach whoever asked ($deliver). What opens a link is shown once: it is kept nowhere, and gone with this page. */
import type { Attachment, Parameters, ParametersParameter } from 'fhir/r4';
import { useEffect, useState } from 'preact/hooks';
import { shownDate } from '../../fhir/show.js';
import { sayGoingOut } from '../../messages/going-out.js';
import { sayRelease } from '../../messages/release.js';
import { reloadTask } from '../../tasks/process-steps.js';
import { announce } from '../../ui/announce.js';
import { FaultSummary, type FieldFault } from '../../ui/fault-summary.js';
import { SelectField, TextField } from '../../ui/fields.js';
import { SummaryList } from '../../ui/parts.js';
import { queries } from '../../ui/use-query.js';
import { type OfTask, useOperation } from '../../tasks/use-operation.js';

/** As `method` of $deliver names them. */
export const WAYS_OUT = ['hand', 'print', 'link', 'health-link', 'email', 'ehr'] as const;
type WayOut = (typeof WAYS_OUT)[number];

/** Fields in the order in which they are shown, with the ways that have them. */
const FIELDS = {
  'taken-by': ['hand', 'print'],
  'identity-document': ['hand'],
  to: ['email'],
  receiver: ['ehr'],
  passcode: ['link', 'health-link', 'email'],
  expires: ['link', 'health-link', 'email'],
  downloads: ['link', 'health-link', 'email'],
  tries: ['link', 'health-link', 'email'],
  label: ['health-link'],
} as const satisfies Record<string, readonly WayOut[]>;
type Field = keyof typeof FIELDS;
const OPTIONAL: ReadonlySet<Field> = new Set(['expires', 'downloads', 'tries', 'label']);
const NUMBERS: ReadonlySet<Field> = new Set(['downloads', 'tries']);

type TypedDelivery = Readonly<Record<Field, string>>;
const NOTHING: TypedDelivery = {
  'taken-by': '',
  'identity-document': '',
  to: '',
  receiver: '',
  passcode: '',
  expires: '',
  downloads: '',
  tries: '',
  label: '',
};

const fieldsOf = (method: WayOut): readonly Field[] =>
  (Object.keys(FIELDS) as Field[]).filter(each => FIELDS[each].some(way => way === method));

const faultsOfTyped = (method: WayOut, typed: TypedDelivery): readonly FieldFault[] =>
  fieldsOf(method).flatMap(name => {
    const text = typed[name].trim();
    const [field, what] = [`deliver-${name}`, sayGoingOut(`deliver.${name}`)];
    const isLacking = text === '' && !OPTIONAL.has(name) && !(method === 'health-link' && name === 'passcode');
    if (isLacking) return [{ field, text: sayGoingOut('deliver.missing', { what }) }];
    return NUMBERS.has(name) && !/^\d*$/.test(text) ? [{ field, text: sayRelease('fee.number', { what }) }] : [];
  });

const parametersOfDelivery = (method: WayOut, typed: TypedDelivery): readonly ParametersParameter[] => [
  { name: 'method', valueCode: method },
  ...fieldsOf(method).flatMap((name): ParametersParameter[] => {
    const text = typed[name].trim();
    if (text === '') return [];
    if (NUMBERS.has(name)) return [{ name, valuePositiveInt: Number(text) }];
    if (name === 'receiver') return [{ name, valueCode: text }];
    return [name === 'expires' ? { name, valueDateTime: text } : { name, valueString: text }];
  }),
];

/** What is told once. */
interface ToldOnce {
  /** Undefined: the server has mailed it. */
  readonly link: string | undefined;
  readonly passcode: string;
  readonly expires: string | undefined;
  readonly qr: Attachment | undefined;
}

function toldIn({ parameter = [] }: Parameters, passcode: string): ToldOnce | undefined {
  const one = (called: string) => parameter.find(({ name }) => name === called);
  const link = one('link')?.valueUrl ?? one('health-link')?.valueUri;
  if (link === undefined && passcode === '') return undefined;
  return { link, passcode, expires: one('expires')?.valueInstant, qr: one('qr')?.valueAttachment };
}

export function Deliver(request: OfTask) {
  const id = request.task.id!;
  const { faults, requestId, faultAt, lack, run } = useOperation(request);
  const [method, setMethod] = useState<WayOut>('hand');
  const [typed, setTyped] = useState(NOTHING);
  const [told, setTold] = useState<ToldOnce>();
  const deliver = async (event: Event): Promise<void> => {
    event.preventDefault();
    setTold(undefined);
    const wrong = faultsOfTyped(method, typed);
    lack(wrong);
    if (wrong.length > 0) return;
    const parameter = parametersOfDelivery(method, typed);
    const answer = await run({ name: 'deliver', parameter, fields: parameter.map(({ name }) => `deliver-${name}`) });
    if (!answer) return;
    setTold(toldIn(answer.body, fieldsOf(method).includes('passcode') ? typed.passcode.trim() : ''));
    setTyped(NOTHING);
    announce(sayRelease('done', { what: sayGoingOut('deliver') }));
    reloadTask(id);
    await queries.invalidateQueries({ queryKey: ['deliveries', id] });
  };
  return (
    <>
      {told && <Told told={told} close={() => setTold(undefined)} />}
      <form class="panel" onSubmit={event => void deliver(event)} noValidate>
        <h3>{sayGoingOut('deliver')}</h3>
        <FaultSummary faults={faults} requestId={requestId} />
        <SelectField
          id="deliver-method"
          label={sayGoingOut('deliver.method')}
          value={method}
          set={value => {
            setMethod(WAYS_OUT.find(each => each === value) ?? 'hand');
            lack([]);
          }}
          options={WAYS_OUT.map(each => [each, sayGoingOut(`method.${each}`)])}
          fault={faultAt('deliver-method')}
        />
        <div class="grid">
          {fieldsOf(method).map(name => (
            <TextField
              key={name}
              id={`deliver-${name}`}
              type={name === 'expires' ? 'date' : 'text'}
              label={sayGoingOut(`deliver.${name}`)}
              hint={sayGoingOut(`deliver.${name}.hint`)}
              isOptional={OPTIONAL.has(name) || (method === 'health-link' && name === 'passcode')}
              value={typed[name]}
              set={value => setTyped({ ...typed, [name]: value })}
              fault={faultAt(`deliver-${name}`)}
            />
          ))}
        </div>
        <button type="submit">{sayGoingOut('deliver')}</button>
      </form>
    </>
  );
}

function Told({
  told: { link, passcode, expires, qr },
  close,
}: {
  readonly told: ToldOnce;
  readonly close: () => void;
}) {
  return (
    <section class="panel" aria-labelledby="told-once">
      <h3 id="told-once">{sayGoingOut(link === undefined ? 'told.mailed' : 'told')}</h3>
      <p class="notice warning">{sayGoingOut('told.once')}</p>
      <SummaryList
        rows={[
          ...(link === undefined ? [] : [[sayGoingOut('told.link'), <code>{link}</code>] as const]),
          ...(passcode === '' ? [] : [[sayGoingOut('deliver.passcode'), <code>{passcode}</code>] as const]),
          [sayGoingOut('deliver.expires'), shownDate(expires)],
        ]}
      />
      {qr && <QrCode qr={qr} />}
      <button type="button" class="secondary" onClick={close}>
        {sayGoingOut('told.close')}
      </button>
    </section>
  );
}

/** As a picture: what is in it runs nothing. */
function QrCode({ qr: { contentType = '', data = '' } }: { readonly qr: Attachment }) {
  const [address, setAddress] = useState<string>();
  useEffect(() => {
    const made = URL.createObjectURL(
      new Blob([Uint8Array.from(atob(data), each => each.charCodeAt(0))], { type: contentType }),
    );
    setAddress(made);
    return () => URL.revokeObjectURL(made);
  }, [data]);
  return address === undefined ? null : (
    <p>
      <img src={address} alt={sayGoingOut('told.qr')} width={240} height={240} />
    </p>
  );
}
