/** Fees: exact to the cent, by schedules that are checked when they are read. docs/records-desk.md */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, it } from 'mocha';
import { print } from '../../../src/fhir/json/print.js';
import { feeBy, type FeeWork } from '../../../src/features/release/fees/fee.js';
import { type FeeSchedule, readFeeSchedules, scheduleFor } from '../../../src/features/release/fees/fee-schedules.js';
import { centsOf, centsText, moneyOf, parseCents, parseRate } from '../../../src/features/release/fees/money.js';
import { readRequesterClasses } from '../../../src/features/release/requester-classes.js';

const profiles = new URL('../../../../profiles/release/', import.meta.url);
const classes = readRequesterClasses(new URL('rules/requester-classes.json', profiles));
const file = new URL('fees/schedules.json', profiles);
const fees = readFeeSchedules(file, classes);

describe('money', () => {
  it('is read from decimals, and from nothing else', () => {
    const rows: readonly (readonly [text: string, cents: bigint | undefined])[] = [
      ['6.50', 650n],
      ['0', 0n],
      ['1000', 100_000n],
      ['0.0700', 7n],
      ...['0.075', '-1', '+1', '1e2', '1.', '.5', '', ' 1', '1,5', '12345678', '0.00001', 'NaN'].map(
        text => [text, undefined] as const,
      ),
    ];
    for (const [text, cents] of rows) assert.equal(parseCents(text), cents, text);
    assert.equal(parseRate('0.075'), 750n);
  });

  it('is multiplied and shared exactly, with half a cent rounded up', () => {
    const rows: readonly (readonly [rate: string, count: number, among: number, cents: bigint])[] = [
      ['0.1', 3, 1, 30n],
      ['1.10', 3, 1, 330n],
      ['0.075', 1, 1, 8n],
      ['0.075', 3, 1, 23n],
      ['0.0749', 1, 1, 7n],
      ['20.00', 7, 60, 233n],
      ['20.00', 1, 60, 33n],
      ['9999999.9999', 100_000, 1, 99_999_999_999_000n],
    ];
    for (const [rate, count, among, cents] of rows) assert.equal(centsOf(parseRate(rate)!, count, among), cents, rate);
    for (const [cents, text] of [
      [5n, '0.05'],
      [-650n, '-6.50'],
      [0n, '0.00'],
      [123_456n, '1234.56'],
    ] as const)
      assert.equal(centsText(cents), text);
    const decimals = new Map();
    assert.equal(print(moneyOf(650n, 'USD', decimals), decimals), '{"value":6.50,"currency":"USD"}');
  });
});

