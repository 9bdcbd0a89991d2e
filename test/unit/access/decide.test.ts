/** Who may do what: https://hl7.org/fhir/R4/security.html#AccessDenied. Rows AUD-3 and of the roles in profiles/roles.json. */
import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import type { Ask } from '../../../src/access/decide.js';
import type { Json } from '../../../src/fhir/resource.js';
import type { Letter, Principal, Role, Scope } from '../../../src/identity/principal.js';
import type { InteractionKind, Target } from '../../../src/interactions/interaction.js';
import { askOf, INTERACTIONS } from '../../../src/interactions/kinds.js';
import { operations } from '../../support/operations.js';
import { readRoles } from '../../../src/access/roles.js';
import { DUTY_LETTERS } from '../../../src/identity/principal.js';
import { EXPLAIN } from '../../../src/interactions/search/explain.js';
import { decide, decideWith, NAMEABLE, OWN_ROLES, ROLES } from '../../support/roles.js';

const CHANGING: readonly InteractionKind[] = ['update', 'patch', 'delete'];
const KINDS = Object.keys(INTERACTIONS) as InteractionKind[];
/** What the server had in code before roles were data: who may, at least. */
const OPERATION_RANK: Readonly<Record<string, number>> = {
  everything: 0,
  horizon: 0,
  jobs: 0,
  'jobs-cancel': 0,
  'jobs-status': 0,
  meta: 0,
  'meta-add': 1,
  'meta-delete': 1,
  purge: 2,
  reindex: 2,
  'reindex-status': 2,
};
/** Operations that came later. */
const TERMINOLOGY = ['batch-validate-code', 'expand', 'lookup', 'subsumes', 'translate', 'validate-code'];
const CAME_LATER = [
  'audit-checkpoint',
  'backup',
  'break-glass',
  'break-glass-end',
  'decide',
  'disclose',
  'import',
  'proof',
  'validate',
  ...TERMINOLOGY,
];
const RANK: Readonly<Record<Role, number>> = { reader: 0, writer: 1, admin: 2 };
const KIND_RANK = (kind: InteractionKind): number => (['create', ...CHANGING].includes(kind) ? 1 : 0);

/** The three roles as they were decided in code: the oracle. */
function decidedBefore(role: Role, target: Target): string {
  const operation = target.operation === undefined ? undefined : operations.get(target.operation);
  const needed = operation ? OPERATION_RANK[operation.code]! : target.kind === 'operation' ? 2 : KIND_RANK(target.kind);
  const { effect } = operation ?? INTERACTIONS[target.kind];
  const alone = (rank: number, what: string): string => {
    if (target.type === 'AuditEvent' && what === 'changes')
      return 'method-not-allowed Audit events cannot be changed or deleted.';
    if (role === 'admin') return 'sees all';
    if (target.type === 'AuditEvent' && what !== 'adds')
      return 'forbidden Only a privacy officer or an administrator reads the audit trail.';
    if (RANK[role]! >= rank) return 'sees all but AuditEvent';
    return `forbidden ${rank === 2 ? 'Only an administrator may do this.' : 'This role may not write.'}`;
  };
  const first = alone(needed, effect);
  return first.startsWith('sees') && (target.criteria || target.ifNoneExist) ? alone(0, 'reads') : first;
}

function decided(role: Role, ask: Ask, by = decide): string {
  const decision = by({ role }, ask);
  if (!decision.allow) return `${decision.kind} ${decision.why}`;
  const hidden = [...decision.restrictions].map(([type, seen]) => (seen === 'hidden' ? type : `a part of ${type}`));
  return `sees all${hidden.length > 0 ? ` but ${hidden.join(', ')}` : ''}`;
}
const asked = (target: Target): Ask =>
  askOf(target, target.operation === undefined ? undefined : operations.get(target.operation));

/** No address asks for a whole Bundle, or the statement, of a type; nor for an operation where it is not offered. */
function isAskable({ kind, type, id, criteria, operation }: Target): boolean {
  if (kind === 'capabilities' || kind === 'batch' || kind === 'transaction') return !type && !id && !criteria;
  const offered = operations.get(operation ?? '');
  return !offered || offered.levels.includes(type === undefined ? 'system' : id === undefined ? 'type' : 'instance');
}

