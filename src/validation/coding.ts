/**
 * What a code must be whatever it is bound to: one that its code system has, in use, under a name that it has there. For every Coding
 * and every Quantity with a code. https://hl7.org/fhir/R4/datatypes.html#Coding, https://hl7.org/fhir/R4/datatypes.html#Quantity
 *
 * A code that a complete code system does not have is an error, of a Quantity a warning, because units that are not UCUM's are common and
 * harm nobody who shows them; one that is not in use any more and a wrong display are warnings. Of a
 * code system that is not known here that much is said, as information. No text holds a code or a display.
 */
import { isObject, type JsonObject } from '../fhir/resource.js';
import type { Origin } from '../fhir/structure-definition.js';
import type { MemberVerdict } from '../terminology/member-test.js';
import type { RemoteTerminology } from '../terminology/remote.js';
import { keyOfQuestion, type RemoteQuestion } from '../terminology/remote-answers.js';
import type { KnownSystem } from '../terminology/known-system.js';
import type { Memberships } from '../terminology/membership.js';
import type { CheckedElement, CheckRun, ElementCheck, Finding } from './run.js';

const ABSOLUTE = /^[a-z][a-z\d+.-]*:/i;

/** `from`: whose code systems are meant where no version is said. The check is for elements of the type Coding or Quantity. */
export function compileCodingCheck(membership: Memberships, from: Origin): ElementCheck {
  return (element, run) => {
    const { value } = element;
    if (!isObject(value)) return;
    const { system, code } = value;
    if (typeof system !== 'string' || typeof code !== 'string') return;
    if (!ABSOLUTE.test(system)) return tell(element, run, 'system', RELATIVE);
    const { version } = value;
    const said = typeof version === 'string' && version !== '' ? version : undefined;
    const known = systemAtHand(membership, from, system, said, run);
    if (!known) return;
    switch (known.kind) {
      case 'not-a-system':
        return tell(element, run, 'system', notASystem(known.canonical));
      case 'unknown':
        return checkElsewhere(element, run, membership, { known, question: { system, version: said, code } });
      default:
        return checkCode(element, run, { known, coding: value, code, generation: membership.generation });
    }
  };
}

/** Undefined: it is asked for. */
export function systemAtHand(
  membership: Memberships,
  from: Origin,
  system: string,
  version: string | undefined,
  run: CheckRun,
): KnownSystem | undefined {
  const known = membership.systemAt(system, version, from);
  if (!known)
    run.need(`code system ${membership.generation} ${from} ${system} ${version ?? ''}`, () =>
      membership.prepareSystem(system, version, from),
    );
  return known;
}

/** What another server says; undefined where it does not know, or is asked now. */
export function askedElsewhere(remote: RemoteTerminology, question: RemoteQuestion, run: CheckRun): MemberVerdict {
  const answer = remote.answerAt(question);
  if (!answer) run.need(`elsewhere ${keyOfQuestion(question)}`, () => remote.ask(question));
  return answer?.verdict;
}

interface CodeInSystem {
  readonly known: KnownSystem;
  readonly coding: JsonObject;
  readonly code: string;
  /** Of what is known. */
  readonly generation: number;
}

function checkCode(element: CheckedElement, run: CheckRun, { known, coding, code, generation }: CodeInSystem): void {
  const concept = known.locate(code);
  if (concept === undefined) {
    if (known.kind === 'complete' && !known.has(code) && !isNationalIdentifier(coding, code))
      tell(element, run, 'code', noSuchCode(known.canonical, element.type === 'Coding'));
    return;
  }
  if (!known.isActive(concept)) tell(element, run, 'code', inactive(known.canonical));
  const { display } = coding;
  if (typeof display !== 'string') return;
  const named = known.isNamed(concept, display);
  if (named === undefined) run.need(`names ${generation} ${known.canonical}`, () => known.readDetails());
  else if (!named) tell(element, run, 'display', wrongDisplay(known.canonical));
}

interface CodeElsewhere {
  readonly known: KnownSystem;
  readonly question: RemoteQuestion;
}

function checkElsewhere(
  element: CheckedElement,
  run: CheckRun,
  { remote }: Memberships,
  { known, question }: CodeElsewhere,
): void {
  const verdict = remote?.accepts(question) ? askedElsewhere(remote, question, run) : undefined;
  if (verdict === undefined) tell(element, run, 'system', notKnown(known.canonical));
  if (verdict === false) tell(element, run, 'code', noSuchCode(known.canonical, element.type === 'Coding'));
}

/** `NNxxx` of table 0203 stands for as many codes as there are countries: https://terminology.hl7.org/CodeSystem-v2-0203.html */
const isNationalIdentifier = ({ system }: JsonObject, code: string): boolean =>
  system === 'http://terminology.hl7.org/CodeSystem/v2-0203' && /^NN[A-Z]{3}$/.test(code);

function tell({ place }: CheckedElement, run: CheckRun, name: string, finding: Finding): void {
  run.report({ above: place, name, index: -1 }, finding);
}

const RELATIVE: Finding = {
  severity: 'error',
  code: 'code-invalid',
  detail: 'relative-system',
  text: 'The system of a code must be an absolute address. Give the canonical url of the code system.',
};

const notASystem = (canonical: string): Finding => ({
  severity: 'error',
  code: 'code-invalid',
  detail: 'not-a-code-system',
  text: `${canonical} is a value set or a supplement, and no code system. Give the system that the code is of.`,
});

const notKnown = (canonical: string): Finding => ({
  severity: 'information',
  code: 'incomplete',
  detail: 'not-checked',
  text: `The code was not checked: the code system ${canonical} is not known here.`,
});

const noSuchCode = (canonical: string, isCoding: boolean): Finding => ({
  severity: isCoding ? 'error' : 'warning',
  code: 'code-invalid',
  detail: 'unknown-code',
  text: `The code system ${canonical} has no such code. Check the code, and the case of its letters.`,
});

const inactive = (canonical: string): Finding => ({
  severity: 'warning',
  code: 'business-rule',
  detail: 'inactive-code',
  text: `The code is not in use any more in the code system ${canonical}. Use another one for what is recorded now.`,
});

const wrongDisplay = (canonical: string): Finding => ({
  severity: 'warning',
  code: 'invalid',
  detail: 'wrong-display',
  text: `The display is no name of this code in the code system ${canonical}. Give its name there, or leave the display away.`,
});
