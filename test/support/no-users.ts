/** What commands get that have to do with no users. */
export function noUsers(): never {
  throw new Error('no users');
}
