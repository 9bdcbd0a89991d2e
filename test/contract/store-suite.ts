/**
 * What the store port means, as tests that every store passes (src/store/store.ts). A store runs it in a few lines:
 * storeContract('embedded', open). Each group of rows gets a store of its own, empty at first.
 */
import { after, before, describe } from 'mocha';
import type { Store } from '../../src/store/store.js';
import { aboutRows } from './about-rows.js';
import { blobRows } from './blob-rows.js';
import { collectRows } from './collect-rows.js';
import { commitRows } from './commit-rows.js';
import { deedRows } from './deed-rows.js';
import { findRows } from './find-rows.js';
import { historyRows } from './history-rows.js';
import { horizonRows } from './horizon-rows.js';
import { keptRows } from './kept-rows.js';
import { lifeRows } from './life-rows.js';
import { listingRows } from './listing-rows.js';
import { numberRows } from './number-rows.js';
import { outboxRows } from './outbox-rows.js';
import { pagingRows } from './paging-rows.js';
import { recordRows } from './record-rows.js';
import { resourceRows } from './resource-rows.js';
import { sealRows } from './seal-rows.js';
import { sizeRows } from './size-rows.js';
import { wordRows } from './word-rows.js';

export interface Opened {
  readonly store: Store;
  /** Closes the store and opens the same data again. */
  reopen(): Promise<Store>;
  /** Closes what is open and takes the data away. */
  release(): Promise<void>;
}

/** Opens an empty store whose layout is up to date. It may skip the test that asks. */
export type Open = (test: Mocha.Context) => Promise<Opened>;

/** The store of a group of rows, while they run. */
export interface Subject {
  store: Store;
  reopen(): Promise<Store>;
}

const GROUPS: readonly (readonly [string, (subject: Subject) => void])[] = [
  ['resources and versions', resourceRows],
  ['commits', commitRows],
  ['history', historyRows],
  ['searches', findRows],
  ['sizes of pages', sizeRows],
  ['lists', listingRows],
  ['names', collectRows],
  ['words', wordRows],
  ['paging beside changes', pagingRows],
  ['bytes', blobRows],
  ['bytes kept for a time', keptRows],
  ['patients of others', aboutRows],
  ['numbers and tasks', numberRows],
  ['records', recordRows],
  ['deeds', deedRows],
  ['the ledger', sealRows],
  ['messages', outboxRows],
  ['its horizon', horizonRows],
  ['its life', lifeRows],
];

/** `only`: titles of groups; none: all of them. */
export function storeContract(name: string, open: Open, only?: readonly string[]): void {
  describe(`store contract: ${name}`, () => {
    for (const [title, rows] of GROUPS.filter(([each]) => only?.includes(each) ?? true))
      describe(title, () => {
        let opened: Opened | undefined;
        const subject = {} as Subject;
        before(async function () {
          opened = await open(this);
          subject.store = opened.store;
          subject.reopen = async () => {
            subject.store = await opened!.reopen();
            return subject.store;
          };
        });
        after(async () => {
          await opened?.release();
        });
        rows(subject);
      });
  });
}
