import { describe, expect, it } from '@jest/globals';
import type { Expiry } from '#lifecycle';
import { apisix } from './apisix.js';
import { caseFacts, caseReadings, factOf, readRecord, withField } from './case-readings.js';
import { schemaFaults } from './testing.js';

const expiries = (file: string) => caseFacts(file).map(({ data }) => data['expiry'] as Expiry);

describe('case 5: exp in milliseconds', () => {
  it('reads each unit, flags all but the declared one, and keeps the raw value', () => {
    const read = expiries('05-exp-milliseconds.apisix.ndjson').map(({ kind, at, raw, flags }) => [
      kind,
      at,
      raw,
      flags,
    ]);
    expect(read).toEqual([
      ['at', 1773136800000, '1773136800000', ['unit-suspect']],
      ['at', 1773136800000, '1773136800', []],
      ['at', 4102444800000, '4102444800', []],
      ['at', 1773136800000, '1773136800000000', ['unit-suspect']],
      ['at', 1773136800000, '1773136800000', ['unit-suspect']],
    ]);
  });
  it('reads iat by the same rule', () => {
    expect(caseFacts('05-exp-milliseconds.apisix.ndjson').map(({ data }) => data['iat'])).toEqual(
      Array(5).fill(1773133200000),
    );
  });
});

describe('case 6: no exp at all', () => {
  const facts = caseFacts('06-no-exp.apisix.ndjson');
  it('takes absent, null and empty for never, 0 and iat for expired at issue', () => {
    expect(expiries('06-no-exp.apisix.ndjson').map(({ kind, at, flags }) => [kind, at, flags])).toEqual([
      ['never', undefined, []],
      ['never', undefined, []],
      ['never', undefined, []],
      ['at', 1773133200000, ['at-issue']],
      ['at', 1773133204000, ['at-issue']],
      ['never', undefined, []],
    ]);
  });
  it('keeps the line that lies in the future', () => expect(facts[5]!.time).toBe(Date.UTC(2027, 3, 14, 9)));
  it('takes the 401s for refusals of tokens that it names', () => {
    expect(facts.map(({ type }) => type.slice(6))).toEqual([
      'validated',
      'validated',
      'validated',
      'rejected',
      'rejected',
      'validated',
    ]);
    expect(facts.every(({ names }) => names.jti?.startsWith('jti(https://login.example.com/, t-06-'))).toBe(true);
  });
  it('gives facts of their types', () => expect(schemaFaults(facts)).toEqual([]));
});

describe('case 10: duplicate log lines', () => {
  const keys = caseReadings('10-duplicates.apisix.ndjson').map(({ reading }) => {
    if (reading.kind !== 'facts') throw new Error(reading.kind);
    return { id: reading.sourceId, content: reading.dedupe.join('|'), con: reading.drafts[0]!.names.con };
  });
  it('gives repeats the same id and content', () => {
    expect(keys[1]).toEqual(keys[0]);
    expect(keys[3]).toEqual(keys[2]);
  });
  it('gives the line with another status the same id and other content', () => {
    expect(keys[4]!.id).toBe(keys[2]!.id);
    expect(keys[4]!.content).not.toBe(keys[2]!.content);
  });
  it('keeps two requests of one millisecond apart: five distinct contents', () => {
    expect(keys[5]!.id).not.toBe(keys[6]!.id);
    expect(new Set(keys.map(({ id, content }) => id + content)).size).toBe(5);
  });
  it('belongs to the consumer', () =>
    expect(new Set(keys.map(({ con }) => con))).toEqual(new Set(['con(apisix, partner_7)'])));
});

describe('case 11: the raw token is in the log', () => {
  const facts = [...caseFacts('11-raw-token.apisix.ndjson'), ...caseFacts('11-raw-token.tyk.ndjson')];
  it('is one token from both sources, named by nothing that nobody verified', () => {
    expect(new Set(facts.map(({ names }) => names.tok)).size).toBe(1);
    expect(facts).toHaveLength(3);
    for (const { names, data } of facts) {
      expect(names.tok).toMatch(/^tok\(/);
      expect(names.jti).toBeUndefined();
      expect(data).not.toHaveProperty('jti');
      expect(data).not.toHaveProperty('kind');
    }
  });
  it('names each field that held a credential', () => {
    expect(facts[0]!.data['raw']).toEqual([
      'request.headers.authorization',
      'request.url',
      'request.uri',
      'request.querystring.access_token',
      'request.headers.x-forwarded-access-token',
      'request.headers.cookie',
      'request.headers.x-api-key',
      'response.headers.set-cookie',
    ]);
    expect(facts[2]!.data['raw']).toEqual(['api_key', 'raw_request']);
  });
});

describe('who answered', () => {
  const verified = { ...apisix.sample, iss: 'https://login.example.com/', jti: 't-1' };
  const refused = withField(verified, 'response.status', 403);
  it('takes the upstream’s refusal for a use, once the gateway had verified', () => {
    expect(factOf('apisix', refused)).toMatchObject({ type: 'token.validated', data: { upstreamStatus: 403 } });
    const edge = withField(withField(refused, 'upstream', undefined), 'upstream_latency', undefined);
    expect(factOf('apisix', edge)).toMatchObject({ type: 'token.rejected', data: { class: 'may' } });
  });
  it('takes the refusal of a key that the gateway had verified for the upstream’s', () => {
    const keyed = withField(
      withField(apisix.sample, 'request.headers', { apikey: 'key-0123456789' }),
      'response.status',
      403,
    );
    expect(factOf('apisix', keyed)).toMatchObject({
      type: 'token.validated',
      data: { kind: 'apiKey', upstreamStatus: 403 },
    });
  });
});

describe('records at fault', () => {
  it.each([
    [{ start_time: 'yesterday' }, 'start_time'],
    [{ start_time: '2026-03-10T09:00:00' }, 'start_time'],
    [{ start_time: 12 }, 'start_time'],
    [{ start_time: { a: 1 } }, 'start_time'],
  ])('%j names %s', (change, field) => {
    expect(readRecord('apisix', { ...apisix.sample, ...change }).reading).toMatchObject({ kind: 'rejected', field });
  });
  it('ignores what names nothing, such as a health check', () => {
    expect(readRecord('apisix', withField(apisix.sample, 'consumer', undefined)).reading.kind).toBe('ignored');
  });
});
