/** What the page was told of its server when it was served (src/http/console.ts). Nothing of anybody is among it. */

export interface ServerFacts {
  readonly authentication: 'none' | 'token' | 'smart';
  /** FHIR base as the server calls it, in links and as the audience of tokens. */
  readonly base: string;
  readonly name: string;
  readonly version: string;
  readonly fhirVersion: string;
  /** Names of screens by role: those that are of use to it. */
  readonly screens: Readonly<Record<string, readonly string[]>>;
}

const contentOf = (name: string): string =>
  document.querySelector<HTMLMetaElement>(`meta[name="chartroom-${name}"]`)?.content ?? '';

export const SERVER = JSON.parse(contentOf('server')) as ServerFacts;

/** Address of the worker of the viewer. */
export const WORKER = contentOf('worker');

/** Where this page asks: its own origin, whatever the server calls itself. */
export const FHIR = '/fhir';

/** Of the console, with a slash at the end. */
export const HOME = '/console/';
