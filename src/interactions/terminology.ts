/** What codes mean to whoever asks: read from what may be seen. */
import { listFrom, loadFrom } from '../conformance/stored-canonicals.js';
import { createTerminology } from '../terminology/terminology.js';
import type { Context, Engine } from './engine.js';

const TYPES = ['ValueSet', 'CodeSystem', 'ConceptMap'];

/** Where everything may be seen, what is kept for all is used. */
export const terminologyOf = ({
  engine,
  view,
}: {
  readonly engine: Pick<Engine, 'terminology'> & { readonly settings: Pick<Engine['settings'], 'bases'> };
  readonly view: Context['view'];
}): Engine['terminology'] =>
  TYPES.every(type => view.shows(type) && !view.showsPartOf(type))
    ? engine.terminology
    : createTerminology(loadFrom(view), { bases: engine.settings.bases, list: listFrom(view) });