describe('fees', () => {
  const work = (more: Partial<FeeWork> = {}): FeeWork => ({
    ...{ pages: 0, minutes: 0, medium: undefined, postage: 0n, isWaived: false },
    ...more,
  });
  const schedule = (more: Partial<FeeSchedule>): FeeSchedule => ({
    ...{ code: 's', display: 'S', classes: ['patient'], formats: ['pdf'], paymentFirst: false, verified: true },
    ...more,
  });
  const told = (one: FeeSchedule, of: FeeWork): string => {
    const { lines, reductions, total } = feeBy(one, of);
    const all = [...lines, ...reductions.map(({ kind, amount }) => ({ kind, amount: -amount }))];
    return [...all.map(({ kind, amount }) => `${kind} ${centsText(amount)}`), centsText(total)].join(', ');
  };

  it('are the sum of their lines, less what is above the cap or waived', () => {
    const pages = [{ to: 2, amount: '1.00' }, { to: 4, amount: '0.505' }, { amount: '0.25' }];
    const all = schedule({ labour: '20.00', pages, media: { usb: '8.00' }, postage: true, cap: '10.00' });
    const rows: readonly (readonly [FeeSchedule, FeeWork, string])[] = [
      [schedule({ flat: '6.50' }), work({ pages: 900, minutes: 90 }), 'flat 6.50, 6.50'],
      [schedule({ waived: true }), work({ pages: 900 }), '0.00'],
      [schedule({ flat: '6.50' }), work({ isWaived: true }), 'flat 6.50, waiver -6.50, 0.00'],
      [all, work({ pages: 1 }), 'pages 1.00, 1.00'],
      [all, work({ pages: 3 }), 'pages 2.51, 2.51'],
      [all, work({ pages: 4 }), 'pages 3.01, 3.01'],
      [all, work({ pages: 6, minutes: 7, postage: 101n }), 'labour 2.33, pages 3.51, postage 1.01, 6.85'],
      [all, work({ pages: 6, medium: 'usb' }), 'pages 3.51, medium 8.00, cap -1.51, 10.00'],
      [
        all,
        work({ pages: 6, medium: 'usb', isWaived: true }),
        'pages 3.51, medium 8.00, cap -1.51, waiver -10.00, 0.00',
      ],
      [all, work(), '0.00'],
    ];
    for (const [one, of, text] of rows) assert.equal(told(one, of), text);
  });

  it('have a schedule for every class and format, and hold no patient’s records back', () => {
    const of = (requesterClass: string, format: string, jurisdiction?: string) =>
      scheduleFor(fees, { requesterClass, format, jurisdiction })!.code;
    assert.deepEqual(
      [
        of('patient', 'pdf'),
        of('patient', 'pdf', 'US-CA'),
        of('patient', 'paper', 'US-CA'),
        of('patient', 'paper', 'US-OH'),
      ],
      ['access-flat', 'access-flat', 'access-paper-us-ca', 'access-paper'],
    );
    for (const each of fees.schedules) {
      const isOfAccess = ['patient', 'representative', 'directed'].some(one => each.classes.includes(one));
      assert.ok(!isOfAccess || !each.paymentFirst, each.code);
      assert.ok(!each.verified || each.waived || each.source?.startsWith('https:') === true, each.code);
    }
    assert.equal(fees.schedules.find(({ flat }) => flat !== undefined)?.flat, '6.50');
  });

  it('are refused where their schedules have not the form', () => {
    const at = join(mkdtempSync(join(tmpdir(), 'chartroom-fees-')), 'fees.json');
    const text = readFileSync(file, 'utf8');
    const read = (wrong: string) => {
      writeFileSync(at, wrong);
      return readFeeSchedules(pathToFileURL(at), classes);
    };
    assert.equal(read(text).schedules.length, fees.schedules.length);
    const rows: readonly (readonly [what: string, text: string, says: RegExp])[] = [
      ['none', '{}', /currency/],
      ['no schedule', '{"currency":"USD","schedules":[]}', /no schedule of fees for patient and pdf/],
      ['a fee for searching', text.replace('"flat": "6.50"', '"flat": "6.50", "search": "5.00"'), /access-flat/],
      ['a binary float', text.replace('"6.50"', '6.5'), /access-flat/],
      ['part of a cent', text.replace('"6.50"', '"6.505"'), /access-flat/],
      ['a debt', text.replace('"6.50"', '"-6.50"'), /access-flat/],
      ['flat and by pages', text.replace('"flat": "6.50"', '"flat": "6.50", "labour": "1.00"'), /access-flat/],
      ['tiers that end', text.replace(/,\s*\{\s*"amount": "0\.94"\s*\}/, ''), /us-wa/],
      ['tiers backwards', text.replace('"to": 100', '"to": 20'), /third-party/],
      ['a strange class', text.replace('"attorney"', '"friend"'), /third-party/],
      ['a strange format', text.replace('"zip"', '"microfilm"'), /access-flat/],
      ['one code twice', text.replace('"access-paper-us-ca"', '"access-paper"'), /two/],
    ];
    for (const [what, wrong, says] of rows) {
      assert.notEqual(wrong, text, what);
      assert.throws(() => read(wrong), says, what);
    }
  });
});
