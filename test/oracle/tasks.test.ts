/**
 * Tasks of all processes, as the flows write them, judged by the validator of HL7 (../shared/oracle; needs Java and Maven) by their profiles
 * (profiles/work/structures). Not a part of `npm test`.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Bundle, Task } from 'fhir/r4.js';
import { after, describe, it } from 'mocha';
import { fileOf, notePage } from '../support/intake.js';
import { askOracle, oracleScript } from '../support/oracle.js';
import { runOn } from '../support/records-request.js';
import { packed, storyDocument, storySearching } from '../support/release-story.js';
import { newStore, startServer } from '../support/server.js';
import { steppedTime } from '../support/stepped-time.js';
import { talkTo } from '../support/talk.js';
import { ADMIN, checkout, CLERK, DESK, FHIR_JSON, lead, workTokens } from '../support/work.js';

const STRUCTURES = fileURLToPath(new URL('../../../profiles/work/structures/', import.meta.url));
const EXTENSIONS = fileURLToPath(new URL('../../../profiles/work/extensions/', import.meta.url));
const DAY = 86_400_000;
/** Of a guide that is not at hand: what it says of a code system cannot be looked up. */
const ELSEWHERE = 'http://hl7.org/fhir/us/davinci-hrex/CodeSystem/hrex-temp';
const codeOf = ({ code }: Task): string =>
  code?.coding?.find(({ system }) => system === 'urn:chartroom:task')?.code ?? 'none';

describe('Tasks that flows write, judged by the validator of HL7', () => {
  const folder = mkdtempSync(join(tmpdir(), 'chartroom-tasks-'));
  after(() => rmSync(folder, { recursive: true, force: true }));

  it('are what the profiles of their processes say', async function () {
    const script = oracleScript(this);
    const time = steppedTime(Date.UTC(2026, 2, 10, 12));
    const config = { auth: 'token', tokens: workTokens };
    const server = await startServer({ store: await newStore(this, 'embedded'), time, config });
    const files: string[] = [];
    try {
      const talk = talkTo(server.base);
      /** Every version of every Task, as it was written. */
      const keep = async (): Promise<void> => {
        const { body } = await talk.get<Bundle<Task>>('Task/_history?_count=1000', ADMIN);
        for (const { resource } of body.entry ?? []) {
          if (!resource) continue;
          const profile = [`urn:chartroom:structuredefinition:task-${codeOf(resource)}`];
          const file = join(folder, `${resource.id}-${resource.meta!.versionId}.json`);
          writeFileSync(file, JSON.stringify({ ...resource, meta: { ...resource.meta, profile } }));
          files.push(file);
        }
      };
      await talk.update({ resourceType: 'Organization', id: 'law', name: 'Doe & Partners' }, ADMIN);
      const id = await storySearching(talk, 'judged', [storyDocument('judged', 'one', 'Words.')]);
      await packed(talk, id);
      await runOn(talk, `${id}/$release`);
      const handed = await runOn(talk, `${id}/$deliver`, [
        { name: 'method', valueCode: 'hand' },
        { name: 'taken-by', valueString: 'Ada' },
        { name: 'identity-document', valueString: 'passport' },
      ]);
      const told = await runOn(talk, `${id}/$delivery-outcome`, [
        { name: 'delivery', valueReference: handed.body.parameter![0]!.valueReference! },
        { name: 'outcome', valueCode: 'wrong-recipient' },
        { name: 'reason', valueString: 'Another envelope.' },
        { name: 'received-by', valueString: 'Somebody else' },
      ]);
      assert.equal(told.status, 200, told.text);
      await lead(talk, id, { name: 'extend-search', reason: 'It takes longer.', until: '2026-03-31' });
      await talk.update({ resourceType: 'List', id: 'chart-lent', status: 'current', mode: 'working' }, ADMIN);
      await talk.update(checkout('lent', { for: { reference: 'Patient/judged' } }), ADMIN);
      await lead(talk, 'lent', { name: 'check-out', location: DESK });
      const scan = await talk.send('POST', 'DocumentReference/$intake', {
        headers: { ...FHIR_JSON, ...CLERK },
        body: JSON.stringify({
          resourceType: 'Parameters',
          parameter: [{ name: 'source', valueString: 'scanner 1' }, fileOf(notePage('one'))],
        }),
      });
      assert.equal(scan.status, 201, scan.text);
      time.step(70 * DAY);
      // The alarms of all of them.
      for (;;) {
        const { body } = await talk.get<Bundle<Task>>('Task?next-alarm=le2026-05-19', ADMIN);
        if (body.total === 0) break;
        time.step(1000);
        await new Promise(setImmediate);
      }
      await keep();
    } finally {
      await server.stop();
    }
    const kinds = new Set(files.map(file => codeOf(JSON.parse(readFileSync(file, 'utf8')) as Task)));
    assert.deepEqual(
      [...kinds].toSorted().map(code => `structuredefinition-task-${code}.json`),
      readdirSync(STRUCTURES).toSorted(),
    );
    // Positive control: one whose status and business status are not of one state.
    const [first] = files as [string];
    const wrong = join(folder, 'wrong.json');
    writeFileSync(wrong, JSON.stringify({ ...(JSON.parse(readFileSync(first, 'utf8')) as Task), status: 'draft' }));
    const { issues, summary } = askOracle(script, { files: [...files, wrong], packages: [STRUCTURES, EXTENSIONS] });
    const lines = issues.map(({ file, id: key, expression, text }) => `${file} ${key} ${expression} ${text}`);
    assert.ok(
      lines.some(line => line.startsWith(wrong) && /chartroom-state|Status and business status/.test(line)),
      summary,
    );
    assert.deepEqual(lines.filter(line => !line.startsWith(wrong) && !line.includes(ELSEWHERE)).slice(0, 20), []);
    process.stdout.write(`      ${files.length} Tasks of ${kinds.size} processes: ${summary}\n`);
  });
});
