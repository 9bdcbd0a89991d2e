/** Everything in a chart leads to its resource. */
import type { FhirResource } from 'fhir/r4';
import { OfRecord } from '../../ui/parts.js';
import { addressOfChart } from './chart.js';
import { aboutOf } from './words.js';

interface LinkShape {
  /** Id of whose chart it is. */
  readonly patient: string;
  readonly to: FhirResource;
  /** Default, and where it is empty: what the resource is about. */
  readonly text?: string | undefined;
}

export const ResourceLink = ({ patient, to, text = '' }: LinkShape) => (
  <a href={addressOfChart(patient, 'resource', to.resourceType, to.id!)}>
    <OfRecord>{text === '' ? aboutOf(to) : text}</OfRecord>
  </a>
);
