/** The trail as syslog messages (ITI-82): https://profiles.ihe.net/ITI/TF/Volume2/ITI-82.html */
import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { parseXml, schemaFaults } from '../../support/audit-message.js';
import { onStoresInTurn } from '../../support/both-stores.js';
import { as, identifyAs } from '../../support/consents.js';
import { refusal } from '../../support/talk.js';
import { eventsKept } from '../../support/trail-events.js';

type Message = Readonly<Record<string, string>>;

onStoresInTurn('searching syslog messages', stage => {
  const ask = async (query: string): Promise<{ messages: readonly Message[]; link: string | undefined }> => {
    const reply = await stage().talk.get<unknown>(`syslogsearch?${query}`);
    assert.equal(reply.status, 200, reply.text);
    assert.match(reply.header('content-type') ?? '', /^application\/json/);
    return { messages: reply.body as readonly Message[], link: reply.header('link') };
  };

  it('gives each event of an interval as its message, page by page', async () => {
    const { talk, server } = stage();
    for (let i = 0; i < 5; i++) await talk.get('Patient/nobody', { 'x-request-id': `asked-${i}` });
    const until = new Date(Date.now() + 60_000).toISOString();
    const found: Message[] = [];
    let pages = 0;
    for (
      let query: string | undefined = `date=ge2020&date=le${until}&_count=2&hostname=${new URL(server.base).hostname}`;
      query;
      pages++
    ) {
      const { messages, link } = await ask(query);
      found.push(...messages);
      query = /\?([^>]*)>; rel="next"/.exec(link ?? '')?.[1];
    }
    assert.ok(pages >= 3);
    for (let i = 0; i < 5; i++)
      assert.equal(found.filter(({ msg }) => msg!.includes(`"asked-${i}"`)).length, 1, `asked-${i}`);
    for (const { msg, ...head } of found) {
      assert.deepEqual(schemaFaults(parseXml(msg!)), []);
      assert.deepEqual([head['pri'], head['version'], head['msgid']], ['85', '1', 'DICOM+RFC3881']);
    }
    const recorded = (await eventsKept(server.engine)).filter(({ entity = [] }) =>
      entity.some(({ query }) => query && Buffer.from(query, 'base64').toString().includes('/fhir/syslogsearch?date=')),
    );
    assert.ok(recorded.length > 0, 'it is recorded as a search of the trail, with its question');
  });

  describe('by the head of messages', () => {
    it('finds all or nothing', async () => {
      await stage().talk.get('Patient/nobody');
      const count = async (query: string): Promise<number> => (await ask(`date=ge2020&${query}`)).messages.length;
      for (const query of ['pri=85', 'appname=other,Chartroom', 'msgid=DICOM%2BRFC3881', 'version=1', 'procid=-'])
        assert.ok((await count(query)) > 0, query);
      for (const query of ['pri=86', 'appname=other', 'hostname=elsewhere', 'msg=nobody-says-this', 'pri=85&pri=1'])
        assert.equal(await count(query), 0, query);
      assert.ok((await count('msg=AuditMessage')) > 0);
    });
  });

  it('is refused without a time, for unknown parameters and values, and for other methods', async () => {
    const { talk } = stage();
    assert.deepEqual(refusal(await talk.get('syslogsearch')), { status: 400, detail: 'date-interval' });
    assert.deepEqual(refusal(await talk.get('syslogsearch?date=ge2020&facility=10')), {
      ...{ status: 400, detail: 'unknown-parameter' },
    });
    assert.equal(refusal(await talk.get('syslogsearch?date=yesterday')).status, 400);
    for (const name of ['msg', 'appname'])
      assert.deepEqual(refusal(await talk.get(`syslogsearch?date=ge2020&${name}=`)), {
        status: 400,
        detail: 'invalid-value',
      });
    assert.equal((await talk.delete('syslogsearch?date=2020')).status, 405);
  });
});

const PRINCIPALS = {
  officer: { name: 'officer', role: 'privacy-officer' },
  clinician: { name: 'dr-a', role: 'clinician' },
} as const;

onStoresInTurn(
  'searching syslog messages with rights',
  stage => {
    it('is for those who read the trail', async () => {
      const ask = (headers = {}) => stage().talk.get('syslogsearch?date=ge2020', headers);
      assert.equal(refusal(await ask()).status, 401);
      assert.equal(refusal(await ask(as('clinician'))).status, 403);
      const reply = await ask(as('officer'));
      assert.equal(reply.status, 200);
      assert.match(reply.text, /dr-a/, 'the refusal of others is recorded');
    });
  },
  {
    set: async ({ server }) => void Object.assign(server.engine, { identify: identifyAs(PRINCIPALS) }),
  },
);
