/** The processes of records work as docs/records-desk.md has them: printed from their files. */
import type { WorkAlarm, WorkProcess, WorkProcesses, WorkTransition } from '../../src/features/work/process.js';

const CONDITIONS: readonly (readonly [keyof WorkTransition, string])[] = [
  ['reason', 'a reason'],
  ['location', 'where it is then'],
  ['term', 'the new term'],
];

const needsOf = (transition: WorkTransition): string => {
  const { otherThan, extension, operation, needs: elements = [] } = transition;
  const needs = CONDITIONS.flatMap(([name, words]) => (transition[name] ? [words] : []));
  const more = [
    ...(operation ? [`\`$${operation.code}\` alone`] : []),
    ...(extension === undefined ? [] : [`once, ${extension} days at most`]),
    ...elements.map(element => `\`${element}\``),
  ];
  return [...needs, ...more, ...(otherThan === undefined ? [] : [`another person than the ${otherThan}`])].join(', ');
};

const days = ({ days: count, counting }: Pick<WorkAlarm, 'days' | 'counting'>): string =>
  `${Math.abs(count)} ${counting === 'working' ? 'working ' : ''}day${Math.abs(count) === 1 ? '' : 's'}`;

function processText({
  code,
  display,
  workers,
  start,
  begin,
  exclusive = [],
  states,
  transitions,
  term,
  terms = {},
  alarms = {},
}: WorkProcess): string {
  const lawful = Object.entries(terms).map(([name, each]) => `${name} ${days(each)}`);
  const rows = Object.entries(transitions).map(
    ([name, transition]) =>
      `| \`${name}\` | ${transition.from.join(', ')} | ${transition.to} (${states[transition.to]!.status}) | ${transition.by.join(', ')} | ${needsOf(transition)} |`,
  );
  const told = Object.entries(alarms).map(([name, alarm]) => {
    const when = alarm.days < 0 ? 'before' : 'after';
    return `\`${name}\` ${days(alarm)} ${when} its end (${alarm.in.join(', ')})`;
  });
  return [
    `### ${display}: \`${code}\``,
    '',
    `Begins ${start.join(', ')}.${begin === undefined ? '' : ' Its beginning is told of what it is about.'} Worked on by ${workers.join(', ')}.${exclusive.length > 0 ? ` What it is about is in the hands of one Task at a time (${exclusive.join(', ')}).` : ''} ${term ? `Its term is ${days(term)}${lawful.length > 0 ? `, or what ends earlier of ${lawful.join(', ')}` : ''}.` : 'Whoever begins it says its term.'}${told.length > 0 ? ` Alarms: ${told.join('; ')}.` : ''}`,
    '',
    '| transition | from | to | who | needs |',
    '|---|---|---|---|---|',
    ...rows,
  ].join('\n');
}

export const processesText = (processes: WorkProcesses): string =>
  [...processes.values()].map(processText).join('\n\n');
