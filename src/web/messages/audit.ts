/** The audit trail. */
import { speaker } from './words.js';

export const sayAudit = speaker({
  title: 'Audit',
  text: 'Every answer is recorded itself. Choose a question; what it names stands in no name of a patient.',
  question: 'Question',
  'question.what-did': 'What did a user do?',
  'question.denials': 'What was denied?',
  'question.disclosures': 'What was given out?',
  'question.breach-affected': 'Whom does a breach affect?',
  'question.who-saw': 'Who saw the data of a patient?',
  'who-saw.text': 'Find the patient first: the question stands in their chart, under “Who saw this”.',
  'who-saw.find': 'Find the patient',
  user: 'User or application',
  'user.hint': 'As the trail names them',
  'user.missing': 'Enter the name of a user or an application',
  ask: 'Ask',
  none: 'Nothing of the kind happened in this time.',
  chain: 'How far the ledger is sealed',
  'chain.text': 'What this says, kept elsewhere, proves later whether anything before it was changed.',
  'chain.show': 'Show the checkpoint',
  'chain.save': 'Save the checkpoint',
  'chain.ledger': 'Ledger',
  'chain.key': 'Key',
  'chain.anchor': 'Anchor',
  'chain.checkpoint': 'Checkpoint',
});
