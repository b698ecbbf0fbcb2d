import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { Json, JsonObject } from './adapter.js';
import { rawName } from './case-readings.js';
import { caseLines } from './case-readings.js';
import { isHash, MARK, recognisedKeys, redact, redactText } from './index.js';
import { tyk } from './tyk.js';

const b64 = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
const HEADER = b64({ alg: 'RS256', typ: 'at+jwt', kid: 'k-1' });
const PAYLOAD = b64({ iss: 'https://idp.example.com/', sub: 'u-secret', jti: 't-secret', exp: 1773136800 });
const SIGNATURE = 'c2lnbmF0dXJlLWJ5dGVzLW9mLWEtdGVzdA';
const JWT = `${HEADER}.${PAYLOAD}.${SIGNATURE}`;
const OPAQUE = 'Zx81kQpLm20vWcYtR5bN';

function redacted(record: Json) {
  const { record: after, credentials } = redact(structuredClone(record) as JsonObject, rawName);
  return { text: JSON.stringify(after), record: after, credentials };
}
/** No eight bytes of any part of the token, in clear or in base64 at any alignment. */
function expectClean(text: string, secret = JWT) {
  const forms = [secret, ...secret.split('.')];
  for (const part of secret.split('.')) {
    for (const before of ['', 'x', 'xx'])
      forms.push(
        Buffer.from(before + part)
          .toString('base64')
          .slice(4, -4),
      );
  }
  for (const form of forms) {
    for (let i = 0; i + 8 <= form.length; i += 4) {
      if (text.includes(form.slice(i, i + 8))) throw new Error(`${form.slice(i, i + 8)} is left in ${text}`);
    }
  }
}

describe('what a property said before', () => {
  it('hides no credential that it says now, or that it says in another place', () => {
    expect(redacted({ note: 'hello' }).text).toBe('{"note":"hello"}');
    for (const _again of [1, 2]) {
      expectClean(redacted({ note: `hello ${JWT}` }).text);
      expect(redacted({ note: `hello ${JWT}` }).credentials).toHaveLength(1);
    }
    expect(redacted({ code: OPAQUE }).credentials).toEqual([]);
    expect(redacted({ querystring: { code: OPAQUE } }).text).not.toContain(OPAQUE);
    expect(redacted({ cookie: { code: OPAQUE } }).text).not.toContain(OPAQUE);
    expect(redacted({ code: OPAQUE }).text).toContain(OPAQUE);
  });
});

