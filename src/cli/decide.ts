/** `chartroom decide --as clinician GET 'Observation?code=…'`: whether somebody may, and by which rules, without anything of what is stored. */
import { readFileSync } from 'node:fs';
import { routeAsked } from '../http/asked-about.js';
import { type DecisionExplanation, explainDecision } from '../interactions/explain-decision.js';
import { principalAsked } from '../interactions/operations/decide.js';
import { ConfigError } from '../platform/config.js';
import type { Invocation } from './invocation.js';

export async function decide({ open, words, options }: Invocation): Promise<number> {
  const [method, url, ...more] = words;
  if (method === undefined || url === undefined || more.length > 0)
    throw new ConfigError("Name a request: chartroom decide --as clinician GET 'Observation?patient=1'.");
  const text = (name: string): string | undefined => options[name] as string | undefined;
  const file = text('claims');
  const who = {
    ...{ role: text('as'), user: text('user'), scopes: text('scopes'), patient: text('for-patient') },
    claims: file === undefined ? undefined : readFileSync(file, 'utf8'),
  };
  const engine = await open();
  try {
    const principal = await principalAsked(engine, who);
    const told = explainDecision(engine, principal, routeAsked(engine, method, url));
    for (const [name, line] of [['role', principal.role] as const, ...linesOf(told)])
      process.stdout.write(`${name.padEnd(12)}${line}\n`);
    return 0;
  } finally {
    await engine.store.close();
  }
}

function linesOf({ allowed, why, operation, steps }: DecisionExplanation): readonly (readonly [string, string])[] {
  return [
    ['allowed', allowed ? 'yes' : 'no'],
    ...(why === undefined ? [] : [['reason', why] as const]),
    ...(operation
      ? [['operation', `$${operation.code}${operation.allowed ? '' : ', which the role has not'}`] as const]
      : []),
    ...steps.flatMap(({ type, letter, because, reaches, rules, where }) => [
      [
        'needs',
        `${type}.${letter}${because === undefined ? '' : ` (${because})`}: ${reaches}${rules.length > 0 ? `, by ${rules.join(', ')}` : ''}`,
      ] as const,
      ...(where === undefined ? [] : [['where', where] as const]),
    ]),
  ];
}
