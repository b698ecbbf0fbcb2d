import { describe, expect, it } from '@jest/globals';
import type { Format } from '#lifecycle';
import type { JsonObject } from './adapter.js';
import { readAudiences } from './claims.js';
import { ADAPTERS } from './registry.js';
import { draftsOf, keyedContext, profileFor } from './testing.js';

const contextOf = (format: Format) => keyedContext(profileFor(format));
const INHERITED = ['__proto__', 'constructor', 'toString', 'hasOwnProperty'];

describe('issuers called like properties of every object', () => {
  it.each(INHERITED)('a claim: %s', (iss) => {
    const record: JsonObject = {
      specversion: '1.0',
      id: 'e',
      source: '/s',
      type: 'tallystick.token.observed.v1',
      time: '2026-03-10T09:00:00Z',
      data: { issuer: iss, jti: 'j' },
    };
    const context = contextOf('cloudevents');
    const [draft] = draftsOf(ADAPTERS.cloudevents.read(record, context));
    expect(draft).toMatchObject({ names: { jti: context.name('jti', iss, 'j') }, data: { issuer: iss } });
  });

  it.each(INHERITED)('an Apigee organization: %s', (organization) => {
    const [draft] = draftsOf(ADAPTERS.apigee.read({ ...ADAPTERS.apigee.sample, organization }, contextOf('apigee')));
    expect(draft!.data['issuer']).toBe(`apigee:${organization}/prod`);
  });

  it.each(INHERITED)('a Keycloak realm: %s', (realmName) => {
    const [draft] = draftsOf(ADAPTERS.keycloak.read({ ...ADAPTERS.keycloak.sample, realmName }, contextOf('keycloak')));
    expect(draft!.data['issuer']).toBe(`keycloak:${realmName}`);
  });
});

describe('ids of records that cannot be Unicode', () => {
  it.each<[Format, string, JsonObject]>([
    ['okta', 'uuid', { uuid: 'a\ud800' }],
    ['keycloak', 'id', { id: 'a\ud800' }],
    ['apigee', 'messageid', { messageid: 'a\ud800' }],
    ['apigee', 'organization', { organization: 'a\ud800' }],
    ['apigee', 'environment', { environment: 'a\u0000' }],
    ['cdevents', 'context.id', { context: { ...(ADAPTERS.cdevents.sample['context'] as JsonObject), id: 'a\ud800' } }],
    [
      'cdevents',
      'context.source',
      { context: { ...(ADAPTERS.cdevents.sample['context'] as JsonObject), source: '\udc00' } },
    ],
  ])('%s: %s', (format, field, changes) => {
    const reading = ADAPTERS[format].read({ ...ADAPTERS[format].sample, ...changes }, contextOf(format));
    expect(reading).toMatchObject({ kind: 'rejected', field });
  });
});

describe('a list written as text', () => {
  it('may be nested deeper than it can be written', () => {
    const text = '['.repeat(8000) + ']'.repeat(8000);
    expect(readAudiences(text, true)).toEqual({ kind: 'invalid', raw: '['.repeat(64) });
  });
});
