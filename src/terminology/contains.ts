/**
 * One row of an expansion as it is shown: display, designations, properties. https://hl7.org/fhir/R4/valueset.html#expansion
 *
 * The display is the name in the language that is asked for; where that is a designation, the display of the code system is
 * among the designations.
 */
import type { Json, JsonObject } from '../fhir/resource.js';
import { chooseName, type DisplayText, type Languages, PREFERRED } from './languages.js';
import type { Designation } from './resources.js';
import { extensionsOf, shownProperties, propertyExtension, type ShownProperty } from './row-properties.js';
import { isAbstract, isInactive, type ExpansionRow, rowNames } from './rows.js';

/** `expansion.contains`. */
export type Contains = JsonObject & { contains?: Contains[] };

export interface DesignationQuestion {
  readonly includeDesignations?: boolean;
  /** `system|code` of a use, `urn:ietf:bcp:47|language`; none: all. */
  readonly designations: readonly string[];
  readonly properties: readonly string[];
  readonly languages: Languages | undefined;
}

interface Shown {
  /** Properties that were shown, by their code. */
  readonly declared: Map<string, ShownProperty>;
  readonly showsVersion: boolean;
}

/** `language`: of the value set. */
export function containsOf(
  row: ExpansionRow,
  language: string | undefined,
  question: DesignationQuestion,
  { declared, showsVersion }: Shown,
): Contains {
  const { part, code } = row;
  const names = rowNames(row, language);
  const name = chooseName(names, question.languages);
  const properties = shownProperties(row, question.properties);
  for (const each of properties) declared.set(each.code, each);
  const extension = [...extensionsOf(row), ...properties.map(propertyExtension)] as Json[];
  const designation = question.includeDesignations ? designationsOf(row, names, name, question) : [];
  return {
    ...(extension.length > 0 ? { extension } : {}),
    ...(part.system === '' ? {} : { system: part.system }),
    ...(isAbstract(row) ? { abstract: true } : {}),
    ...(isInactive(row) ? { inactive: true } : {}),
    ...(showsVersion && part.version !== undefined ? { version: part.version } : {}),
    code,
    ...(name ? { display: name.value } : {}),
    ...(designation.length > 0 ? { designation } : {}),
  };
}

/** Extensions of designations that an expansion shows. */
const OF_DESIGNATIONS = new Set([
  'http://hl7.org/fhir/StructureDefinition/coding-sctdescid',
  'http://hl7.org/fhir/StructureDefinition/structuredefinition-standards-status',
]);

/** All but the one that is the display. */
function designationsOf(
  { part: { concepts }, concept, listed }: ExpansionRow,
  names: readonly DisplayText[],
  chosen: DisplayText | undefined,
  question: DesignationQuestion,
): Json[] {
  const main = names.find(each => each.main);
  const all: Designation[] = [
    ...(main && main !== chosen
      ? [{ ...(main.language === undefined ? {} : { language: main.language }), use: PREFERRED, value: main.value }]
      : []),
    ...(concepts && concept !== undefined ? concepts.designations(concept) : []),
    ...(listed?.designation ?? []),
  ];
  return all.flatMap(each => {
    if (each === chosen?.designation || each.value === undefined || !isAsked(each, question)) return [];
    const { language, use, value } = each;
    const extension = (each.extension ?? []).filter(({ url }) => OF_DESIGNATIONS.has(url ?? ''));
    const shown = {
      ...(extension.length > 0 ? { extension } : {}),
      ...(language === undefined ? {} : { language }),
      ...(use === undefined ? {} : { use }),
      value,
    };
    return [shown as unknown as Json];
  });
}

function isAsked({ language, use }: Designation, { designations }: DesignationQuestion): boolean {
  if (designations.length === 0) return true;
  return designations.some(each => {
    const [system = '', code = ''] = each.includes('|') ? each.split('|') : ['', each];
    if (system === 'urn:ietf:bcp:47') return language === code || (language?.startsWith(`${code}-`) ?? false);
    return use?.code === code && (system === '' || use.system === system);
  });
}
