/**
 * Reads the request files of docs/requests, in the style that editors know (VS Code REST Client, JetBrains HTTP client):
 *
 *     @base = http://127.0.0.1:8080/fhir      a variable of the file, used as {{base}}
 *     ### Read a person                        begins a request and names it
 *     # expect 200                             the status that must come back (ours)
 *     # again 202                              it is asked again as long as this status comes back (ours)
 *     # total 1                                Bundle.total that must come back (ours)
 *     # @name ada                              lets later requests say {{ada.response.body.$.id}}
 *     GET {{base}}/Patient/demo-ada-lindqvist
 *     Accept: application/fhir+json
 *
 *     a body, or `< file` for the bytes of a file beside the request file
 */

export interface HttpFileRequest {
  readonly name: string;
  readonly method: string;
  /** With the variables of the file filled in; what refers to an earlier answer stays: see `fillIn`. */
  readonly url: string;
  /** Names as written. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | undefined;
  /** Path of the file that is the body, relative to the request file. */
  readonly bodyFile: string | undefined;
  readonly expect: number;
  readonly total: number | undefined;
  /** While this status comes back, what was asked for is not there yet. */
  readonly again: number | undefined;
  /** What later requests call the answer. */
  readonly label: string | undefined;
}

/** An answer as `fillIn` looks into it. */
export interface HttpFileAnswer {
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string | undefined>>;
  /** Parsed JSON. */
  readonly body: unknown;
}

/** `variables` win over those of the file. Throws an Error that names the line for whatever is not understood. */
export function parseHttpFile(text: string, variables: Readonly<Record<string, string>> = {}): HttpFileRequest[] {
  const lines = text.split(/\r?\n/);
  const starts = lines.flatMap((line, at) => (line.startsWith('###') ? [at] : []));
  const values = new Map<string, string>();
  const put = (from: string): string =>
    from.replaceAll(/\{\{([\w-]+)\}\}/g, (_, name: string) => {
      const value = values.get(name);
      if (value === undefined) throw new Error(`The variable {{${name}}} is used and not set.`);
      return value;
    });
  for (const [at, line] of lines.slice(0, starts[0]).entries()) {
    const [, name, value] = /^@([\w-]+)\s*=\s*(.*?)\s*$/.exec(line) ?? [];
    if (name !== undefined && value !== undefined) values.set(name, variables[name] ?? put(value));
    else if (!isRemark(line)) throw new Error(`Line ${at + 1} stands before the first request.`);
  }
  return starts.map((start, index) => parseRequest(lines, start, starts[index + 1] ?? lines.length, put));
}

/** A comment, or nothing. */
const isRemark = (line: string): boolean => /^\s*(#.*)?$/.test(line);

function expectedStatus(remarks: ReadonlyMap<string, string>, start: number, name: string): number {
  const status = Number(remarks.get('expect'));
  if (!Number.isInteger(status) || status < 200 || status > 599)
    throw new Error(`Line ${start + 1} needs a comment like "# expect 200" (${name}).`);
  return status;
}

function parseRequest(lines: readonly string[], start: number, end: number, put: (text: string) => string) {
  const name = lines[start]!.slice(3).trim();
  let at = start + 1;
  const remarks = new Map<string, string>();
  for (; at < end && isRemark(lines[at]!); at += 1) {
    const [, key, value] = /^#\s*(expect|again|total|@name)\s+(\S+)\s*$/.exec(lines[at]!) ?? [];
    if (key !== undefined && value !== undefined) remarks.set(key, value);
  }
  const [, method, url] = /^([A-Z]+)\s+(\S+)\s*$/.exec(lines[at] ?? '') ?? [];
  if (method === undefined || url === undefined) throw new Error(`Line ${at + 1} should be METHOD ADDRESS (${name}).`);
  const headers: Record<string, string> = {};
  for (at += 1; at < end && lines[at] !== ''; at += 1) {
    const [, header, value] = /^([\w-]+):\s*(.*?)\s*$/.exec(lines[at]!) ?? [];
    if (header === undefined || value === undefined) throw new Error(`Line ${at + 1} should be a header (${name}).`);
    headers[header] = put(value);
  }
  const rest = lines
    .slice(at + 1, end)
    .join('\n')
    .trim();
  const file = /^<\s+(\S+)$/.exec(rest)?.[1];
  const [total, again] = ['total', 'again'].map(key => remarks.get(key));
  return {
    name,
    method,
    url: put(url),
    headers,
    body: rest === '' || file !== undefined ? undefined : put(rest),
    bodyFile: file,
    expect: expectedStatus(remarks, start, name),
    total: total === undefined ? undefined : Number(total),
    again: again === undefined ? undefined : Number(again),
    label: remarks.get('@name'),
  } satisfies HttpFileRequest;
}

/**
 * Fills in what refers to answers: `{{label.response.headers.Name}}` and `{{label.response.body.$.path}}` with names,
 * `[0]` and `[?(@.key=='value')]`. Throws an Error where there is no such answer or no text at that place.
 */
export function fillIn(request: HttpFileRequest, answers: ReadonlyMap<string, HttpFileAnswer>): HttpFileRequest {
  const put = (text: string): string =>
    text.replaceAll(/\{\{([\w-]+)\.response\.(headers|body)\.(.+?)\}\}/g, (all, label: string, part, path: string) => {
      const answer = answers.get(label);
      const value = part === 'headers' ? answer?.headers[path.toLowerCase()] : look(answer?.body, path);
      if (typeof value !== 'string') throw new Error(`${request.name}: nothing to put for ${all}.`);
      return value;
    });
  const headers = Object.fromEntries(Object.entries(request.headers).map(([key, value]) => [key, put(value)]));
  return {
    ...request,
    url: put(request.url),
    headers,
    body: request.body === undefined ? undefined : put(request.body),
  };
}

function look(body: unknown, path: string): unknown {
  let at = body;
  for (const [, name, index, key, value] of path.matchAll(
    /\.?([A-Za-z]\w*)|\[(\d+)\]|\[\?\(@\.(\w+)=='([^']*)'\)\]/g,
  )) {
    if (key !== undefined)
      at = Array.isArray(at) ? at.find((each: Readonly<Record<string, unknown>>) => each[key] === value) : undefined;
    else at = (at as Readonly<Record<string, unknown>> | undefined)?.[name ?? index ?? ''];
  }
  return at;
}
