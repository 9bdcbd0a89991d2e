import assert from 'node:assert/strict';
import * as fc from 'fast-check';
import { describe, it } from 'mocha';
import {
  consistencyProof,
  Frontier,
  type Hash,
  inclusionProof,
  isConsistent,
  isIncluded,
  leafHash,
  treeRoot,
  subtreesOf,
} from '../../../src/store/ledger.js';

/** Leaves and roots that implementations of Certificate Transparency are tested with. */
const LEAVES = ['', '00', '10', '2021', '3031', '40414243', '5051525354555657', '606162636465666768696a6b6c6d6e6f'];
const ROOTS = [
  'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
  '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d',
  'fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125',
  'aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77',
  'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7',
  '4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4',
  '76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef',
  'ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c',
  '5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328',
];
const leaves = LEAVES.map(hex => leafHash(Buffer.from(hex, 'hex')));
const many = Array.from({ length: 70 }, (_, index) => leafHash(Buffer.of(index), Buffer.from('a leaf')));
const other = leafHash(Buffer.from('another one'));

/** Every way to spoil one of some hashes: another one, one less, one more. */
const spoiled = (proof: readonly Hash[]): Hash[][] => [
  ...proof.map((_, index) => proof.with(index, other)),
  ...proof.map((_, index) => proof.toSpliced(index, 1)),
  ...(proof.length > 1 ? [proof.toReversed()] : []),
  [...proof, other],
  [other, ...proof],
];

describe('the tree of a stream', () => {
  it('has the roots of RFC 9162', () => {
    for (const [size, root] of ROOTS.entries()) {
      assert.equal(treeRoot(leaves.slice(0, size)).toString('hex'), root);
    }
  });

  it('goes on from its right edge alone', () => {
    const tree = new Frontier();
    for (const [index, leaf] of many.entries()) {
      const again = new Frontier(tree.size, tree.perfect);
      const copy = tree.copy();
      for (const each of [tree, again, copy]) each.add(leaf);
      for (const each of [tree, again, copy]) assert.deepEqual(each.root(), treeRoot(many.slice(0, index + 1)));
    }
    assert.throws(() => new Frontier(3, [other]), RangeError);
    assert.throws(() => new Frontier(-1), RangeError);
    assert.throws(() => new Frontier(1.5, [other]), RangeError);
  });

  it('shows that a leaf is in it, at its place and in this tree alone', () => {
    const subtree = subtreesOf(many);
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 70 }), fc.nat(69), (size, nth) => {
        const index = nth % size;
        const root = treeRoot(many.slice(0, size));
        const proof = inclusionProof(subtree, index, size);
        assert.ok(isIncluded(many[index]!, index, size, proof, root));
        assert.ok(!isIncluded(other, index, size, proof, root));
        assert.ok(!isIncluded(many[index]!, index, size, proof, other));
        assert.ok(!isIncluded(many[index]!, size, size, proof, root));
        for (const wrong of [index - 1, index + 1])
          if (wrong >= 0 && wrong < size) assert.ok(!isIncluded(many[index]!, wrong, size, proof, root));
        for (const wrong of spoiled(proof)) assert.ok(!isIncluded(many[index]!, index, size, wrong, root));
      }),
    );
    assert.throws(() => inclusionProof(subtree, 3, 3), RangeError);
  });

  it('shows that it begins with a smaller one', () => {
    const subtree = subtreesOf(many);
    const head = (size: number) => ({ size, root: treeRoot(many.slice(0, size)) });
    for (let size = 0; size <= 20; size++)
      for (let from = 0; from <= size; from++) {
        const proof = consistencyProof(subtree, from, size);
        assert.ok(isConsistent(head(from), head(size), proof), `${from} of ${size}`);
        assert.ok(!isConsistent({ size: from, root: other }, head(size), proof));
        assert.ok(!isConsistent(head(from), { size, root: other }, proof) || from === 0);
        if (from > 0) for (const wrong of spoiled(proof)) assert.ok(!isConsistent(head(from), head(size), wrong));
      }
    assert.ok(!isConsistent(head(5), head(4), []));
    assert.throws(() => consistencyProof(subtree, 5, 4), RangeError);
  });
});
