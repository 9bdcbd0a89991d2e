/** Jobs as `$jobs` tells of them, and values of Parameters as text. */
import type { OperationOutcome, Parameters, ParametersParameter } from 'fhir/r4';
import { ask } from '../../fhir/client.js';
import { queries } from '../../ui/use-query.js';

export type JobParts = readonly ParametersParameter[];

/** Whatever type it is of; empty: there is none. */
export function partText(parts: JobParts, name: string): string {
  const part = parts.find(each => each.name === name);
  return part === undefined ? '' : valueText(part);
}

/** A value, what its parts say, or the sentences of an outcome. */
export function valueText(parameter: ParametersParameter): string {
  const value = Object.entries(parameter).find(([key]) => key.startsWith('value'))?.[1] as unknown;
  if (value !== undefined) return typeof value === 'string' ? value : JSON.stringify(value);
  const { part = [], resource } = parameter;
  if (resource?.resourceType === 'OperationOutcome') return sentencesOf(resource as OperationOutcome);
  return part.map(each => `${each.name}: ${valueText(each)}`).join(', ');
}

const sentencesOf = ({ issue }: OperationOutcome): string =>
  issue.map(({ diagnostics, details }) => details?.text ?? diagnostics ?? '').join(' ');

/** Asks an operation for a job. Gives its id. */
export async function startJob(asked: {
  readonly path: string;
  readonly body: Parameters | Blob;
  readonly headers?: Readonly<Record<string, string>>;
}): Promise<string> {
  const { path, body, headers = {} } = asked;
  const answer = await ask({ method: 'POST', path, body, headers: { ...headers, Prefer: 'respond-async' } });
  void queries.invalidateQueries({ queryKey: ['jobs'] });
  const at = new URL(answer.headers.get('Content-Location') ?? '', location.origin);
  return at.searchParams.get('job') ?? '';
}
