/** What verification is given by people, and what it tells them: for the command line and for tools/verify-audit.mjs alike. */
import { readFileSync } from 'node:fs';
import type { KeptAnchor } from './anchor-check.js';
import type { FindingPlace, TrailFinding } from './finding.js';
import { type NoteKey, readKeyText, readWitnessKey } from './note.js';
import type { VerifiedTrail } from './verify.js';

/** It cannot be used; the message says what and why. */
export class UnusableInput extends Error {}

const KEY = /[^\s"',+]+\+[0-9a-f]{8}\+[A-Za-z0-9+/]+=*/g;

/** Keys in what somebody has given: the text of one, or a file in whose text there are some. Throws UnusableInput where there is none. */
export function keysGiven(given: string): string[] {
  const text = readKeyText(given) ? given : fileText(given, 'key');
  const keys = [...text.matchAll(KEY)].map(([key]) => key).filter(key => readKeyText(key));
  if (keys.length === 0) throw new UnusableInput(`${given} has no key: one looks like name+1a2b3c4d+AbCd….`);
  return keys;
}

/** The key of a witness. Throws UnusableInput for what is none. */
export function witnessGiven(given: string): NoteKey {
  const key = readWitnessKey(given);
  if (!key) throw new UnusableInput(`${given} is no key of a witness: one looks like name+1a2b3c4d+BAbc….`);
  return key;
}

/** A note that is signed (https://c2sp.org/signed-note) over a checkpoint, wherever it stands in a text. */
const NOTE = /^\S.*\n\d+\n\S+\n(?:.+\n)*\n(?:\u2014 .+(?:\n|$))+/gm;
/** How mail that is answered or passed on marks its lines. */
const QUOTED = /^(?:> ?)+/gm;

/**
 * Anchors in a file: lines of JSON with their heads, as a server keeps them, or the text of a mail with a note, such a line, or both. Throws UnusableInput where
 * there is none: then it is the file that is wrong, and not the trail.
 */
export function anchorsGiven(file: string): KeptAnchor[] {
  const text = fileText(file, 'anchor').replaceAll('\r\n', '\n').trim();
  const isOfLines = text.startsWith('{');
  const plain = isOfLines ? text : text.replaceAll(QUOTED, '');
  const whole = plain.split('\n').flatMap(line => {
    if (line.trim() === '') return [];
    const anchor = readAnchorLine(line);
    if (!anchor && isOfLines) throw new UnusableInput(`${file} has a line that is no anchor.`);
    return anchor ?? [];
  });
  const notes = isOfLines ? [] : [...plain.matchAll(NOTE)].map(([note]) => `${note.trimEnd()}\n`);
  const alone = notes.filter(note => !whole.some(anchor => anchor.note === note)).map(note => ({ note }));
  if (whole.length + alone.length === 0)
    throw new UnusableInput(
      `${file} has no anchor: give the text of the mail that one came by, or lines of DATA/anchors.`,
    );
  return [...whole, ...alone];
}

/** Undefined: it is none. */
export function readAnchorLine(line: string): Required<KeptAnchor> | undefined {
  try {
    const { note, heads } = JSON.parse(line) as { readonly note?: unknown; readonly heads?: unknown };
    const isAnchor = typeof note === 'string' && Array.isArray(heads) && heads.every(head => typeof head === 'string');
    return isAnchor ? { note, heads } : undefined;
  } catch {
    return undefined;
  }
}

function fileText(path: string, what: string): string {
  try {
    return readFileSync(path, 'utf8').replace(/^\ufeff/, '');
  } catch {
    throw new UnusableInput(`${path} is no ${what}, and no file that can be read.`);
  }
}

const MOST_TOLD = 100;
const many = (count: number, what: string): string =>
  `${count.toLocaleString('en')} ${count === 1 ? what : `${what}s`}`;

/** As lines for people, with the status that a command ends with: 0 nothing is wrong, 1 something is, 2 it is no export. */
export function reportOf(
  { header, counts, findings, seen }: VerifiedTrail,
  { keys, isStore = false }: { readonly keys: readonly string[]; readonly isStore?: boolean },
): { readonly text: string; readonly status: 0 | 1 | 2 } {
  if (!header)
    return {
      text: 'This is no export of an audit trail, one that this program does not know, or another program has changed its first line: copy it again, as bytes.\n',
      status: 2,
    };
  const { named, counts: found } = findings;
  const faults = named.filter(({ isWarning }) => !isWarning);
  const warnings = named.filter(({ isWarning }) => isWarning);
  const extent = [header.from && `from ${header.from}`, header.to && `to ${header.to}`].filter(part => part);
  const lines = [
    isStore
      ? `The audit trail of ${header.base}, as it is kept.`
      : `The audit trail of ${header.base}, exported ${header.made}: ${extent.length > 0 ? extent.join(' ') : 'the whole of it'}.`,
    `${many(counts.deeds, 'deed')} in ${many(counts.streams, 'stream')}, ${many(counts.events, 'event')}, ${many(counts.checkpoints, 'checkpoint')}, ${many(counts.anchors, 'anchor')}.`,
    keys.length > 0
      ? `Trusted is ${keys.join(', ')}.`
      : 'No key was given: the keys of the trail itself are trusted, so that whoever has made up all of it is not found out.',
    ...(seen
      ? [
          `${seen.by} has seen ${many(seen.anchors, 'anchor')} of it, the newest of ${new Date(seen.until).toISOString()}.`,
        ]
      : []),
    '',
    ...warnings.slice(0, MOST_TOLD).map(finding => `Note: ${sentenceOf(finding)}`),
    ...faults.slice(0, MOST_TOLD).map(sentenceOf),
  ];
  const sum = [...found.values()].reduce((all, count) => all + count, 0);
  const told = Math.min(warnings.length, MOST_TOLD) + Math.min(faults.length, MOST_TOLD);
  if (sum > told) lines.push(`… and ${sum - told} more.`);
  lines.push(
    faults.length === 0
      ? 'Nothing was altered, left out or put in.'
      : `The trail is not what was sealed: ${[...new Set(faults.map(({ what }) => what))].join(', ')}. docs/audit.md says what each means.`,
  );
  return { text: `${lines.join('\n')}\n`, status: faults.length === 0 ? 0 : 1 };
}

const sentenceOf = ({ what, where, text }: TrailFinding): string => `${what}, ${placeTold(where)}: ${text}`;

function placeTold({ stream, index, to, id, line }: FindingPlace): string {
  const deeds =
    index === undefined ? '' : to === undefined || to === index ? `, deed ${index}` : `, deeds ${index} to ${to}`;
  const parts = [
    stream === undefined ? undefined : `stream ${stream}${deeds}`,
    id === undefined ? undefined : id,
    line === undefined ? undefined : `line ${line}`,
  ];
  return parts.filter(part => part !== undefined).join(', ');
}
