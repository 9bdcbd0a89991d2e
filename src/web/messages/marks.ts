/** Marks on pages of documents that go out. */
import { speaker } from './words.js';

export const sayMarks = speaker({
  title: 'Withhold parts of',
  text: 'What is below a mark is burnt out of the package: of a document with marks every page goes out as a picture. The record itself stays as it is.',
  'other-version':
    'This document is another one since these marks were drawn: they could hide something else, and it is not chosen with them. Look at it, and draw them anew.',
  anew: 'Draw the marks anew',
  'anew.done': 'The marks before are gone.',
  close: 'Done with this document',
  none: 'Nothing of it is withheld.',
  count: { one: '{n} mark', other: '{n} marks' },
  'count.of': { one: '{n} mark on its pages', other: '{n} marks on its pages' },
  'column.page': 'Page',
  'column.what': 'What is withheld',
  'column.remove': 'Change',
  whole: 'The whole page',
  area: '{width} × {height}, from {left} of the left and {top} of the top',
  'of-page': 'page {n}',
  remove: 'Remove',
  removed: 'The mark is removed.',
  mark: 'Withhold parts',
  page: 'Page',
  'page.hint': 'A number, from 1',
  'page.missing': 'Enter the number of the page, from 1',
  'page.before': 'Page before',
  'page.next': 'Next page',
  'whole-only':
    'Where the server puts this document on its pages is not seen here. Whole pages of it are withheld, or it is left out.',
  'add.whole': 'Withhold the whole page',
  'added.whole': 'Page {n} is withheld.',
  add: 'Add a mark',
  added: 'Page {n}: a mark is added.',
  hint: 'Draw with the mouse. With the keyboard: add a mark, move it with the arrow keys, change its size with Shift and the arrow keys, remove it with Delete.',
  name: 'Mark {n}: {area}',
  cannot: 'This file cannot be opened here, so nothing of it can be marked: leave it out.',
});