const targets = (): readonly Target[] =>
  [undefined, 'Patient', 'Binary', 'AuditEvent', 'SearchParameter'].flatMap(type =>
    [undefined, '1'].flatMap(id =>
      [undefined, true as const].flatMap(criteria => {
        const where = { ...(type ? { type } : {}), ...(id ? { id } : {}), ...(criteria ? { criteria } : {}) };
        const plain = KINDS.filter(kind => kind !== 'operation').map(kind => ({ kind, ...where }));
        const run = [...operations.keys(), 'nosuch'].map(operation => ({
          kind: 'operation' as const,
          operation,
          ...where,
        }));
        return [...plain, { kind: 'operation' as const, ...where }, ...run];
      }),
    ),
  );

describe('decide', () => {
  it('says of the three roles, of every kind, operation and type, what was said in code before', () => {
    assert.deepEqual([...Object.keys(OPERATION_RANK), ...CAME_LATER].toSorted(), [...operations.keys()].toSorted());
    const wrong: string[] = [];
    let count = 0;
    for (const target of targets())
      for (const role of ROLES) {
        if (!isAskable(target) || CAME_LATER.includes(target.operation ?? '')) continue;
        count++;
        const [was, is] = [decidedBefore(role, target), decided(role, asked(target))];
        if (was !== is) wrong.push(`${role} ${JSON.stringify(target)}: ${is} instead of ${was}`);
      }
    assert.deepEqual(wrong, []);
    assert.ok(count > 400, String(count));
  });

  it('lets everybody ask what codes mean', () => {
    for (const operation of TERMINOLOGY)
      for (const role of ROLES) {
        const type = operation === 'translate' ? 'ConceptMap' : 'CodeSystem';
        assert.match(decided(role, asked({ kind: 'operation', operation, type })), /^sees all/, `${role} ${operation}`);
      }
  });

  it('lets nobody change an audit event, whatever the file says', () => {
    for (const kind of CHANGING)
      for (const role of ROLES)
        assert.match(decided(role, asked({ kind, type: 'AuditEvent', id: '1' })), /^method-not-allowed /);
  });

  it('lets a role that is none do nothing but ask for the statement', () => {
    const nobody = (target: Target) => decided('nobody', asked(target));
    assert.match(nobody({ kind: 'read', type: 'Patient', id: '1' }), /^forbidden /);
    assert.match(nobody({ kind: 'search' }), /^forbidden /);
    assert.match(nobody({ kind: 'operation', operation: 'everything' }), /^forbidden /);
    assert.match(nobody({ kind: 'capabilities' }), /^sees all but Account, .*VisionPrescription$/);
  });

  it('takes an address that no type has for one of the others, so that what is wrong with it can be told', () => {
    assert.equal(decided('reader', asked({ kind: 'read', type: 'Unicorn', id: '1' })), 'sees all but AuditEvent');
    assert.equal(decided('admin', asked({ kind: 'update', type: 'Unicorn', id: '1' })), 'sees all');
  });

  it('says why without naming data', () => {
    for (const target of targets())
      for (const role of [...ROLES, 'nobody']) {
        const decision = decide({ role }, asked(target));
        if (!decision.allow)
          assert.match(
            decision.why,
            /^(Only an administrator|Only a privacy officer|This role|Audit events) [a-z ]+\.$/,
          );
      }
  });

  it('finds every operation that changes its resource closed to readers', () => {
    const writing = [...operations].filter(([, { effect }]) => effect === 'changes');
    assert.ok(writing.length >= 3);
    for (const [code, { methods }] of writing) {
      // Everybody may cancel their own jobs, which are no resources.
      if (code === 'jobs-cancel') continue;
      assert.match(
        decided('reader', asked({ kind: 'operation', operation: code, type: 'Patient', id: '1' })),
        /^forbidden/,
      );
      assert.deepEqual(methods, ['POST'], code);
    }
  });
});

