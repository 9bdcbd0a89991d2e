/** Exports of the trail that somebody has tampered with: each is found, at its place, and no untouched one is blamed. */
import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { sampleTrail, textOfExport, verifyText } from '../support/audit-trail.js';
import { isPlaced, TAMPERINGS } from '../support/audit-tampering.js';
import { depthOf } from '../support/depth.js';
import { createRandom } from '../support/random.js';

const SEED = 20_261_131;
/** Tamperings of one trail: to make another one takes as long as to verify it. */
const A_TRAIL = 30;

describe('an export of the trail that was tampered with', () => {
  const kinds = Object.entries(TAMPERINGS);

  for (let turn = 0, left = depthOf('TAMPERINGS'); left > 0; turn++, left -= A_TRAIL) {
    it(`is found out, ${Math.min(left, A_TRAIL)} times from ${turn * A_TRAIL}`, async () => {
      const random = createRandom(SEED + turn);
      const trail = sampleTrail(random, 12 + random.below(12) + (random.chance(0.1) ? 150 : 0));
      const lines = await trail.export({ texts: true });
      const whole = await verifyText(textOfExport(lines), {
        anchors: [trail.anchors[0]!, { note: trail.anchors.at(-1)!.note }],
      });
      assert.deepEqual(whole.findings.named, []);
      const middle = trail.now - random.below(20_000);
      const part = await verifyText(
        textOfExport(await trail.export(random.chance(0.5) ? { from: middle } : { to: middle })),
      );
      assert.deepEqual(
        part.findings.named.filter(({ isWarning }) => !isWarning),
        [],
      );
      for (let at = 0; at < Math.min(left, A_TRAIL); at++) {
        const [name, tamper] = kinds[(turn * A_TRAIL + at) % kinds.length]!;
        const tampered = tamper({ trail, lines: [...lines], random });
        const { keys = [], anchors = [] } = tampered;
        const { findings } = await verifyText(tampered.bytes, { keys, anchors });
        const blamed = findings.named.filter(({ isWarning }) => !isWarning);
        const told = `${name}, seed ${SEED + turn}: ${JSON.stringify({ ...tampered, bytes: undefined, anchors: undefined })} ${JSON.stringify(blamed.slice(0, 5))}`;
        assert.ok(
          blamed.some(found => tampered.codes.includes(found.what) && isPlaced(found, tampered)),
          told,
        );
        if (tampered.stream !== undefined)
          assert.ok(
            blamed.every(({ where }) => where.stream === undefined || where.stream === tampered.stream),
            `blames others: ${told}`,
          );
      }
    });
  }
});
