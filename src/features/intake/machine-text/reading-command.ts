/**
 * The outside command that reads scans (`CHARTROOM_OCR`), as an executable with its arguments, which no shell sees. It is found when the server starts: a server
 * that was told to read scans and cannot says so then.
 */
import { accessSync, constants, statSync } from 'node:fs';
import { delimiter, isAbsolute, join } from 'node:path';
import { ConfigError } from '../../../platform/config.js';

export interface ReadingCommand {
  /** Absolute. */
  readonly program: string;
  readonly args: readonly string[];
}

/** An argument that has it names the file of the scan; where none has it, the bytes come on the standard input. */
export const FILE_PLACE = '{file}';

const ALLOWED = 'an executable and its arguments, with blanks between them, or a JSON array of them: no shell reads it';

export const readingCommandSetting = {
  env: 'OCR',
  default: '',
  about: `Command that reads the text of scans that \`$intake\` has taken in, as in \`tesseract ${FILE_PLACE} -\`: ${ALLOWED}. \`${FILE_PLACE}\` is the file of the scan; without it the bytes come on the standard input. The text is what it prints, in UTF-8. Empty: none.`,
  /** The text itself, so that it is shown as it was given. */
  parse(text: string): string {
    wordsOfCommand(text);
    return text;
  },
};

/** Throws Error saying what is allowed. */
function wordsOfCommand(text: string): readonly string[] {
  if (!text.trimStart().startsWith('[')) return text.split(/\s+/).filter(word => word !== '');
  let words: unknown;
  try {
    words = JSON.parse(text);
  } catch {
    throw new Error(ALLOWED);
  }
  if (!Array.isArray(words) || words.length === 0 || !words.every(word => typeof word === 'string' && word !== ''))
    throw new Error(ALLOWED);
  return words as string[];
}

/** Of the setting; undefined: none. `path`: where programs are looked for. Throws ConfigError. */
export function findReadingCommand(text: string, path: string | undefined): ReadingCommand | undefined {
  const [program, ...args] = wordsOfCommand(text);
  if (program === undefined) return undefined;
  if (!isAbsolute(program) && program.includes('/'))
    throw new ConfigError(`CHARTROOM_OCR: ${program} is neither an absolute path nor a name alone.`);
  const places = isAbsolute(program)
    ? [program]
    : (path ?? '').split(delimiter).flatMap(folder => (isAbsolute(folder) ? [join(folder, program)] : []));
  const found = places.find(isExecutable);
  if (found === undefined) throw new ConfigError(`CHARTROOM_OCR: there is no executable ${program}.`);
  return { program: found, args };
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile();
  } catch {
    return false;
  }
}
