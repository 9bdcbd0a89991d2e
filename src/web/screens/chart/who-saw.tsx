/** Who saw this record: for a privacy officer as the trail has it, for a patient in the words that are meant for them. */
import type { PartOfChart } from './chart.js';
import { QuestionAnswer } from '../../ui/question-answer.js';
import { sayChart } from '../../messages/chart.js';

export const WhoSaw = ({ patient }: PartOfChart) => (
  <QuestionAnswer
    path={`Patient/${patient.id!}/$who-saw`}
    caption={sayChart('who.caption')}
    none={sayChart('who.none')}
  />
);
