/** A server with hooks that a test gives it, and what its log says of them. */
import { pino } from 'pino';
import { composeHooks, type FeatureHook, type OwnedHook } from '../../src/interactions/write/hooks.js';
import { ownHooks } from '../../src/interactions/write/own-hooks.js';
import type { RunningServer } from './server.js';

export interface HookLine {
  readonly feature: string;
  readonly moment: string;
  readonly why: string;
}

/** Puts these hooks behind those of the server itself, whose features have these names; gives what the log says when they fail. */
export function hookUp(
  { engine }: Pick<RunningServer, 'engine'>,
  features: Readonly<Record<string, FeatureHook>>,
): HookLine[] {
  const lines = loggedBy({ engine });
  const given: OwnedHook[] = [
    ...ownHooks(engine, engine.settings.bases),
    ...Object.entries(features).map(([owner, hook]) => ({ owner, hook })),
  ];
  Object.assign(engine, { hooks: composeHooks(given, engine.definitions.resourceTypes) });
  return lines;
}

/** What the log says from now on of hooks and routes that fail. */
export function loggedBy({ engine }: Pick<RunningServer, 'engine'>): HookLine[] {
  const lines: HookLine[] = [];
  Object.assign(engine, { log: pino({ level: 'error' }, { write: text => void lines.push(...hookLines(text)) }) });
  return lines;
}

function hookLines(text: string): HookLine[] {
  const { feature, moment, why } = JSON.parse(text) as Partial<HookLine>;
  return feature === undefined || moment === undefined || why === undefined ? [] : [{ feature, moment, why }];
}
