/**
 * The complete FHIRPath engine: fhirpath.js with its model of R4, http://hl7.org/fhirpath/N1/. It is read when it is first
 * needed, which takes a tenth of a second.
 */
import { createRequire } from 'node:module';
import type * as fhirpath from 'fhirpath';

interface FhirPath {
  readonly engine: typeof fhirpath;
  readonly model: fhirpath.Model;
  /** A function that gives nodes; it waits for nothing, and what is traced goes nowhere. */
  readonly compile: (expression: string) => (focus: unknown, variables?: Record<string, unknown>) => unknown[];
}

let loaded: FhirPath | undefined;

export function loadFhirPath(): FhirPath {
  if (loaded) return loaded;
  const require = createRequire(import.meta.url);
  const engine = require('fhirpath') as typeof fhirpath;
  const model = require('fhirpath/fhir-context/r4') as fhirpath.Model;
  const options = { resolveInternalTypes: false, async: false, traceFn: () => {} } as const;
  const compile: FhirPath['compile'] = expression => {
    const evaluate = engine.compile(expression, model, options);
    return (focus, variables) => withoutConsole(() => evaluate(focus, variables));
  };
  loaded = { engine, model, compile };
  return loaded;
}

const silent = (): void => {};

/** The engine writes to the console what it rounds, with values of the resource, which nobody may read there. */
export function withoutConsole<T>(work: () => T): T {
  const { console: shared } = globalThis;
  // oxlint-disable-next-line typescript/unbound-method -- it is put back where it was
  const { warn } = shared;
  shared.warn = silent;
  try {
    return work();
  } finally {
    shared.warn = warn;
  }
}
