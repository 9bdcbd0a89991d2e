/** Everything that tells this person from others, and how to reach them. */
import type { Coverage } from 'fhir/r4';
import type { ComponentChildren } from 'preact';
import {
  labelOfIdentifier,
  shownAddress,
  shownConcept,
  shownContact,
  shownName,
  shownPeriod,
} from '../../fhir/show.js';
import { sayChart } from '../../messages/chart.js';
import { FoundList } from '../../ui/found-list.js';
import { OfRecord, SummaryList } from '../../ui/parts.js';
import { usePages } from '../../ui/use-pages.js';
import type { PartOfChart } from './chart.js';
import { ResourceLink } from './resource-link.js';

const Lines = ({ texts }: { readonly texts: readonly string[] }) => (
  <ul class="plain">
    {texts.map(text => (
      <li key={text}>
        <OfRecord>{text}</OfRecord>
      </li>
    ))}
  </ul>
);

export function Person({ patient }: PartOfChart) {
  const { name = [], identifier = [], telecom = [], address = [], contact = [] } = patient;
  const lines = (texts: readonly string[]): ComponentChildren => (texts.length === 0 ? '' : <Lines texts={texts} />);
  const others = contact.map(each =>
    [shownName(each.name), shownConcept(each.relationship?.[0]), ...(each.telecom ?? []).map(shownContact)]
      .filter(text => text !== '')
      .join(' · '),
  );
  return (
    <>
      <SummaryList
        rows={[
          [
            sayChart('person.names'),
            lines(name.map(each => [shownName(each), each.use ?? ''].filter(text => text !== '').join(' · '))),
          ],
          [
            sayChart('person.identifiers'),
            lines(identifier.map(each => `${labelOfIdentifier(each)} ${each.value ?? ''}`)),
          ],
          [sayChart('person.contacts'), lines(telecom.map(shownContact))],
          [sayChart('person.addresses'), lines(address.map(shownAddress))],
          [sayChart('person.others'), lines(others)],
        ]}
      />
      <CoverageList patient={patient} />
    </>
  );
}

function CoverageList({ patient }: PartOfChart) {
  const pages = usePages<Coverage>({
    type: 'Coverage',
    parameters: {
      patient: `Patient/${patient.id!}`,
      _count: '15',
      _elements: 'status,type,payor,subscriberId,period,beneficiary',
    },
  });
  return (
    <>
      <h2>{sayChart('person.coverage')}</h2>
      <FoundList
        pages={pages}
        none={sayChart('nothing')}
        show={found => (
          <ul>
            {found.map(each => (
              <li key={each.id}>
                <ResourceLink patient={patient.id!} to={each} text={each.payor[0]?.display} />{' '}
                <span class="quiet">
                  {each.subscriberId} {shownPeriod(each.period)}
                </span>
              </li>
            ))}
          </ul>
        )}
      />
    </>
  );
}