describe('credentials in their usual places', () => {
  const http = `GET /catalog HTTP/1.1\r\nHost: api.example.com\r\nAuthorization: Bearer ${JWT}\r\n\r\n`;
  const places: [string, JsonObject][] = [
    ['Authorization', { request: { headers: { authorization: `Bearer ${JWT}` } } }],
    ['AUTHORIZATION, lower scheme, two blanks', { h: { headers: { AUTHORIZATION: `bearer  ${JWT}` } } }],
    ['DPoP', { headers: { Authorization: `DPoP ${JWT}` } }],
    ['without a scheme', { headers: { authorization: JWT } }],
    ['a header list', { headers: { Authorization: [`Bearer ${JWT}`] } }],
    ['name and value', { headers: [{ name: 'Authorization', value: `Bearer ${JWT}` }] }],
    ['header lines', { headers: [`Authorization: Bearer ${JWT}`] }],
    ['raw HTTP text', { raw: http }],
    ['the proxy header', { headers: { 'proxy-authorization': `Bearer ${JWT}` } }],
    ['a forwarded token', { headers: { 'X-Forwarded-Access-Token': JWT } }],
    ['cookies', { headers: { cookie: `sid=abc; access_token=${JWT}; t="${JWT}"` } }],
    ['set-cookie', { response: { headers: { 'Set-Cookie': [`session=${JWT}; HttpOnly`, `a=${JWT}`] } } }],
    ['the query', { request: { uri: `/pay?access_token=${JWT}&page=2`, querystring: { access_token: JWT } } }],
    ['the fragment', { url: `https://app.example.com/cb#id_token=${JWT}` }],
    ['a referer', { headers: { referer: `https://app.example.com/cb?token=${JWT}` } }],
    ['a form body', { body: `grant_type=refresh_token&refresh_token=${JWT}` }],
    ['a JSON body', { body: JSON.stringify({ access_token: JWT }) }],
    ['an NGINX variable', { http_authorization: `Bearer ${JWT}`, arg_jwt: JWT }],
    ['a flattened query', { 'request.queryparam.access_token': JWT }],
    ['a flattened name', { 'request.header.authorization': `Bearer ${JWT}` }],
    ['base64', { raw_request: Buffer.from(http).toString('base64') }],
    ['base64 under another name', { dump: Buffer.from(http).toString('base64') }],
    ['base64 behind a path', { dump: `x/abc/${Buffer.from(JWT).toString('base64')}` }],
    ['percent-encoded', { path: `/cb/${[...JWT].map((c) => `%${c.charCodeAt(0).toString(16)}`).join('')}` }],
    [
      'percent-encoded twice',
      { uri: `/cb?next=${encodeURIComponent(`/x?access%5Ftoken=${encodeURIComponent(JWT)}`)}` },
    ],
    ['an error text', { error: `token "${JWT}" is expired.` }],
    ['a property name', { headers: { [JWT]: '1' }, [`x-${JWT}`]: { a: 1 } }],
    ['cut', { error: JWT.slice(0, 40) }],
    ['cut in the signature', { error: `${HEADER}.${PAYLOAD}.c2ln` }],
    ['without its head', { error: `x ${HEADER.slice(9)}.${PAYLOAD}.${SIGNATURE}` }],
    ['the payload alone', { claims: PAYLOAD }],
    ['glued to a word', { message: `prefix${JWT}` }],
    ['escaped JSON in JSON', { message: JSON.stringify({ m: JSON.stringify({ refresh_token: JWT }) }) }],
    ['deep', { a: [[{ b: [{ c: `t ${JWT}` }] }]] }],
  ];
  it.each(places)('%s', (_, record) => {
    const { text, credentials } = redacted(record);
    expectClean(text);
    expect(text).toContain(MARK);
    for (const { path } of credentials) expectClean(path);
  });

  it.each([
    ['x-api-key', { headers: { 'x-api-key': OPAQUE } }],
    ['apikey', { headers: { ApiKey: OPAQUE } }],
    ['a key in the query', { uri: `/x?apikey=${OPAQUE}` }],
    ['an authorization code', { querystring: { code: OPAQUE, state: 's' } }],
    ['client_secret', { body: `client_id=a&client_secret=${OPAQUE}` }],
    ['client_secret in JSON', { body: `{"client_secret": "${OPAQUE}"}` }],
    ['an opaque bearer in text', { message: `sent Bearer ${OPAQUE} to upstream` }],
    ['an opaque token header', { headers: { token: OPAQUE } }],
    ['Basic', { headers: { authorization: `Basic ${OPAQUE}` } }],
    ['user information', { url: `https://ada:${OPAQUE}@api.example.com/` }],
    ['a key by its prefix', { message: `key ghp_${OPAQUE}${OPAQUE} leaked` }],
    ['a live key', { note: `sk_live_${OPAQUE}` }],
    ['Slack', { note: `xoxb-${OPAQUE}` }],
    ['cookies as an object', { request: { cookies: { sid: OPAQUE, b: `${OPAQUE};${OPAQUE}` } } }],
    ['a session cookie', { headers: { cookie: `sid=${OPAQUE}` } }],
  ])('another secret: %s', (_, record) => expectClean(redacted(record).text, OPAQUE));

  it('takes a number that stands for a key', () => {
    expect(redacted({ headers: { 'x-api-key': 12345678 } }).record).toEqual({ headers: { 'x-api-key': MARK } });
  });
});

