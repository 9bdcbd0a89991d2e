/** Reference and uri parameters. https://hl7.org/fhir/R4/search.html#reference, https://hl7.org/fhir/R4/search.html#uri */
import { ELSEWHERE, MRN, OTHER } from './population.js';
import { OID, UUID } from './population-references.js';
import type { Group, Row } from './row.js';

const row = (name: string, query: string, ...expect: readonly string[]): Row => ({
  name: `references: ${name}`,
  query,
  expect,
});
const tasks = (name: string, value: string, ...at: readonly number[]): Row =>
  row(name, `Task?focus${value}`, ...at.map(n => `focus-${n}`));
const reports = (name: string, query: string, ...at: readonly number[]): Row =>
  row(name, `DiagnosticReport?${query}`, ...at.map(n => `report-${n}`));
const canonicals = (name: string, query: string, ...at: readonly number[]): Row => ({
  name: `canonicals: ${name}`,
  query: `CarePlan?instantiates-canonical${query}`,
  expect: at.map(n => `care-${n}`),
});
const uris = (name: string, query: string, ...at: readonly number[]): Row => ({
  name: `uris: ${name}`,
  query: `CarePlan?instantiates-uri${query}`,
  expect: at.map(n => `care-${n}`),
});

const PLAN = 'http://plans.example/PlanDefinition/care';
const ROOT = 'http://protocols.example';

