/** What the server says about a body, at its lines. https://hl7.org/fhir/R4/resource-operation-validate.html */
import type { OperationOutcome, OperationOutcomeIssue } from 'fhir/r4';
import { useEffect } from 'preact/hooks';
import { sayExplorer } from '../../messages/explorer.js';
import { announce } from '../../ui/announce.js';
import { OfRecord, Table, Tag, type TagColour } from '../../ui/parts.js';

const LINE = 'http://hl7.org/fhir/StructureDefinition/operationoutcome-issue-line';
const COLOURS: Readonly<Record<OperationOutcomeIssue['severity'], TagColour>> = {
  ...{ fatal: 'red', error: 'red', warning: 'orange', information: 'grey' },
};

const lineOf = ({ extension = [] }: OperationOutcomeIssue): number | undefined =>
  extension.find(({ url }) => url === LINE)?.valueInteger;

export function ValidatedBody({ outcome }: { readonly outcome: OperationOutcome }) {
  const isFine = outcome.issue.every(({ severity }) => severity === 'information');
  useEffect(() => {
    if (isFine) announce(sayExplorer('issues.none'));
  }, [outcome]);
  return (
    <>
      <h2>{sayExplorer('issues')}</h2>
      {isFine && <p>{sayExplorer('issues.none')}</p>}
      <Table
        caption={sayExplorer('issues')}
        hidesCaption
        columns={['severity', 'line', 'where', 'text', 'code'].map(each => sayExplorer(`issues.${each as 'line'}`))}
        rows={outcome.issue.map((issue, at) => ({
          key: String(at),
          cells: [
            <Tag colour={COLOURS[issue.severity]}>{issue.severity}</Tag>,
            <Line line={lineOf(issue)} />,
            <code>{issue.expression?.join(', ') ?? ''}</code>,
            <OfRecord>{issue.details?.text ?? issue.diagnostics ?? ''}</OfRecord>,
            <code>{issue.details?.coding?.[0]?.code ?? issue.code}</code>,
          ],
        }))}
      />
    </>
  );
}

const Line = ({ line }: { readonly line: number | undefined }) =>
  line === undefined ? null : (
    <button type="button" class="link" aria-label={sayExplorer('issues.go', { line })} onClick={() => goToLine(line)}>
      {String(line)}
    </button>
  );

/** Marks the line in the field. */
function goToLine(line: number): void {
  const field = document.getElementById('body') as HTMLTextAreaElement | null;
  if (!field) return;
  const lines = field.value.split('\n');
  const from = lines.slice(0, line - 1).reduce((sum, each) => sum + each.length + 1, 0);
  field.focus();
  field.setSelectionRange(from, from + (lines[line - 1] ?? '').length);
  field.scrollTop = (field.scrollHeight / lines.length) * Math.max(0, line - 3);
}
