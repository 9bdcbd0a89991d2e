/** /openapi.json says what /metadata says: https://spec.openapis.org/oas/v3.1.0 */
import assert from 'node:assert/strict';
import { it } from 'mocha';
import { onStoresInTurn } from '../../support/both-stores.js';

interface OpenApi {
  readonly openapi: string;
  readonly servers: readonly { readonly url: string }[];
  readonly paths: Readonly<
    Record<string, Readonly<Record<string, { operationId: string; parameters?: { name: string; in: string }[] }>>>
  >;
  readonly components: { readonly schemas: Readonly<Record<string, object>> };
}
interface Statement {
  readonly rest: readonly [
    {
      resource: { type: string; interaction: { code: string }[]; searchParam: { name: string }[] }[];
      operation: { name: string }[];
    },
  ];
}

onStoresInTurn('/openapi.json', stage => {
  it('has each type, interaction, operation and search parameter of /metadata, and nothing else', async () => {
    const { request, base } = stage().server;
    const { body } = await request.get('/openapi.json').expect(200).expect('Content-Type', /json/);
    const { openapi, servers, paths, components } = body as OpenApi;
    const { rest } = (await request.get('/fhir/metadata').expect(200)).body as Statement;
    assert.deepEqual([openapi, servers[0]!.url], ['3.1.0', base]);
    for (const { type, interaction, searchParam } of rest[0].resource) {
      const codes = new Set(interaction.map(({ code }) => code));
      for (const [code, path, method] of [
        ['read', `/${type}/{id}`, 'get'],
        ['create', `/${type}`, 'post'],
        ['update', `/${type}/{id}`, 'put'],
        ['delete', `/${type}/{id}`, 'delete'],
        ['search-type', `/${type}/_search`, 'post'],
      ] as const)
        assert.equal(paths[path]?.[method] !== undefined, codes.has(code), `${code} of ${type}`);
      const asked = paths[`/${type}`]?.['get']?.parameters?.map(({ name }) => name);
      if (codes.has('search-type'))
        assert.deepEqual(
          asked,
          searchParam.map(({ name }) => name),
          type,
        );
    }
    for (const [path, isThere] of [
      ['/Patient/{id}/$everything', true],
      ['/Task/$request-records', true],
      ['/Task/{id}/$request-records', false],
      ['/Task/{id}/$release-preview', true],
      ['/Task/$release-preview', false],
    ] as const)
      assert.equal(paths[path] !== undefined, isThere, path);
    for (const { name } of rest[0].operation) assert.ok(paths[`/$${name}`]?.['post'], name);
    const text = JSON.stringify(body);
    for (const [, name] of text.matchAll(/"#\/components\/schemas\/(\w+)"/g))
      assert.ok(components.schemas[name!], name);
    const ids = Object.values(paths).flatMap(each => Object.values(each).map(({ operationId }) => operationId));
    assert.equal(new Set(ids).size, ids.length);
  });
});
