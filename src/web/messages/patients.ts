/** Finding, registering and correcting people. */
import { speaker } from './words.js';

export const sayPatients = speaker({
  'find.title': 'Patients',
  'find.text':
    'Find a person by any of these. What you look for stands in no address and in no history of this browser.',
  'find.name': 'Name',
  'find.name.hint': 'The beginning of each word is enough',
  'find.identifier': 'Identifier',
  'find.identifier.hint': 'For example an MRN',
  'find.born': 'Date of birth',
  'find.phone': 'Phone',
  'find.submit': 'Find patients',
  'find.clear': 'Clear',
  'find.nothing-asked': 'Enter a name, an identifier, a date of birth or a phone number',
  'find.found': { one: '{n} patient found', other: '{n} patients found' },
  'find.found-more': 'The first {n} patients. Enter more to find fewer.',
  'find.none': 'No patient was found.',
  'find.none.more': 'Check the spelling, or look for less. A person who is not here can be registered.',
  'column.name': 'Name',
  'column.born': 'Born',
  'column.sex': 'Sex',
  'column.identifiers': 'Identifiers',
  'column.status': 'Status',
  age: { one: '{n} year', other: '{n} years' },
  register: 'Register a patient',
  'status.deceased': 'Deceased',
  'status.merged': 'Merged',
  'status.inactive': 'Inactive',
  'status.restricted': 'Restricted',
  unnamed: 'Without a name',
});