describe('what is found', () => {
  it('comes in the order of precedence as the request’s credential', () => {
    const { credentials } = redacted({
      response: { headers: { 'set-cookie': `s=${JWT}` } },
      request: {
        headers: {
          'x-api-key': OPAQUE,
          cookie: `access_token=${JWT}`,
          'x-access-token': JWT,
          authorization: `Bearer ${JWT}`,
        },
        querystring: { access_token: JWT },
      },
    });
    expect(credentials.map(({ place }) => place)).toEqual([
      'bearer',
      'query',
      'token-header',
      'cookie',
      'key-header',
      'set-cookie',
    ]);
    expect(new Set(credentials.filter(({ kind }) => kind === 'token').map(({ name }) => name))).toEqual(
      new Set([rawName(JWT)]),
    );
  });

  it('names the same token by each spelling of the Authorization header', () => {
    for (const value of [`Bearer ${JWT}`, `bearer  ${JWT}`, ` BEARER\t${JWT} `, JWT]) {
      expect(redacted({ headers: { authorization: value } }).credentials[0]).toMatchObject({
        place: 'bearer',
        name: rawName(JWT),
      });
    }
  });

  it('takes the rest of a half-masked token', () => {
    expectClean(redacted({ headers: { authorization: `Bearer ${HEADER}.***.${SIGNATURE}` } }).text);
  });

  it('decodes a query value before it is named', () => {
    const token = 'abc+/def==ghi12345';
    expect(redacted({ uri: `/x?access_token=${encodeURIComponent(token)}` }).credentials[0]!.name).toBe(rawName(token));
  });

  it('names no cut token', () => {
    for (const cut of [
      JWT.slice(0, 30),
      `${HEADER}.${PAYLOAD}`,
      `${HEADER}.${PAYLOAD.slice(0, 20)}.x`,
      `${HEADER}.${PAYLOAD}.`,
      `${OPAQUE}...`,
    ]) {
      const [found] = redacted({ headers: { authorization: `Bearer ${cut}` } }).credentials;
      expect(found).toMatchObject({ place: 'bearer', kind: 'token' });
      expect(found!.name).toBeUndefined();
    }
  });

  it('never takes Basic, a proof or a client secret for a token', () => {
    const { credentials } = redacted({
      headers: { authorization: 'Basic YWRhOnBhc3N3b3Jk', dpop: JWT },
      body: 'client_secret=abcdefgh',
    });
    expect(credentials.every(({ name }) => name === undefined)).toBe(true);
  });

  it.each(['REDACTED', '[REDACTED]', '***', '****1234', 'Bearer ***', 'Bearer REDACTED', 'Bearer', '-', '', 'xxxx'])(
    'takes %j for no credential',
    (value) => {
      const record = {
        headers: { authorization: value, 'x-api-key': value, cookie: value === '' ? '' : `a=${value}` },
      };
      expect(redacted(record).credentials).toEqual([]);
    },
  );
});

describe('what stays', () => {
  it.each([
    ['HeyJude and monkeyJungle', 'HeyJude and monkeyJungle'],
    ['Bearer authentication is required', 'Bearer authentication is required'],
    ['Bearer realm="example", error="invalid_token"', 'Bearer realm="example", error="invalid_token"'],
    ['jwt_authn_access_denied{Jwt_is_expired}', 'jwt_authn_access_denied{Jwt_is_expired}'],
    ['https://api.example.com:8443/orders?page=2', 'https://api.example.com:8443/orders?page=2'],
    ['2026-03-10T09:00:00.000Z', '2026-03-10T09:00:00.000Z'],
    [
      '705b9cbbf4439c0d2ad0bf20c04be266821e238dc4db6f28bb0c66f46f0d682c',
      '705b9cbbf4439c0d2ad0bf20c04be266821e238dc4db6f28bb0c66f46f0d682c',
    ],
  ])('%s', (text, same) => {
    expect(redactText(text)).toBe(same);
    expect(redacted({ text }).record).toEqual({ text: same });
  });

  it('a hash in a field that may hold a token or its hash', () => {
    const hash = '0328d14d42db033c659df37b02784c0bf244fbb3';
    expect(isHash(hash)).toBe(true);
    const { record, credentials } = redact({ api_key: hash }, rawName, tyk.redaction);
    expect([record, credentials]).toEqual([{ api_key: hash }, []]);
  });
});

