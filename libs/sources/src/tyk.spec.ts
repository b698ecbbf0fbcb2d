import { describe, expect, it } from '@jest/globals';
import { createHash } from 'node:crypto';
import { aliasOf } from './alias.js';
import { caseFacts, caseReadings, factOf, rawName, readRecord, withField } from './case-readings.js';
import { profileFor, schemaFaults } from './testing.js';
import { tyk } from './tyk.js';

const keyed = (api_key: string) => ({ ...tyk.sample, api_key });

describe('case 4: every token is refused after a deploy', () => {
  const facts = caseFacts('04-kid-rotation.tyk.ndjson');
  it('is six keys, eleven uses and seven refusals without a reason', () => {
    expect(new Set(facts.map(({ names }) => names.cred)).size).toBe(6);
    const refused = facts.filter(({ type }) => type === 'token.rejected');
    expect([facts.length, refused.length]).toEqual([18, 7]);
    for (const { data, version } of refused) {
      expect(version).toBe('v42');
      expect(data).toMatchObject({ status: 403, class: 'who' });
      expect(data).not.toHaveProperty('reason');
    }
  });
  it('reads version and gateway from the tags, and never the record’s own expiry', () => {
    for (const { gateway, data } of facts) {
      expect(gateway).toBe('tyk-1');
      expect(data).not.toHaveProperty('expiry');
    }
    expect(facts[0]!.data['geo']).toEqual({ country: 'NL', cell: '52,5' });
  });
  it('gives each record its own id, and a repeat the same', () => {
    const ids = () =>
      caseReadings('04-kid-rotation.tyk.ndjson').map(({ reading }) =>
        reading.kind === 'facts' ? reading.sourceId : '',
      );
    expect(new Set(ids()).size).toBe(18);
    expect(ids()).toEqual(ids());
  });
  it('gives facts of their types', () => expect(schemaFaults(facts)).toEqual([]));
});

describe('api_key', () => {
  const sha = createHash('sha256').update('a-token').digest('hex');
  it.each([
    [
      'a hash',
      '0328d14d42db033c659df37b02784c0bf244fbb3',
      'cred(tyk, org-1, 0328d14d42db033c659df37b02784c0bf244fbb3)',
    ],
    ['a murmur hash', '3a41b2c4d5e6f708', 'cred(tyk, org-1, 3a41b2c4d5e6f708)'],
    ['a SHA-256, of whatever', sha.toUpperCase(), `cred(tyk, org-1, ${sha})`],
  ])('%s names a credential', (_, key, cred) => {
    const { reading, credentials } = readRecord('tyk', keyed(key));
    expect(reading).toMatchObject({ kind: 'facts', drafts: [{ names: { cred } }] });
    expect(credentials).toEqual([]);
  });

  it.each([
    '5b0c1f3e000040008000000000000000a1b2c3d4e5f60718293a4b5c',
    'my-custom-key',
    'eyJvcmciOiJvcmctMSIsImlkIjoiYWJjIiwiaCI6Im11cm11cjY0In0=',
  ])('a key in clear (%s) is named by its digest', (key) => {
    const { reading, record, credentials } = readRecord('tyk', keyed(key));
    expect(reading).toMatchObject({ drafts: [{ names: { tok: rawName(key) }, data: { raw: ['api_key'] } }] });
    expect(credentials).toHaveLength(1);
    expect(JSON.stringify([record, reading])).not.toContain(key);
  });

  it.each([
    '',
    '00000000',
    '0000000000000000',
    'da39a3ee5e6b4b0d3255bfef95601890afd80709',
    createHash('sha256').digest('hex'),
    '****1234',
  ])('%j names nothing', (key) => expect(readRecord('tyk', keyed(key)).reading.kind).toBe('ignored'));

  it('is what the profile says', () => {
    expect(factOf('tyk', keyed(sha), { fields: { token_sha256: 'api_key' } }).names).toMatchObject({
      tok: rawName('a-token'),
    });
    expect(factOf('tyk', keyed('3a41b2c4d5e6f708'), { fields: { token: 'api_key' } }).names).toMatchObject({
      tok: rawName('3a41b2c4d5e6f708'),
    });
  });

  it('joins with the token in recorded traffic only where the profile says that it is the token', () => {
    const raw_request = Buffer.from('GET / HTTP/1.1\r\nAuthorization: Bearer abcDEF0123456789\r\n\r\n').toString(
      'base64',
    );
    const fact = factOf('tyk', { ...tyk.sample, raw_request });
    expect(fact.names).toMatchObject({ tok: rawName('abcDEF0123456789'), cred: expect.stringContaining('cred(tyk') });
    expect(aliasOf(fact.names, fact.data, profileFor('tyk'))).toBeUndefined();
    expect(aliasOf(fact.names, fact.data, profileFor('tyk', { credentialIsToken: true }))?.pair).toBe('cred-tok');
  });

  it('takes no credential from a recorded response', () => {
    const raw_response = Buffer.from('HTTP/1.1 200 OK\r\n\r\n{"access_token": "abcDEF0123456789"}').toString('base64');
    const { reading, record } = readRecord('tyk', { ...tyk.sample, raw_response });
    expect(reading).toMatchObject({ drafts: [{ names: { cred: expect.any(String) } }] });
    expect(reading).not.toMatchObject({ drafts: [{ names: { tok: expect.any(String) } }] });
    expect(record['raw_response']).toBe('[redacted]');
  });
});

describe('outcomes', () => {
  it.each([
    [200, 9, 'validated'],
    [404, 9, 'validated'],
    [401, 9, 'rejected'],
    [403, 0, 'rejected'],
    [429, 0, 'observed'],
    [500, 0, 'observed'],
  ])('%d with an upstream time of %d is %s', (response_code, upstream, type) => {
    expect(factOf('tyk', { ...tyk.sample, response_code, latency: { total: 12, upstream } }).type).toBe(
      `token.${type}`,
    );
  });
});

describe('records at fault', () => {
  it.each([['2026-13-10T09:00:00Z'], ['0001-01-01T00:00:00Z'], ['']])('timestamp %j', (timestamp) => {
    expect(readRecord('tyk', { ...tyk.sample, timestamp }).reading).toMatchObject({
      kind: 'rejected',
      field: 'timestamp',
    });
  });
  it('reads a timestamp in another zone', () => {
    expect(factOf('tyk', withField(tyk.sample, 'timestamp', '2026-03-10T10:00:00.5+01:00')).time).toBe(1773133200500);
  });
});

it('names alias and OAuth client', () => {
  const fact = factOf('tyk', { ...tyk.sample, alias: 'ada@example.com', oauth_id: 'client-1' });
  expect(fact.names).toMatchObject({ con: 'con(tyk, ada@example.com)', cli: 'cli(tyk:org-1, client-1)' });
  expect(JSON.stringify(fact.data)).not.toContain('ada');
});
