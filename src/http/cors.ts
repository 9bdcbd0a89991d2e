/** Cross-origin requests from browsers, for the origins that were allowed: https://fetch.spec.whatwg.org/#http-cors-protocol */
import type { Request, Response } from 'express';

/** What a page may read of an answer beside what every page may. */
const EXPOSED = [
  'Accept-Patch',
  'Accept-Ranges',
  'Allow',
  'Category',
  'Content-Disposition',
  'Content-Encoding',
  'Content-Location',
  'Content-Range',
  'Date',
  'Digest',
  'ETag',
  'Expires',
  'Last-Modified',
  'Location',
  'Repr-Digest',
  'Retry-After',
  'Vary',
  'WWW-Authenticate',
  'X-Correlation-Id',
  'X-Progress',
  'X-Request-Id',
].join(', ');

/** What the server reads, then what clients send beside it and browsers would otherwise not let them send. */
const ALLOWED_HEADERS = [
  'Accept',
  'Accept-Encoding',
  'Authorization',
  'Category',
  'Content-Encoding',
  'Content-Type',
  'DPoP',
  'If-Match',
  'If-Modified-Since',
  'If-None-Exist',
  'If-None-Match',
  'If-Range',
  'Prefer',
  'Range',
  'Want-Digest',
  'Want-Repr-Digest',
  'X-Cascade',
  'X-Provenance',
  'X-Request-Id',
  'X-Security-Context',
  'Accept-Language',
  'Cache-Control',
  'Content-Language',
  'If-Unmodified-Since',
  'Origin',
  'Pragma',
  'Traceparent',
  'Tracestate',
  'User-Agent',
  'X-Correlation-Id',
  'X-Requested-With',
].join(', ');

/** Sets the headers; true where the request was a preflight and is answered. */
export function cors(request: Request, response: Response, origins: readonly string[]): boolean {
  const { origin } = request.headers;
  if (origin === undefined || origins.length === 0) return false;
  if (!origins.includes('*') && !origins.includes(origin)) return false;
  response.setHeader('Access-Control-Allow-Origin', origins.includes('*') ? '*' : origin);
  response.setHeader('Access-Control-Expose-Headers', EXPOSED);
  // Helmet's default would keep other origins from reading what we just allowed them to read.
  response.setHeader('Cross-Origin-Resource-Policy', 'cross-origin');
  if (request.method !== 'OPTIONS' || request.headers['access-control-request-method'] === undefined) return false;
  response.writeHead(204, {
    'Access-Control-Allow-Methods': 'GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS',
    'Access-Control-Allow-Headers': ALLOWED_HEADERS,
    'Access-Control-Max-Age': '86400',
  });
  response.end();
  return true;
}
