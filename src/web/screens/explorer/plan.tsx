/** How the server does a search: what `_explain` says, as a plan. */
import type { Parameters, ParametersParameter } from 'fhir/r4';
import { say } from '../../messages/common.js';
import { sayExplorer } from '../../messages/explorer.js';
import { SummaryList } from '../../ui/parts.js';
import { indentedJson } from '../../fhir/json-text.js';

const valueOf = ({ valueString, valueDecimal, valueBoolean }: ParametersParameter): string =>
  valueString ?? (valueBoolean === undefined ? String(valueDecimal ?? '') : say(valueBoolean ? 'yes' : 'no'));

export function Plan({ plan: { parameter = [] } }: { readonly plan: Parameters }) {
  const all = (name: string): readonly string[] => parameter.filter(each => each.name === name).map(valueOf);
  const json = (name: string) => <pre>{indentedJson(all(name).join(''))}</pre>;
  return (
    <>
      <h2>{sayExplorer('plan')}</h2>
      <SummaryList
        rows={[
          [sayExplorer('plan.rows'), all('rows')[0]],
          [sayExplorer('plan.keys'), all('keys-examined')[0]],
          [sayExplorer('plan.took'), all('milliseconds')[0]],
          [sayExplorer('plan.ordered'), all('ordered-by-index')[0]],
          [sayExplorer('plan.understood'), json('understood')],
          [sayExplorer('plan.driver'), json('driver')],
          [sayExplorer('plan.order'), json('order')],
          [sayExplorer('plan.statement'), <pre>{all('statement').join('\n')}</pre>],
          [
            sayExplorer('plan.steps'),
            <ol class="plain">
              {all('step').map((step, at) => (
                <li key={at}>
                  <code>{step}</code>
                </li>
              ))}
            </ol>,
          ],
        ]}
      />
    </>
  );
}