describe('hostile records', () => {
  it('survives depth, and cuts it', () => {
    const text = `{"a":${'['.repeat(50_000)}"${JWT}"${']'.repeat(50_000)}}`;
    expectClean(JSON.stringify(redact(JSON.parse(text) as JsonObject, rawName).record));
  });

  it('redacts a property called __proto__ without touching any prototype', () => {
    const { record } = redact(JSON.parse(`{"__proto__": "Bearer ${JWT}"}`) as JsonObject, rawName);
    expectClean(JSON.stringify(record));
    expect(Object.getPrototypeOf(record)).toBe(Object.prototype);
  });

  it('is linear in long text', () => {
    for (const text of [
      'eyJ'.repeat(200_000),
      'a=%'.repeat(200_000),
      `key:${'\\'.repeat(400_000)}`,
      `//${'a:'.repeat(200_000)}`,
    ]) {
      const started = process.hrtime.bigint();
      redactText(text);
      expect(Number(process.hrtime.bigint() - started) / 1e6).toBeLessThan(3_000);
    }
  });
});

describe('property: a planted token is gone from any line', () => {
  const encodings: ((token: string) => string)[] = [
    (token) => token,
    (token) => `Bearer ${token}`,
    (token) => `/a?b=1&access_token=${token}&c=2`,
    (token) => encodeURIComponent(`/cb?x=${token}`),
    (token) => Buffer.from(token).toString('base64'),
    (token) => Buffer.from(`x: ${token}`).toString('base64url'),
    (token) => Buffer.from(`GET / HTTP/1.1\r\nAuthorization: Bearer ${token}\r\n`).toString('base64'),
    (token) => JSON.stringify({ access_token: token }),
    (token) => `a=1; s=${token}; b`,
    (token) => token.slice(0, 60),
  ];
  const word = fc.constantFrom(
    'request',
    'headers',
    'cookie',
    'x',
    'message',
    'querystring',
    'raw_request',
    'token',
    'a.b',
    'list',
  );
  const leaf = fc
    .tuple(fc.constantFrom(...encodings), fc.string())
    .map(([encode, around]) => ({ planted: encode(JWT), around }));
  const build = (node: { planted: string; around: string }, path: string[], kind: number): Json =>
    path.reduceRight<Json>(
      (value, key, i) =>
        kind % 3 === 1 && i % 2 === 0 ? [value, { [key]: value }] : { other: node.around, [key]: value },
      node.planted,
    );

  it('in any place and encoding', () => {
    fc.assert(
      fc.property(leaf, fc.array(word, { minLength: 1, maxLength: 5 }), fc.nat(5), (node, path, kind) => {
        const record = { line: build(node, path, kind) };
        expectClean(redacted(record).text);
      }),
      { seed: 7, numRuns: 1500 },
    );
  });

  it('in property names', () => {
    fc.assert(
      fc.property(fc.constantFrom(...encodings.slice(0, 4)), fc.jsonValue(), (encode, value) => {
        expectClean(redacted({ line: { [encode(JWT)]: value as Json } }).text);
      }),
      { seed: 8, numRuns: 200 },
    );
  });

  it('in free text, cut anywhere', () => {
    fc.assert(
      fc.property(fc.string(), fc.nat(JWT.length), fc.string(), (before, end, after) => {
        const text = redactText(`${before} ${JWT.slice(0, Math.max(3, end))} ${after}`);
        if (end >= 8) expectClean(text);
      }),
      { seed: 9, numRuns: 500 },
    );
  });
});

describe('case 11: the raw token is in the log', () => {
  const lines = [...caseLines('11-raw-token.apisix.ndjson'), ...caseLines('11-raw-token.tyk.ndjson')];
  const token = /eyJ[\w-]+\.[\w-]+\.NOT-A-SIGNATURE/.exec(lines[0]!.text)![0];

  it('leaves no part of token or key in any record, nor in the cut line', () => {
    expect(lines).toHaveLength(4);
    for (const line of lines) {
      const text =
        'json' in line ? JSON.stringify(redact(line.json, rawName, tyk.redaction).record) : redactText(line.text);
      expectClean(text, token);
      expectClean(text, 'FAKE-KEY-11-0123456789abcdef');
    }
  });

  it('tells of the cut line only which known keys it shows', () => {
    const [cut] = lines.filter((line) => 'bad' in line);
    expect(cut).toMatchObject({ bad: 'is not JSON' });
    expect(recognisedKeys(cut!.text)).toEqual(['request', 'uri', 'url']);
  });
});
