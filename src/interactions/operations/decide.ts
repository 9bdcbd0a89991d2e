/**
 * $decide: may somebody do this, and by which rules? For privacy officers and administrators, who ask before they give out a role or scopes, or when
 * somebody was refused. Defined in profiles/operationdefinition-decide.json; explain-decision.ts has the answer, which holds nothing of what is
 * stored.
 */
import { FhirError } from '../../fhir/error.js';
import type { JsonObject } from '../../fhir/resource.js';
import { principalOf } from '../../identity/claims.js';
import type { Principal } from '../../identity/principal.js';
import { didYouMean } from '../../platform/nearest.js';
import type { Context, Engine, OperationImplementation } from '../engine.js';
import { type AskedAbout, explainDecision, type DecisionExplanation } from '../explain-decision.js';
import type { Of, Outcome } from '../interaction.js';
import { type GivenParameter, readGiven } from './parameters.js';

/** What method and URL, below the base or relative to it, ask for. Throws FhirError where they ask for nothing. */
export type RouteAsked = (engine: Engine, method: string, url: string) => AskedAbout;

/** Who is asked about, by one of the first three; scopes and patient go with the first two. */
export interface WhoAsked {
  readonly role?: string | undefined;
  readonly user?: string | undefined;
  /** JSON of the claims of an access token. */
  readonly claims?: string | undefined;
  readonly scopes?: string | undefined;
  readonly patient?: string | undefined;
}

export const createDecideOperation = (routeAsked: RouteAsked): OperationImplementation => ({
  shows: 'Parameters',
  run: (context, ask) => decideAsked(context, ask, routeAsked),
});

async function decideAsked({ engine }: Context, ask: Of<'operation'>, routeAsked: RouteAsked): Promise<Outcome> {
  const { given } = readGiven(engine, ask);
  const find = (name: string): GivenParameter | undefined => given.find(each => each.name === name);
  const text = (name: string): string | undefined => find(name)?.value as string | undefined;
  const placed = <T>(name: string, what: () => T): T => {
    try {
      return what();
    } catch (error) {
      throw asQuestionFault(error, find(name)?.at);
    }
  };
  const [role, user, claims] = [text('role'), text('user'), text('claims')];
  const who = { role, user, claims, scopes: text('scope'), patient: text('patient') };
  const principal = await principalAsked(engine, who).catch(error => {
    throw asQuestionFault(error, find('claims')?.at ?? find('user')?.at ?? find('role')?.at);
  });
  const asked = placed('url', () => routeAsked(engine, text('method') ?? '', text('url') ?? ''));
  const told = placed('url', () => explainDecision(engine, principal, asked));
  return { result: { status: 200, text: Buffer.from(JSON.stringify(parametersOf(principal, told))), patients: [] } };
}

/** What is wrong with the request that is asked about, or with who would ask it, is wrong with the question. */
function asQuestionFault(error: unknown, at = 'Parameters.parameter'): unknown {
  if (!(error instanceof FhirError)) return error;
  const { kind, message, issues } = error;
  if (kind === 'fault' || kind === 'unavailable') return error;
  const [{ detail } = {}] = issues;
  return new FhirError('invalid', message, { expression: at, ...(detail === undefined ? {} : { detail }) });
}

/** Who is meant. Throws FhirError. */
export async function principalAsked(
  engine: Pick<Engine, 'authorization' | 'issuers' | 'readScopes' | 'roles' | 'settings'>,
  { role, user, claims, scopes, patient }: WhoAsked,
): Promise<Principal> {
  if ([role, user, claims].filter(each => each !== undefined).length !== 1)
    throw badWho('Say who by one of role, user and claims.');
  if (claims !== undefined) {
    if (scopes !== undefined || patient !== undefined)
      throw badWho('Claims say by themselves which scopes and patient.');
    return principalOfClaims(engine, claims);
  }
  const narrowed = {
    ...(scopes === undefined ? {} : { scopes: engine.readScopes(scopes).scopes }),
    ...(patient === undefined ? {} : { patient }),
  };
  if (role !== undefined) {
    if (!engine.roles.includes(role)) throw badWho(`There is no such role.${didYouMean(role, engine.roles)}`);
    return { role, ...narrowed };
  }
  if (!engine.authorization) throw badWho('This server has no users of its own: CHARTROOM_AUTH=smart.');
  const known = await engine.authorization.users.find(user!);
  if (!known || known.disabled) throw badWho('There is no such user, or they are disabled.');
  const own = known.patient === undefined ? {} : { patient: known.patient };
  return { name: known.name, role: known.role, ...own, ...narrowed };
}

function principalOfClaims(
  { issuers, readScopes, settings }: Pick<Engine, 'issuers' | 'readScopes' | 'settings'>,
  text: string,
): Principal {
  let claims: unknown;
  try {
    claims = JSON.parse(text);
  } catch {
    throw badWho('Claims are the JSON object in the middle of a token, decoded.');
  }
  if (typeof claims !== 'object' || claims === null || Array.isArray(claims))
    throw badWho('Claims are the JSON object in the middle of a token, decoded.');
  const { iss } = claims as Readonly<Record<string, unknown>>;
  const issuer = issuers.find(({ rules }) => rules.url === iss);
  if (!issuer) throw badWho('The claims are of an issuer (iss) that this server does not know.');
  return principalOf(claims as Readonly<Record<string, unknown>>, issuer.rules, { readScopes, bases: settings.bases });
}

const badWho = (text: string): FhirError => new FhirError('invalid', text, { detail: 'bad-parameter-value' });

function parametersOf({ role }: Principal, { allowed, why, operation, steps }: DecisionExplanation): JsonObject {
  const parameter: JsonObject[] = [
    { name: 'allowed', valueBoolean: allowed },
    ...(why === undefined ? [] : [{ name: 'reason', valueString: why }]),
    ...(role === '' ? [] : [{ name: 'role', valueString: role }]),
  ];
  if (operation)
    parameter.push({
      name: 'operation',
      part: [
        { name: 'code', valueCode: operation.code },
        { name: 'allowed', valueBoolean: operation.allowed },
      ],
    });
  for (const { type, letter, because, reaches, rules, where } of steps)
    parameter.push({
      name: 'step',
      part: [
        { name: 'type', valueCode: type },
        { name: 'letter', valueCode: letter },
        ...(because === undefined ? [] : [{ name: 'because', valueCode: because }]),
        { name: 'reaches', valueCode: reaches },
        ...rules.map(rule => ({ name: 'rule', valueString: rule })),
        ...(where === undefined ? [] : [{ name: 'where', valueString: where }]),
      ],
    });
  return { resourceType: 'Parameters', parameter };
}