describe('decide by roles of one’s own', () => {
  const laboratory = { type: 'Observation', letters: 'rs', where: 'category=laboratory' };
  const roles: Readonly<Record<string, Json>> = {
    lab: { types: [laboratory, { type: 'Patient', letters: 'rs' }], operations: ['meta'], screens: ['desk'] },
    inbox: { types: [{ type: 'DocumentReference', letters: 'c' }] },
    'by-id': { types: [{ type: '*', letters: 'r' }] },
    both: { types: [laboratory, { type: 'Observation', letters: 'rs', where: 'code=x' }] },
    wide: { types: [laboratory, { type: 'Observation', letters: 'rs' }] },
    trail: { types: [{ type: 'AuditEvent', letters: 'rs' }] },
  };
  const by = decideWith(roles);
  const says = (role: string, target: Target): string => decided(role, asked(target), by);
  const conditionOf = (role: string) => {
    const decision = by({ role }, asked({ kind: 'search', type: 'Observation' }));
    return decision.allow ? decision.restrictions.get('Observation') : undefined;
  };

  it('sees of each type what its rows say', () => {
    const seen = says('lab', { kind: 'search', type: 'Observation' });
    assert.match(seen, /^sees all but Account, .*NutritionOrder, a part of Observation, ObservationDefinition/);
    assert.ok(!/\bPatient\b/.test(seen) && seen.includes('AuditEvent'));
    assert.match(says('lab', { kind: 'search', type: 'Encounter' }), /^forbidden This role may not read resources/);
    assert.match(says('lab', { kind: 'update', type: 'Patient', id: '1' }), /^forbidden This role may not write\.$/);
    assert.match(says('lab', { kind: 'search', type: 'AuditEvent' }), /may not read the audit trail/);
    assert.match(says('trail', { kind: 'search', type: 'AuditEvent' }), /^sees all but Account/);
  });

  it('joins rows of one type', () => {
    assert.ok(typeof conditionOf('lab') === 'object');
    assert.deepEqual(conditionOf('both'), {
      kind: 'any',
      of: [conditionOf('lab'), { kind: 'param', code: 'code', test: { kind: 'token', any: [{ code: 'x' }] } }],
    });
    assert.equal(conditionOf('wide'), undefined);
  });

  it('creates without seeing', () => {
    assert.match(says('inbox', { kind: 'create', type: 'DocumentReference' }), /^sees all but Account, /);
    assert.match(says('inbox', { kind: 'create', type: 'DocumentReference', ifNoneExist: true }), /^forbidden/);
    assert.match(says('inbox', { kind: 'create', type: 'Patient' }), /^forbidden This role may not write resources/);
    assert.match(says('inbox', { kind: 'read', type: 'DocumentReference', id: '1' }), /^forbidden/);
  });

  it('reads by id what it may not search for, and searches show nothing of it', () => {
    assert.equal(says('by-id', { kind: 'read', type: 'Patient', id: '1' }), 'sees all but AuditEvent');
    assert.equal(says('by-id', { kind: 'history', type: 'Patient', id: '1' }), 'sees all but AuditEvent');
    for (const target of [
      { kind: 'search', type: 'Patient' },
      { kind: 'history', type: 'Patient' },
      { kind: 'search' },
    ] as const)
      assert.match(says('by-id', target), /^forbidden/, JSON.stringify(target));
    assert.match(says('by-id', { kind: 'transaction' }), /^sees all but Account/);
  });

  it('runs the operations and opens the screens that it names', () => {
    const ask = (role: string, operation: string) =>
      says(role, { kind: 'operation', operation, type: 'Patient', id: '1' });
    assert.match(ask('lab', 'meta'), /^sees/);
    assert.match(ask('lab', 'everything'), /^forbidden Only an administrator may do this\.$/);
    assert.match(ask('lab', 'meta-add'), /^forbidden/);
    assert.match(decided('lab', { screen: 'desk' }, by), /^sees/);
    assert.match(decided('inbox', { screen: 'desk' }, by), /^forbidden This role may not do this\.$/);
    assert.match(decided('admin', { screen: 'desk' }, by), /^sees all$/);
  });
});

