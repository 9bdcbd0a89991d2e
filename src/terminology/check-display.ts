/**
 * Whether a display is a name of its concept, in the languages that are asked for.
 * https://hl7.org/fhir/R4/valueset-operation-validate-code.html
 *
 * Names are compared without regard to case; one that differs in white space alone is told apart from another name. Where a
 * concept has no name in these languages, its names in any language count, with a remark.
 */
import type { Issue } from '../fhir/error.js';
import { STANDARDS_STATUS } from './code-system.js';
import { type CodeIssues, displayIssue } from './code-issues.js';
import { chooseName, type DisplayText, type Languages, speaks } from './languages.js';
import { type Coding, extensionText } from './resources.js';

export interface DisplayQuestion {
  readonly coding: Coding;
  readonly names: readonly DisplayText[];
  readonly languages: Languages | undefined;
  /** Of what is wrong. */
  readonly severity: Issue['severity'];
}

const foldDisplay = (text: string): string => text.toLowerCase();
const squeeze = (text: string): string => foldDisplay(text).replaceAll(/\s+/g, ' ').trim();

/** Those in the languages that are asked for. */
const spoken = (names: readonly DisplayText[], languages: Languages | undefined): DisplayText[] =>
  names.filter(({ language }) => !languages || languages.wanted.some(wanted => speaks(language, wanted)));

export function checkDisplay(issues: CodeIssues, path: string, question: DisplayQuestion): void {
  const { coding, names, languages, severity } = question;
  const { display } = coding;
  if (display === undefined || names.length === 0) return;
  const known = spoken(names, languages);
  const found = known.find(({ value }) => foldDisplay(value) === foldDisplay(display));
  if (found) return checkCurrent(issues, path, question, found);
  const about = `${coding.system ?? ''}#${coding.code ?? ''}`;
  const asked = languages?.text ?? '--';
  if (known.length > 0) {
    const loose = known.some(({ value }) => squeeze(value) === squeeze(display));
    const [wrong, id] = loose ? ['Wrong whitespace in Display Name', '_WS'] : ['Wrong Display Name', ''];
    issues.add(
      displayIssue(
        path,
        severity,
        `Display_Name${id}_for__should_be_one_of__instead_of`,
        `${wrong} '${display}' for ${about}. Valid display is ${presented(known)} (for the language(s) '${asked}')`,
      ),
      'told',
    );
    return;
  }
  const isName = names.some(({ value }) => foldDisplay(value) === foldDisplay(display));
  const own = chooseName(names, undefined)?.value ?? '';
  issues.add(
    isName
      ? displayIssue(
          path,
          'information',
          'NO_VALID_DISPLAY_FOUND_NONE_FOR_LANG_OK',
          `There are no valid display names found for the code ${about} for language(s) '${asked}'. The display is '${display}' which is a valid display for the default language`,
        )
      : displayIssue(
          path,
          severity,
          'NO_VALID_DISPLAY_FOUND_NONE_FOR_LANG_ERR',
          `Wrong Display Name '${display}' for ${about}. There are no valid display names found for language(s) '${asked}'. Default display is '${own}'`,
        ),
    'told',
  );
}

/** A name may be out of use. */
function checkCurrent(
  issues: CodeIssues,
  path: string,
  { coding, names, severity }: DisplayQuestion,
  { designation }: DisplayText,
): void {
  const statusOf = (each: DisplayText): string | undefined =>
    extensionText(each.designation?.extension, STANDARDS_STATUS);
  const status = extensionText(designation?.extension, STANDARDS_STATUS);
  if (status !== 'withdrawn' && status !== 'deprecated') return;
  const right = names.filter(each => !['withdrawn', 'deprecated'].includes(statusOf(each) ?? ''));
  issues.add(
    displayIssue(
      path,
      severity,
      'INACTIVE_DISPLAY_FOUND',
      `'${coding.display}' is no longer considered a correct display for code '${coding.code}' (status = ${status}). The correct display is one of ${right.map(({ value }) => value).join(',')}`,
      'display-comment',
    ),
  );
}

/** `'Display 1' (en)`, or `one of 2 choices: 'Display 1' (en) or 'Anzeige 1' (de)`. */
function presented(names: readonly DisplayText[]): string {
  const texts = names.map(({ value, language }) => `'${value}'${language === undefined ? '' : ` (${language})`}`);
  return texts.length === 1 ? texts[0]! : `one of ${texts.length} choices: ${texts.join(' or ')}`;
}
