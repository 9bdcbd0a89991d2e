/**
 * DocumentReference.content.format of a CDA document, by the templates that it says it follows.
 *
 * HL7: https://terminology.hl7.org/CodeSystem-v3-HL7DocumentFormatCodes.html; templates of C-CDA:
 * https://hl7.org/cda/us/ccda/. A C-CDA 2.1 template has the extension 2015-08-01, one of 1.1 has none; of 2.0 (2014-06-09) no format code is
 * defined, so there is none. IHE: https://profiles.ihe.net/fhir/ihe.formatcode.fhir/CodeSystem-formatcode.html
 */
import type { Coding } from '../../../terminology/resources.js';
import type { CdaElement } from './cda-xml.js';

const HL7_FORMATS = 'http://terminology.hl7.org/CodeSystem/v3-HL7DocumentFormatCodes';
const IHE_FORMATS = 'http://ihe.net/fhir/ihe.formatcode.fhir/CodeSystem/formatcode';

/** Documents of IHE by the root of their template. */
const IHE_TEMPLATES: Readonly<Record<string, string>> = {
  '1.3.6.1.4.1.19376.1.3.3': 'urn:ihe:lab:xd-lab:2008',
  '1.3.6.1.4.1.19376.1.5.3.1.1.2': 'urn:ihe:pcc:xds-ms:2007',
  '1.3.6.1.4.1.19376.1.5.3.1.1.5': 'urn:ihe:pcc:xphr:2007',
  '1.3.6.1.4.1.19376.1.5.3.1.1.7': 'urn:ihe:iti:bppc:2007',
};
/** XDS-SD: scanned documents, whose format says what was scanned into. */
const XDS_SD = '1.3.6.1.4.1.19376.1.2.20';

/** Every document template of C-CDA, the header's among them. */
const CCDA_TEMPLATE = /^2\.16\.840\.1\.113883\.10\.20\.22\.1\.\d+$/;

/** `body`: the kind of body, and of one that is not XML its media type. */
export function formatOf(
  templates: readonly CdaElement[],
  body: { readonly kind: 'structuredBody' | 'nonXMLBody'; readonly contentType?: string | undefined },
): Coding | undefined {
  const given = templates.map(({ attributes }) => ({
    root: attributes.get('root') ?? '',
    extension: attributes.get('extension'),
  }));
  const ccda = given.filter(({ root }) => CCDA_TEMPLATE.test(root));
  const version = ccda.some(({ extension }) => extension === '2015-08-01')
    ? '2.1'
    : ccda.length > 0 && ccda.every(({ extension }) => extension === undefined)
      ? '1.1'
      : undefined;
  if (version !== undefined) return { system: HL7_FORMATS, code: `urn:hl7-org:sdwg:ccda-${body.kind}:${version}` };
  if (ccda.length > 0) return undefined;
  if (given.some(({ root }) => root === XDS_SD))
    return {
      system: IHE_FORMATS,
      code: `urn:ihe:iti:xds-sd:${body.contentType?.startsWith('text/') ? 'text' : 'pdf'}:2008`,
    };
  const code = given.flatMap(({ root }) => IHE_TEMPLATES[root] ?? [])[0];
  return code === undefined ? undefined : { system: IHE_FORMATS, code };
}