export const REFERENCE_GROUPS: readonly Group[] = [
  {
    title: 'references to anything, none of it there',
    rows: [
      tasks('Type/id', '=Patient/ghost', 1, 3),
      tasks('id: of every type', '=ghost', 1, 2, 3),
      tasks('id: of one that is there', '=eve', 15),
      tasks('own absolute address', '={base}/Patient/ghost', 1, 3),
      tasks('own absolute address with its version', '={base}/Patient/ghost/_history/2', 3),
      tasks('one version', '=Patient/ghost/_history/2', 3),
      tasks('another version', '=Patient/ghost/_history/3'),
      tasks('another type', '=Group/ghost', 2),
      tasks('a type that none has', '=Device/ghost'),
      tasks('an address elsewhere', `=${ELSEWHERE}/Patient/ghost`, 4),
      tasks('another address elsewhere', `=${ELSEWHERE}/Group/ghost`),
      tasks('an address that is no resource', '=http://pictures.example/ghost.png', 14),
      tasks('urn:uuid', `=${UUID}`, 5),
      tasks('urn:oid', `=${OID}`, 6),
      tasks('a uuid without urn', '=0c3151bd-1cbf-4d64-b04d-cd9187a4c6e0'),
      tasks('ids mind case', '=Patient/Ghost', 7),
      tasks('ids are whole', '=Patient/ghost.2', 8),
      tasks('ids are no beginnings', '=Patient/gho'),
      tasks(':Patient', ':Patient=ghost', 1, 3),
      tasks(':Group', ':Group=ghost', 2),
      tasks(':Device', ':Device=ghost'),
      tasks(':Patient with Type/id', ':Patient=Patient/ghost', 1, 3),
      tasks(':Patient with the address of another type', ':Patient=Group/ghost'),
      tasks(':Patient has alternatives', ':Patient=ghost,ghost.2', 1, 3, 8),
      tasks('alternatives of many forms', `=Group/ghost,${UUID},${ELSEWHERE}/Patient/ghost`, 2, 4, 5),
      tasks('alternatives, id and Type/id', '=Patient/ghost,eve', 1, 3, 15),
      tasks(':identifier with its system', `:identifier=${MRN}|ghost`, 9),
      tasks(':identifier in any system', ':identifier=ghost', 9, 10, 11),
      tasks(':identifier without a system', ':identifier=|ghost', 10),
      tasks(':identifier, all of a system', `:identifier=${OTHER}|`, 11),
      tasks(':identifier has alternatives', `:identifier=${MRN}|ghost,${OTHER}|ghost`, 9, 11),
      tasks(':identifier of nothing', `:identifier=${MRN}|nobody`),
      tasks('a reference beside an identifier', '=Patient/other', 11),
      tasks('both at once', `=Patient/other&focus:identifier=${OTHER}|ghost`, 11),
      tasks('two that no single reference can be', '=Patient/ghost&focus=Group/ghost'),
      tasks('missing: a text alone is no reference', ':missing=true', 12, 13),
    ],
  },
  {
    title: 'references of one type, lists, contained resources',
    rows: [
      reports('the subject, by Type/id', 'subject=Patient/nowhere', 1),
      reports('the subject, by id of any type', 'subject=nowhere', 1, 2, 3),
      reports('the subject, by type', 'subject:Group=nowhere', 2),
      reports('the patient is a subject that is one', 'patient=nowhere', 1),
      reports('the patient by Type/id', 'patient=Patient/nowhere', 1),
      reports('the patient by type', 'patient:Patient=nowhere', 1),
      reports('the patient by own address', 'patient={base}/Patient/nowhere', 1),
      reports('the patient by the address of a group', 'patient=Group/nowhere'),
      reports('each of several', 'result=Observation/o1', 1),
      reports('one of several', 'result=o2', 1, 2),
      reports('both of several', 'result=o1&result=o2', 1),
      reports('several types', 'performer=p1', 1, 2),
      reports('one of several types', 'performer:PractitionerRole=p1', 2),
      reports('another of several types', 'performer=Organization/o1', 1),
      reports('an encounter', 'encounter=e1', 1),
      reports('inside an element', 'media=m1', 1),
      reports('two parameters', 'subject=nowhere&performer=p1', 1, 2),
      reports('a contained resource is not one of this server', 'subject=inside'),
      reports('a contained resource is not one of this server: missing', 'subject:missing=true', 4),
    ],
  },
  {
    title: 'canonicals',
    rows: [
      canonicals('without a version: every version', `=${PLAN}`, 1, 2, 3, 4),
      canonicals('one version', `=${PLAN}|1.0`, 2),
      canonicals('another version', `=${PLAN}|2.0`, 3),
      canonicals('no such version', `=${PLAN}|3.0`),
      canonicals('the second of several', '=http://plans.example/PlanDefinition/other', 3),
      canonicals('alternatives', `=${PLAN}|1.0,${PLAN}|2.0`, 2, 3),
      canonicals('no beginning of it', '=http://plans.example/PlanDefinition/ca'),
      canonicals('with its case', '=http://plans.example/plandefinition/care'),
      canonicals('missing is false', ':missing=false', 1, 2, 3, 4),
    ],
  },
  {
    title: 'addresses and names of things',
    rows: [
      uris('the whole', `=${ROOT}/a/b`, 7),
      uris('with its slash', `=${ROOT}/a/b/`, 6),
      uris('with its case', `=${ROOT}/a/B`, 15),
      uris('with the case of its scheme', '=HTTP://protocols.example/a/b', 10),
      uris('with its query', `=${ROOT}/a/b%3Fversion%3D1`, 14),
      uris('the second of several', `=${ROOT}/z`, 5),
      uris('both of several', `=${ROOT}/z&instantiates-uri=${ROOT}/a/b/c`, 5),
      uris('no beginning', `=${ROOT}/a/`),
      uris('alternatives', `=${ROOT}/a,${ROOT}/ab`, 8, 9),
      uris('a urn:oid', `=${OID}`, 11),
      uris('a urn:oid is no beginning of a longer one', `=${OID}.5`, 12),
      uris('a urn:uuid', `=${UUID}`, 13),
      uris(':below is itself and what lies deeper', `:below=${ROOT}/a/b`, 5, 6, 7),
      uris(':below does not find what begins alike', `:below=${ROOT}/a`, 5, 6, 7, 8, 14, 15),
      uris(':below of the root', `:below=${ROOT}`, 5, 6, 7, 8, 9, 14, 15),
      uris(':below with a slash at its end', `:below=${ROOT}/a/`, 5, 6, 7, 14, 15),
      uris(':below minds case', `:below=${ROOT}/A`),
      uris(':above is itself and what lies higher', `:above=${ROOT}/a/b`, 7, 8),
      uris(':above of something deep', `:above=${ROOT}/a/b/c/d`, 5, 6, 7, 8),
      uris(':above of nothing known', `:above=${ROOT}/q`),
      uris(':above has alternatives', `:above=${ROOT}/z/1,${ROOT}/ab/1`, 5, 9),
      uris('missing is true', ':missing=true', 1, 2, 3, 4, 16),
    ],
  },
];
