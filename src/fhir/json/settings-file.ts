/** A JSON file that a setting names: its roles, its rules. */
import { readFileSync } from 'node:fs';
import { ConfigError } from '../../platform/config.js';
import { FhirError } from '../error.js';
import type { Json } from '../resource.js';
import { parseAnyJson, STORED_JSON } from './json.js';

const MAX_LEVELS = 10;

/** `what`: how messages name it, as in `The file of roles`. `maxDepth`: levels that it may have. Throws ConfigError where it cannot be read, or is no JSON. */
export function readSettingsFile(file: string, what: string, maxDepth = MAX_LEVELS): Json {
  try {
    return parseAnyJson(readFileSync(file), { ...STORED_JSON, maxDepth }).value;
  } catch (error) {
    if (error instanceof FhirError)
      throw new ConfigError(`${what}, ${file}, is no JSON that can be used: ${error.message}`);
    const { code } = error as NodeJS.ErrnoException;
    throw new ConfigError(`${what}, ${file}, ${code === 'ENOENT' ? 'does not exist' : `cannot be read (${code})`}.`);
  }
}
