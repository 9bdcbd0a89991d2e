/**
 * What IHE calls what clients do with documents, as the audit trail names it: https://profiles.ihe.net/ITI/MHD/4.2.3/ITI-65.html#audit and
 * those of the other transactions. Whatever else a client asks for is an interaction of FHIR and nothing more.
 */
import { isObject, itemsOf } from '../../../fhir/resource.js';
import type { Parameters } from '../../../interactions/interaction.js';
import type { AuditSubtype, NameOfAsked } from '../../../interactions/subtypes.js';
import { isSimplifiedPublish, LIST_TYPES } from './vocabulary.js';

const iti = (number: number, display: string): AuditSubtype => ({
  system: 'urn:ihe:event-type-code',
  code: `ITI-${number}`,
  display,
});

export const PROVIDE_BUNDLE = iti(65, 'Provide Document Bundle');
const FIND_LISTS = iti(66, 'Find Document Lists');
const FIND_REFERENCES = iti(67, 'Find Document References');
const RETRIEVE: AuditSubtype = { ...iti(68, 'Retrieve Document'), dataRole: '3' };
export const PUBLISH = iti(105, 'Simplified Publish');
export const GENERATE = iti(106, 'Generate Metadata');

/** Of searches: those that have what a Document Consumer must say. Of reads: those that want the bytes of a Binary. */
export const nameOfTransaction: NameOfAsked = ask => {
  if (ask.kind === 'search' && 'parameters' in ask) {
    if (ask.type === 'DocumentReference' && isOfPatient(ask.parameters) && says(ask.parameters, 'status'))
      return FIND_REFERENCES;
    if (ask.type === 'List' && isOfPatient(ask.parameters) && ask.parameters.some(isKindOfList)) return FIND_LISTS;
  }
  if (ask.kind === 'read' && ask.type === 'Binary' && 'content' in ask) return RETRIEVE;
  if ((ask.kind === 'create' || ask.kind === 'update') && ask.type === 'DocumentReference' && 'body' in ask) {
    const meta = 'resource' in ask.body ? ask.body.resource['meta'] : undefined;
    if (isObject(meta) && itemsOf(meta['profile']).some(isSimplifiedPublish)) return PUBLISH;
  }
  return undefined;
};

const isOfPatient = (parameters: Parameters): boolean =>
  says(parameters, 'patient') || says(parameters, 'patient.identifier') || says(parameters, 'patient:identifier');

const says = (parameters: Parameters, wanted: string): boolean => parameters.some(([name]) => name === wanted);

/** A code of MHD, with its system or without, as a token may have it. */
const KIND_OF_LIST = /^(?:folder|submissionset)$/;
const isKindOfList = ([name, value]: Parameters[number]): boolean =>
  name === 'code' && (value.includes(LIST_TYPES) || value.split(',').some(code => KIND_OF_LIST.test(code)));

/** The actors of MHD that this server is, with the options that work; XDS on FHIR and Target Communities do not. */
export const CAPABILITIES: readonly string[] = [
  'DocumentRecipient',
  'DocumentRecipient.Comprehensive',
  'DocumentRecipient.UnContained',
  'DocumentRecipient.Simplified',
  'DocumentRecipient.Generate',
  'DocumentRecipient.Fdoc',
  'DocumentResponder',
].map(actor => `https://profiles.ihe.net/ITI/MHD/CapabilityStatement/IHE.MHD.${actor}`);
