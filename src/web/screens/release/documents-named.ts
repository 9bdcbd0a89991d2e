/** What documents are called, asked for when a list of them is shown. */
import type { Bundle, DocumentReference } from 'fhir/r4';
import { search } from '../../fhir/client.js';
import { shownConcept } from '../../fhir/show.js';
import { matchesIn } from '../../ui/use-pages.js';
import { useQuery } from '../../ui/use-query.js';

/** Documents that are asked for at once. */
export const PAGE_OF_DOCUMENTS = 50;

export async function documentsNamed(ids: readonly string[]): Promise<readonly DocumentReference[]> {
  if (ids.length === 0) return [];
  const asked = { _id: ids.join(','), _count: String(PAGE_OF_DOCUMENTS), _elements: 'description,type,date' };
  return matchesIn((await search<Bundle<DocumentReference>>('DocumentReference', asked)).body);
}

export const titleOrId = (document: DocumentReference | undefined, id: string): string =>
  document?.description ?? (shownConcept(document?.type) || id);

/** The title of each of the first page; of what cannot be read its id. */
export function useTitles(ids: readonly string[]): (id: string) => string {
  const first = ids.slice(0, PAGE_OF_DOCUMENTS);
  const { data = [] } = useQuery({
    key: ['documents-named', first],
    ask: () => documentsNamed(first),
    enabled: first.length > 0,
  });
  return id =>
    titleOrId(
      data.find(each => each.id === id),
      id,
    );
}
