/** What no HTTP client sends: broken messages, byte by byte. https://www.rfc-editor.org/rfc/rfc9112 */
import { JSON_TYPE, LIMITS, MARK } from './bad-request.js';

export interface BrokenMessage {
  readonly name: string;
  readonly bytes: string | Buffer;
  /** Allowed answers; 0: the connection is closed without one. */
  readonly status: readonly number[];
  /** The sender half-closes the connection after the bytes. */
  readonly hangUp: boolean;
}

const message = (
  name: string,
  bytes: string | Buffer,
  status: readonly number[],
  more: { readonly hangUp?: boolean } = {},
): BrokenMessage => ({ name, bytes, status, hangUp: more.hangUp ?? false });

const head = (line: string, ...headers: readonly string[]) =>
  `${[line, 'Host: localhost', ...headers].join('\r\n')}\r\n\r\n`;
const get = 'GET /fhir/Patient/known HTTP/1.1';
const put = 'PUT /fhir/Patient/known HTTP/1.1';
const json = `Content-Type: ${JSON_TYPE['content-type']}`;

export const brokenMessages: readonly BrokenMessage[] = [
  message('no HTTP at all', `${MARK}\r\n\r\n`, [400]),
  message('a greeting of TLS', Buffer.from('160301020001000001fc0303', 'hex'), [400], { hangUp: true }),
  message('the preface of HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', [400, 0]),
  message('HTTP 9.9', head(get.replace('1.1', '9.9')), [400]),
  message('an unknown method', head(get.replace('GET', 'BREW')), [400]),
  message('a method in lower case', head(get.replace('GET', 'get')), [400]),
  message('a blank in the address', head(get.replace('known', `kno wn ${MARK}`)), [400]),
  message('a header without a colon', head(get, `Bad${MARK}`), [400]),
  message('a blank before the colon', head(get, `Accept : ${MARK}`), [400]),
  message('NUL in a header', head(get, 'X-Junk: a\0b'), [400]),
  message('a lone CR in a header', head(get, 'X-Junk: a\rb'), [400]),
  message('no Host', `${get}\r\n\r\n`, [400]),
  message('too long an address', head(get.replace('known', 'a'.repeat(20_000))), [431]),
  message('too long a header', head(get, `X-Junk: ${'a'.repeat(20_000)}`), [431]),
  message('too many headers', head(get, ...Array.from({ length: 3000 }, (_, index) => `X-${index}: a`)), [431]),
  message('two lengths', `${head(put, json, 'Content-Length: 2', 'Content-Length: 3')}{}`, [400]),
  message('a negative length', `${head(put, json, 'Content-Length: -1')}{}`, [400]),
  message('a length in words', `${head(put, json, `Content-Length: ${MARK}`)}{}`, [400]),
  message(
    'a length and chunks',
    `${head(put, json, 'Content-Length: 2', 'Transfer-Encoding: chunked')}0\r\n\r\n`,
    [400],
  ),
  message('a length that is too large', head(put, json, `Content-Length: ${LIMITS.maxBody + 1}`), [413]),
  message('a length of exabytes', head(put, json, 'Content-Length: 9999999999999999'), [413]),
  message('a chunk size in words', `${head(put, json, 'Transfer-Encoding: chunked')}zz\r\n{}\r\n`, [400, 0]),
  message('an unknown transfer coding', `${head(put, json, `Transfer-Encoding: ${MARK}`)}{}`, [400, 501]),
  message('half a head', `${get}\r\nHost: loc`, [400, 0], { hangUp: true }),
  message('half a body', `${head(put, json, 'Content-Length: 1000')}{"resourceType":"Patient"`, [400, 0], {
    hangUp: true,
  }),
  message('half a chunk', `${head(put, json, 'Transfer-Encoding: chunked')}64\r\n{"resour`, [400, 0], { hangUp: true }),
  message(
    'half an upload',
    `${head('POST /fhir/Binary HTTP/1.1', 'Content-Type: text/plain', 'Content-Length: 1000')}abc`,
    [400, 0],
    { hangUp: true },
  ),
  message('an expectation that nobody meets', head(put, json, `Expect: ${MARK}`, 'Content-Length: 0'), [400, 417]),
];