describe('the roles of the server', () => {
  const seen = (role: string, type: string, patient?: string): string => {
    const decision = decide({ role, ...(patient === undefined ? {} : { patient }) }, {});
    if (!decision.allow) return 'nothing';
    const { permission } = decision;
    const letters = DUTY_LETTERS.map(letter => {
      const reached = permission.reach[letter].get(type);
      return reached === undefined ? letter : reached === 'hidden' ? '' : letter.toUpperCase();
    });
    return letters.join('');
  };
  const rows: readonly (readonly [role: string, of: Readonly<Record<string, string>>])[] = [
    ['administrator', { Patient: 'cruds', SearchParameter: 'cruds', AuditEvent: '' }],
    ['privacy-officer', { Patient: 'rs', Consent: 'cruds', AuditEvent: 'rs' }],
    ['records-specialist', { Patient: 'cruds', SearchParameter: 'rs', AuditEvent: 'c' }],
    ['clinician', { Patient: 'crus', ValueSet: 'rs', AuditEvent: '' }],
    ['service', { Patient: 'cruds', Subscription: 'rs', AuditEvent: 'c' }],
    ['patient', { Patient: '', Observation: '', Practitioner: '', AuditEvent: '' }],
  ];
  for (const [role, of] of rows)
    for (const [type, letters] of Object.entries(of))
      it(`give ${role} ${letters === '' ? 'nothing' : letters} of ${type}`, () =>
        assert.equal(seen(role, type), letters));

  it('give a patient what is theirs, and what is about nobody', () => {
    const of = (type: string) => seen('patient', type, 'p1');
    assert.deepEqual(['Patient', 'Observation', 'Practitioner', 'ValueSet', 'AuditEvent', 'Group'].map(of), [
      'RS',
      'RS',
      'rs',
      'rs',
      '',
      '',
    ]);
    assert.deepEqual(['QuestionnaireResponse', 'DocumentReference'].map(of), ['CRUS', 'CRS']);
  });

  it('let nobody but administrators change what is searched by, explain, reindex and purge', () => {
    for (const role of readRoles(OWN_ROLES, NAMEABLE).keys()) {
      const isAdministrator = role === 'admin' || role === 'administrator';
      for (const operation of ['reindex', 'purge', 'backup', EXPLAIN])
        assert.equal(decide({ role }, { operation }).allow, isAdministrator, `${role} ${operation}`);
    }
  });

  it('let a token of fewer scopes not change the whole server', () => {
    const scopes = [{ context: 'user' as const, type: '*', letters: new Set(['r', 's'] as const), text: 'user/*.rs' }];
    const reindex = { operation: 'reindex', whole: true };
    assert.ok(!decide({ role: 'admin', scopes }, reindex).allow);
    const all = [{ ...scopes[0]!, letters: new Set(DUTY_LETTERS) }];
    assert.ok(decide({ role: 'admin', scopes: all }, reindex).allow);
    assert.ok(
      !decide({ role: 'admin', scopes: all.map(each => ({ ...each, context: 'patient' as const })) }, reindex).allow,
    );
  });

  it('compiles one permission for all who have the same, and no other for anybody else', () => {
    const scope = (type: string, letters: readonly Letter[]): Scope => ({
      ...{ context: 'patient', type, letters: new Set(letters) },
      text: 'alike',
    });
    const of = (more: Partial<Principal> = {}) => {
      const decision = decide(
        { role: 'reader', patient: 'p1', scopes: [scope('Patient', ['r', 's'])], ...more },
        { type: 'Patient', needs: 's' },
      );
      assert.ok(decision.allow);
      return decision.permission;
    };
    assert.equal(of(), of({ name: 'another', client: 'app' }));
    const others: Partial<Principal>[] = [
      { patient: 'p2' },
      { role: 'writer' },
      { scopes: [scope('Patient', ['s'])] },
      { scopes: [scope('Patient', ['r', 's']), scope('Observation', ['r'])] },
      { scopes: [{ ...scope('Patient', ['r', 's']), where: { kind: 'present', code: 'name' } }] },
    ];
    for (const more of others) assert.notEqual(of(more), of());
  });
});
