/**
 * The TerminologyCapabilities (`metadata?mode=terminology`), computed from the operations that make it true and from the code
 * systems of the standard: https://hl7.org/fhir/R4/terminologycapabilities.html
 *
 * Code systems that were stored are not listed: `GET CodeSystem` finds those that the asker may see.
 */
import type { CodeSystem } from '../terminology/resources.js';
import type { Engine } from './engine.js';

export async function terminologyStatement(engine: Engine) {
  const { base, software } = engine.settings;
  const offered = (code: string): boolean => engine.operations.has(code);
  const expansion = engine.operations.get('expand')?.parameters ?? [];
  return {
    resourceType: 'TerminologyCapabilities',
    url: `${base}/metadata?mode=terminology`,
    version: software.version,
    name: 'ChartroomTerminology',
    title: 'Terminology of the Chartroom FHIR R4 server',
    status: 'active',
    date: new Date(software.started).toISOString(),
    description: 'Code systems of R4 itself, and those that are stored as CodeSystems with their concepts.',
    kind: 'instance',
    software: { name: software.name, version: software.version },
    implementation: { description: 'Chartroom', url: base },
    codeSystem: (await engine.terminology.resources.published()).map(codeSystem),
    ...(offered('expand')
      ? {
          expansion: {
            hierarchical: true,
            paging: true,
            incomplete: false,
            parameter: expansion.map(({ name }) => ({ name })),
            textFilter: 'Each word of the filter begins a word of the code or of a name of the concept.',
          },
        }
      : {}),
    codeSearch: 'all',
    ...(offered('validate-code') ? { validateCode: { translations: true } } : {}),
    ...(offered('translate') ? { translation: { needsMap: false } } : {}),
  };
}

function codeSystem({ url, version, hierarchyMeaning, concept }: CodeSystem) {
  const isNested = (concept ?? []).some(each => each.concept);
  return {
    ...(url === undefined ? {} : { uri: url }),
    version: [{ ...(version === undefined ? {} : { code: version }), isDefault: true }],
    subsumption: isNested && (hierarchyMeaning === undefined || hierarchyMeaning === 'is-a'),
  };
}
