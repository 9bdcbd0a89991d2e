/** What a request costs: estimated as often as one likes, and charged once, with what that writes in numbers. */
import type { Money, Parameters, ParametersParameter } from 'fhir/r4';
import { useState } from 'preact/hooks';
import { sayRelease } from '../../messages/release.js';
import { reloadTask } from '../../tasks/process-steps.js';
import { announce } from '../../ui/announce.js';
import { FaultSummary, type FieldFault } from '../../ui/fault-summary.js';
import { TextField } from '../../ui/fields.js';
import { Table } from '../../ui/parts.js';
import { queries } from '../../ui/use-query.js';
import { Sure } from './sure.js';
import { type OfTask, useOperation } from '../../tasks/use-operation.js';

const FIELDS = ['pages', 'minutes', 'postage', 'waive'] as const;
type Field = (typeof FIELDS)[number];
type TypedFee = Readonly<Record<Field, string>>;
const NOTHING: TypedFee = { pages: '', minutes: '', postage: '', waive: '' };

/** What is typed, as it is sent; what is no number is sent as it is, so that the server says what is wrong with it. */
const parametersOfFee = (typed: TypedFee): ParametersParameter[] =>
  FIELDS.flatMap((name): ParametersParameter[] => {
    const text = typed[name].trim();
    if (text === '') return [];
    if (name === 'waive') return [{ name, valueString: text }];
    const value = Number(text);
    return name === 'postage' ? [{ name, valueDecimal: value }] : [{ name, valueUnsignedInt: value }];
  });

const faultsOfTyped = (typed: TypedFee): readonly FieldFault[] =>
  FIELDS.flatMap(name => {
    const text = typed[name].trim();
    const isRight = name === 'waive' || (name === 'postage' ? /^(?:\d+(?:\.\d+)?)?$/ : /^\d*$/).test(text);
    return isRight
      ? []
      : [{ field: `fee-${name}`, text: sayRelease('fee.number', { what: sayRelease(`fee.${name}`) }) }];
  });

interface Fee {
  readonly display: string;
  readonly isVerified: boolean;
  /** What is charged for, and what is taken off. */
  readonly lines: readonly { readonly code: string; readonly quantity: string; readonly amount: string }[];
  readonly total: string;
}

const shownMoney = ({ value = 0, currency = 'USD' }: Money = {}): string =>
  new Intl.NumberFormat('en', { style: 'currency', currency }).format(value);

function feeIn({ parameter = [] }: Parameters): Fee {
  const one = (called: string): ParametersParameter | undefined => parameter.find(({ name }) => name === called);
  const lines = parameter.flatMap(({ name, part = [] }) => {
    if (name !== 'line' && name !== 'reduction') return [];
    const of = (called: string): ParametersParameter | undefined => part.find(each => each.name === called);
    const amount = shownMoney(of('amount')?.valueMoney);
    return [
      {
        code: of('code')?.valueCode ?? '',
        quantity: String(of('quantity')?.valueUnsignedInt ?? ''),
        amount: name === 'reduction' ? `−${amount}` : amount,
      },
    ];
  });
  return {
    display: one('display')?.valueString ?? '',
    isVerified: one('verified')?.valueBoolean === true,
    lines,
    total: shownMoney(one('total')?.valueMoney),
  };
}

interface Estimated {
  readonly fee: Fee;
  /** What it was estimated for. */
  readonly parameter: readonly ParametersParameter[];
}

export function Fees(request: OfTask) {
  const id = request.task.id!;
  const [typed, setTyped] = useState(NOTHING);
  const [estimated, setEstimated] = useState<Estimated>();
  const [isSure, setSure] = useState(false);
  const { faults, requestId, lack, run } = useOperation(request);
  const tell = async (
    operation: 'estimate-fee' | 'charge',
    parameter: readonly ParametersParameter[],
  ): Promise<void> => {
    const fields = parameter.map(({ name }) => `fee-${name}`);
    const answer = await run({ name: operation, parameter, fields });
    if (!answer) return;
    const fee = feeIn(answer.body);
    if (operation === 'estimate-fee') {
      setEstimated({ fee, parameter });
      return announce(sayRelease('fee.total', { total: fee.total }));
    }
    setEstimated(undefined);
    reloadTask(id);
    void queries.invalidateQueries({ queryKey: ['letters', id] });
    announce(sayRelease('done', { what: sayRelease('fee.charge') }));
  };
  const estimate = (event: Event): void => {
    event.preventDefault();
    const wrong = faultsOfTyped(typed);
    lack(wrong);
    if (wrong.length === 0) void tell('estimate-fee', parametersOfFee(typed));
  };
  return (
    <section>
      <h2>{sayRelease('fee')}</h2>
      <FeeForm {...{ typed, faults, requestId, estimate }} set={setTyped} />
      {estimated && (
        <>
          <FeeLines fee={estimated.fee} />
          <div class="buttons actions">
            <button type="button" class="danger" onClick={() => setSure(true)}>
              {sayRelease('fee.charge')}
            </button>
          </div>
        </>
      )}
      {estimated && isSure && (
        <Sure
          what={sayRelease('fee.charge')}
          does={sayRelease('fee.sure', { total: estimated.fee.total })}
          yes={() => {
            setSure(false);
            void tell('charge', estimated.parameter);
          }}
          no={() => setSure(false)}
        />
      )}
    </section>
  );
}

const FeeLines = ({ fee: { display, isVerified, lines, total } }: { readonly fee: Fee }) => (
  <>
    <p>
      {display} {!isVerified && <strong>{sayRelease('fee.unverified')}</strong>}
    </p>
    <Table
      caption={sayRelease('fee.total', { total })}
      columns={(['item', 'quantity', 'amount'] as const).map(each => sayRelease(`fee.column.${each}`))}
      rows={lines.map(({ code, quantity, amount }) => ({ key: code, cells: [code, quantity, amount] }))}
    />
  </>
);

interface FeeFormShape {
  readonly typed: TypedFee;
  readonly set: (typed: TypedFee) => void;
  readonly faults: readonly FieldFault[];
  readonly requestId: string | undefined;
  readonly estimate: (event: Event) => void;
}

const FeeForm = ({ typed, set, faults, requestId, estimate }: FeeFormShape) => (
  <form class="panel" onSubmit={estimate} noValidate>
    <p class="hint">{sayRelease('fee.text')}</p>
    <FaultSummary faults={faults} requestId={requestId} />
    <div class="grid">
      {FIELDS.map(name => (
        <TextField
          key={name}
          id={`fee-${name}`}
          label={sayRelease(`fee.${name}`)}
          isOptional
          value={typed[name]}
          set={value => set({ ...typed, [name]: value })}
          fault={faults.find(({ field }) => field === `fee-${name}`)?.text}
        />
      ))}
    </div>
    <button type="submit" class="secondary">
      {sayRelease('fee.estimate')}
    </button>
  </form>
);
