/** A feature gets a way to other servers that is its own. */
import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { composeFeatures } from '../../../src/interactions/feature.js';
import type { Outgoing } from '../../../src/outgoing/client.js';
import { createOutgoing } from '../../../src/outgoing/outgoing.js';
import { outgoingCode } from '../../../src/outgoing/trouble.js';
import { createLog } from '../../../src/platform/log.js';
import { createMetrics } from '../../../src/platform/metrics.js';

function compose(...lists: readonly (readonly string[])[]) {
  const opened: Outgoing[] = [];
  const [metrics, log] = [createMetrics(), createLog('silent')];
  const features = lists.map((hosts, i) => ({
    name: `asks-${'ab'[i]}`,
    open: ({ outgoing }: { readonly outgoing: (policy: { hosts: readonly string[] }) => Outgoing }) => {
      opened.push(outgoing({ hosts }));
      return {};
    },
  }));
  const ground = { metrics, log, definitions: { resourceTypes: [] }, outgoing: createOutgoing({ metrics, log }) };
  composeFeatures(features, {}, ground as unknown as Parameters<typeof composeFeatures>[2]);
  return opened;
}

describe('outgoing requests of features', () => {
  it('go to the hosts that each has listed', () => {
    const [one, other] = compose(['one.example.org'], ['other.example.org']);
    one!.check('https://one.example.org/');
    other!.check('https://other.example.org/');
    assert.throws(
      () => one!.check('https://other.example.org/'),
      error => outgoingCode(error) === 'outgoing-not-allowed',
    );
  });

  it('are refused with the line that is wrong, before anything is open', () => {
    assert.throws(() => compose(['http://one.example.org']), /^Error: http:\/\/one\.example\.org: without TLS/);
  });
});
