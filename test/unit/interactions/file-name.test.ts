/** Names under which bytes are saved: https://www.rfc-editor.org/rfc/rfc6266#section-4.3 */
import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { fileNamed } from '../../../src/interactions/response/file-name.js';

describe('the name of a file', () => {
  const rows: readonly [title: string, contentType: string, name: string | undefined][] = [
    ['Discharge summary', 'application/pdf', 'Discharge summary.pdf'],
    ['Summary.PDF', 'application/pdf', 'Summary.PDF'],
    ['scan.jpeg', 'image/jpeg', 'scan.jpeg'],
    ['report.exe', 'application/pdf', 'report.exe.pdf'],
    ['notes', 'text/plain; charset=utf-8', 'notes.txt'],
    ['Arztbrief Müller – 日本', 'text/xml', 'Arztbrief Müller – 日本.xml'],
    ['../../etc/passwd', 'text/plain', 'etc passwd.txt'],
    ['C:\\temp\\x?.pdf', 'application/pdf', 'C temp x .pdf'],
    ['a\r\nSet-Cookie: x\u0000b', 'text/plain', 'a Set-Cookie x b.txt'],
    ['invoice\u202efdp.exe', 'application/pdf', 'invoice fdp.exe.pdf'],
    ['half \ud800 pair', 'text/plain', 'half pair.txt'],
    ['x'.repeat(500), 'application/pdf', `${'x'.repeat(120)}.pdf`],
    ['. . .', 'application/pdf', undefined],
    ['', 'application/pdf', undefined],
  ];

  it('is what fits of the title, with the ending of the type', () => {
    for (const [title, contentType, name] of rows) assert.equal(fileNamed(title, contentType), name, title);
  });
});
