/** A request that is asked about ($decide, `chartroom decide`), and not made: method and URL → what would be decided. */
import { FhirError } from '../fhir/error.js';
import { createDecideOperation, type RouteAsked } from '../interactions/operations/decide.js';
import { splitEntryUrl } from './bundle.js';
import { readQuery } from './query.js';
import { withCriteria } from './request.js';
import { route } from './route.js';

export const routeAsked: RouteAsked = (engine, method, url) => {
  if (!/^(?:GET|HEAD|POST|PUT|PATCH|DELETE)$/.test(method))
    throw new FhirError('invalid', 'A request that is asked about is a GET, HEAD, POST, PUT, PATCH or DELETE.');
  const [path, search] = splitEntryUrl(url, engine);
  const query = readQuery(search);
  const target = withCriteria(route(method, path, engine), undefined, query);
  return { target, query };
};

export const decideOperation = createDecideOperation(routeAsked);
