import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { clickhouseAddress, PlaintextRefused } from '#platform';
import { TestAuthority } from '../../../platform/src/testing/certificates.js';
import { AnalyticsEngine } from '../engine.js';
import { AnalyticsForbidden, AnalyticsUnavailable, AnalyticsUntrusted, QueryFailed } from '../errors.js';
import { placeOf, type ServerPlace } from '../place.js';
import { usesOf } from '../testing.js';
import { Followed, once, startServer, type TestServer } from './testing.js';

const authority = TestAuthority.make();
const stranger = TestAuthority.make('another authority');
const files = mkdtempSync(join(tmpdir(), 'tally-access-'));
const file = (name: string, text: string): string => {
  writeFileSync(join(files, name), text, { mode: 0o600 });
  return join(files, name);
};
const ca = file('ca.pem', authority.cert);

let test: TestServer;
beforeAll(async () => {
  test = await startServer({
    tls: { ...authority.issue(['127.0.0.1']), ca: authority.cert },
    users: [
      { name: 'writer', password: 'p@ss/wörd' },
      { name: 'machine', certificate: 'machine' },
      { name: 'looker', password: 'look', readonly: 1 },
    ],
  });
});
afterAll(async () => {
  await test.stop();
  rmSync(files, { recursive: true });
});

const address = (user: string, options = `?tls_ca=${encodeURIComponent(ca)}`): string =>
  `${test.server.url.replace('//', `//${user}@`)}/${options}`;

async function one(place: ServerPlace): Promise<unknown> {
  const engine = await AnalyticsEngine.open(place);
  try {
    return await engine.rows('SELECT 1 AS one');
  } finally {
    await engine.close();
  }
}

describe('a server behind TLS', () => {
  it('is followed with a password out of a file, under the authority that is named', async () => {
    const secret = file('password', 'p@ss/wörd\n');
    const env = {
      TALLY_CLICKHOUSE: test.server.url,
      TALLY_CLICKHOUSE_USER: 'writer',
      TALLY_CLICKHOUSE_PASSWORD_FILE: secret,
      TALLY_CLICKHOUSE_TLS_CA: ca,
    };
    const followed = Followed.make(placeOf(clickhouseAddress(env)!));
    await followed.open();
    await followed.ledger.appendMany(usesOf(10));
    await followed.analytics!.catchUp();
    expect(await followed.counts()).toEqual(once(10));
    await followed.close();
  });

  it('takes a certificate for a password', async () => {
    const { cert, key } = authority.issue([], 'machine');
    const options = new URLSearchParams({ tls_ca: ca, tls_cert: file('c.pem', cert), tls_key: file('c.key', key) });
    expect(await one(placeOf(address('machine', `?${options.toString()}`)))).toEqual([{ one: 1 }]);
    const other = stranger.issue([], 'machine');
    options.set('tls_cert', file('o.pem', other.cert));
    options.set('tls_key', file('o.key', other.key));
    await expect(one(placeOf(address('machine', `?${options.toString()}`)))).rejects.toBeInstanceOf(AnalyticsForbidden);
  });

  it('is not trusted without its authority, nor under another one', async () => {
    const other = file('other.pem', stranger.cert);
    for (const options of ['', `?tls_ca=${encodeURIComponent(other)}`]) {
      const error = await one(placeOf(address('writer:p', options))).catch((thrown: unknown) => thrown);
      expect(error).toBeInstanceOf(AnalyticsUntrusted);
      expect(error).toMatchObject({ code: 'TALLY_ANALYTICS_UNTRUSTED', retry: false });
    }
    const byName = address('writer:p').replace('127.0.0.1', 'localhost');
    await expect(one(placeOf(byName))).rejects.toBeInstanceOf(AnalyticsUntrusted);
  });

  it('says that a password is wrong, without the password', async () => {
    const error = await one(placeOf(address('writer:wrong-one'))).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(AnalyticsForbidden);
    expect(error).toMatchObject({ facts: { clickhouseCode: 516 } });
    expect(String(error)).not.toContain('wrong-one');
  });

  it('refuses what a user who may only read must not do', async () => {
    await expect(one(placeOf(address('looker:look')))).rejects.toMatchObject({ clickhouseCode: 164 });
    await expect(one(placeOf(address('looker:look')))).rejects.toBeInstanceOf(QueryFailed);
  });
});

describe('an address', () => {
  it('without TLS is for this machine, or where that is allowed', () => {
    expect(placeOf('http://127.0.0.1:8123')).toEqual({ url: 'http://127.0.0.1:8123/' });
    expect(() => placeOf('http://clickhouse:8123')).toThrow(PlaintextRefused);
    try {
      placeOf('http://clickhouse:8123');
    } catch (error) {
      expect(error).toMatchObject({ remedy: expect.stringContaining('--allow-plaintext clickhouse') });
    }
    expect(placeOf('http://clickhouse:8123', new Set(['clickhouse']))).toEqual({ url: 'http://clickhouse:8123/' });
    expect(() => placeOf('http://clickhouse:8123', new Set(['kafka']))).toThrow(PlaintextRefused);
  });

  it.each([
    ['ftp://host', /not a URL/],
    ['https://host/a-b', /name of a database/],
    ['https://host/?tls_ka=x', /tls_ka is none of the options/],
    ['https://host/?tls_ca=/nowhere/ca.pem', /file of tls_ca cannot be read/],
    ['https://host/?timeout_s=soon', /timeout_s/],
    [`https://host/?tls_cert=${ca}`, /tls_cert and tls_key go together/],
    [`https://u:p@host/?tls_cert=${ca}&tls_key=${ca}`, /not both/],
    [`http://127.0.0.1/?tls_ca=${ca}`, /certificates are for https/],
  ])('%s is refused', (text, why) => {
    expect(() => placeOf(text)).toThrow(why);
    expect(() => placeOf(text)).toThrow(AnalyticsUnavailable);
  });

  it('takes from the environment what it does not say itself', () => {
    expect(clickhouseAddress({})).toBeUndefined();
    expect(clickhouseAddress({ TALLY_CLICKHOUSE: '' })).toBeUndefined();
    const env = { TALLY_CLICKHOUSE_USER: 'a', TALLY_CLICKHOUSE_PASSWORD: 'b c', TALLY_CLICKHOUSE_DATABASE: 'd' };
    expect(placeOf(clickhouseAddress(env, 'https://h:1')!)).toEqual({
      url: 'https://h:1/',
      username: 'a',
      password: 'b c',
      database: 'd',
    });
    expect(placeOf(clickhouseAddress(env, 'https://x:y@h:1/z?timeout_s=5')!)).toEqual({
      url: 'https://h:1/',
      username: 'x',
      password: 'y',
      database: 'z',
      timeoutMs: 5000,
    });
  });
});
