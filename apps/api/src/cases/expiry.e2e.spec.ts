import { describe, expect, it } from '@jest/globals';
import type { SettingsInput } from '#lifecycle';
import { cloudEvent, lineOf } from './lines.js';
import { after, caseBytes, caseRecord, caseSettings, iso, Product, withProduct, type FindingRow, type JsonLine } from './product.js';

const UNITS = '05-exp-milliseconds.apisix.ndjson';
const NEVER = '06-no-exp.apisix.ndjson';
const LIFETIMES = '07-expires-in-nonpositive.apigee.ndjson';
const LOGIN = 'https://login.example.com/';
const SHOP = 'https://idp.example.com/realms/shop';
const IAT = 1773133200;
const EXP = 1773136800;

const withSource = (source: string, changes: JsonLine): SettingsInput => {
  const settings = caseSettings();
  Object.assign(settings.sources[source]!, changes);
  return settings;
};

describe.each(['auto', 'apisix'])('case 5, exp in milliseconds (--source %s)', (source) => {
  const end = after(7201);
  const at = (product: Product, jti: string) => product.token({ jti, issuer: LOGIN }, end);

  it('reads the normal expiry, keeps the raw value, and finds the unit suspect', async () => {
    const product = await Product.open();
    try {
      await product.ingest(caseBytes(UNITS), source);
      for (const [jti, raw, unit] of [['t-05-ms', '1773136800000', 'ms'], ['t-05-us', '1773136800000000', 'us']] as const) {
        const token = await at(product, jti);
        expect(token).toMatchObject({ status: 'expired', expiry: { kind: 'at', at: iso(3600), raw, unit } });
        expect(token.flags).toContain('unitSuspect');
        const suspect = (await product.findings(end, { token: token.name })).filter((f) => f.rule === 'expiry-unit-suspect');
        expect(suspect).toMatchObject([{ kind: 'expiry unit suspect', evidence: { raw } }]);
        expect(suspect[0]!.summary).toContain('a strict validator reads seconds and will accept this token for tens of thousands of years');
      }
      expect((await at(product, 't-05-s')).flags).toEqual([]);
      expect(await at(product, 't-05-far')).toMatchObject({ status: 'active', flags: [], expiry: { at: '2100-01-01T00:00:00.000Z' } });
      const late = await product.findings(end, { rule: 'D3' });
      expect(late).toMatchObject([
        { kind: 'accepted after intended expiry', tokens: [(await at(product, 't-05-ms')).name], evidence: { uses: [{ at: iso(7200), lateMs: 3_600_000 }] } },
      ]);
      expect(await product.findings(end)).toHaveLength(3);
    } finally {
      await product.close();
    }
  });
});

describe('case 5, other units', () => {
  const end = after(7201);
  const suspects = async (product: Product): Promise<FindingRow[]> => product.findings(end, { rule: 'expiry-unit-suspect' });

  it.each<[string, JsonLine, JsonLine, number, SettingsInput?]>([
    ['text in nanoseconds', { exp: `${EXP}000000000` }, { kind: 'at', at: iso(3600), unit: 'ns' }, 1],
    ['a number in milliseconds', { exp: EXP * 1000 }, { kind: 'at', at: iso(3600), unit: 'ms', raw: EXP * 1000 }, 1],
    ['a number in nanoseconds', { exp: EXP * 1e9 }, { kind: 'at', at: iso(3600), unit: 'ns' }, 1],
    ['a fraction of seconds', { exp: `${EXP}.5` }, { kind: 'at', at: iso(3600.5), unit: 's' }, 0],
    ['seconds with an exponent', { exp: '1.7731368e9' }, { kind: 'at', at: iso(3600), unit: 's' }, 0],
    ['exp in ms beside iat in s', { iat: IAT, exp: `${EXP}000` }, { kind: 'at', at: iso(3600), unit: 'ms' }, 1],
    ['exp in s beside iat in ms', { iat: `${IAT}000`, exp: EXP }, { kind: 'at', at: iso(3600), unit: 's' }, 0],
    ['the year 2099 in ms', { exp: '4070908800000' }, { kind: 'at', at: '2099-01-01T00:00:00.000Z', unit: 'ms' }, 1],
    ['beyond every unit', { exp: '99999999999999999999999' }, { kind: 'implausible', at: null }, 0],
    ['between the units', { exp: '50000000000' }, { kind: 'implausible', at: null, raw: '50000000000' }, 0],
    ['a word', { exp: 'tomorrow' }, { kind: 'unknown', raw: 'tomorrow' }, 0],
    ['declared in ms', { iat: `${IAT}000`, exp: `${EXP}000` }, { kind: 'at', at: iso(3600), unit: 'ms' }, 0, withSource('apisix', { expUnit: 'ms' })],
    ['in s where ms are declared', { exp: `${EXP}` }, { kind: 'at', at: iso(3600), unit: 's' }, 1, withSource('apisix', { expUnit: 'ms' })],
  ])('reads %s', async (_what, changes, expiry, found, settings = caseSettings()) => {
    await withProduct(
      [[lineOf('apisix', { jti: 'v', ...changes })]],
      async (product, [report]) => {
        expect(report).toMatchObject({ accepted: 1 });
        expect((await product.token({ jti: 'v', issuer: LOGIN }, end)).expiry).toMatchObject(expiry);
        expect(await suspects(product)).toHaveLength(found);
      },
      settings,
    );
  });

  it('says of seconds read where milliseconds are declared that a validator of the declared unit refuses, not accepts', () =>
    withProduct(
      [[lineOf('apisix', { jti: 'v', exp: `${EXP}` })]],
      async (product) => {
        const [finding] = await suspects(product);
        expect(finding!.summary).not.toContain('tens of thousands of years');
        expect(finding!.evidence).toMatchObject({ raw: `${EXP}`, unit: 's' });
      },
      withSource('apisix', { expUnit: 'ms' }),
    ));

  it.each([
    ['envoy', lineOf('envoy', { 'jwt.verified_jwt.jti': 'v', 'jwt.verified_jwt.exp': EXP * 1000 })],
    ['kong', lineOf('kong', { token_jti: 'v', token_iss: SHOP, token_exp: EXP * 1000 })],
  ])('finds the unit suspect in lines of %s too', (_source, line) =>
    withProduct([[line]], async (product) => {
      expect((await product.token({ jti: 'v', issuer: SHOP }, end)).expiry).toMatchObject({ at: iso(3600), raw: EXP * 1000 });
      expect(await suspects(product)).toMatchObject([{ kind: 'expiry unit suspect' }]);
    }));
});

describe.each(['auto', 'apisix'])('case 6, no exp at all (--source %s)', (source) => {
  const end = after(60);
  const later = 'time:2027-04-14T09:00:01Z';
  const at = (product: Product, jti: string, asOf = end) => product.token({ jti, issuer: LOGIN }, asOf);

  it('takes absent, null and empty for no expiry, 0 and exp = iat for expired at once', async () => {
    const product = await Product.open();
    try {
      expect(await product.ingest(caseBytes(NEVER), source)).toMatchObject({ records: 6, accepted: 6 });
      for (const jti of ['t-06-absent', 't-06-null', 't-06-empty']) {
        const token = await at(product, jti);
        expect(token).toMatchObject({ status: 'active', expiry: { kind: 'never', at: null } });
        expect(token.flags).toContain('noExpiry');
        const report = (await product.findings(end, { rule: 'never-expires' })).filter((f) => f.tokens.includes(token.name));
        expect(report).toMatchObject([{ kind: 'never expires', evidence: { ageMs: 60_000 } }]);
        expect(report[0]!.evidence['lastUse']).toMatch(/^2026-03-10T09:00:0[0-2]\.000Z$/);
      }
      expect(await at(product, 't-06-zero')).toMatchObject({ status: 'expired', expiry: { kind: 'at', raw: '0', flags: ['at-issue'] } });
      expect((await at(product, 't-06-zero', after(3))).status).toBe('expired');
      expect(await at(product, 't-06-eq-iat', after(4))).toMatchObject({ status: 'expired', expiry: { at: iso(4), flags: ['at-issue'] } });
      // Roll-ups: states, and the population of a plan.
      expect((await product.state(end)).rows.map((row) => row['expiry']).filter((e) => e === 'never')).toHaveLength(3);
      expect((await product.state(later)).rows).toHaveLength(5);
    } finally {
      await product.close();
    }
  });

  it('stores the line of the future, flags it, and lets it finalise nothing', async () => {
    const product = await Product.open();
    try {
      await product.ingest(caseBytes(NEVER), source);
      const token = await at(product, 't-06-absent', later);
      expect(token).toMatchObject({ status: 'active', watermark: { apisix: iso(4) } });
      expect(token.flags).toContain('futureDated');
      expect((await product.history(token.name, later)).map((fact) => fact['effectiveAt'])).toContain('2027-04-14T09:00:00.000Z');
      const future = await product.findings(later, { rule: 'future-dated' });
      expect(future).toMatchObject([{ kind: 'future-dated', tokens: [token.name] }]);
      const never = (await product.findings(later, { rule: 'never-expires' })).find((f) => f.tokens[0] === token.name);
      expect(never!.evidence).toMatchObject({ ageMs: 400 * 86_400_000 + 1000, lastUse: '2027-04-14T09:00:00.000Z' });
    } finally {
      await product.close();
    }
  });
});

describe('case 6, absence elsewhere', () => {
  const end = after(120);
  const envoy = (exp: unknown): JsonLine => lineOf('envoy', { 'jwt.verified_jwt.jti': 'v', 'jwt.verified_jwt.exp': exp, 'jwt.verified_jwt.iat': IAT });
  const kong = (changes: JsonLine): JsonLine => lineOf('kong', { started_at: Date.parse(iso(5)), token_jti: 'v', token_iss: SHOP, ...changes });
  const apisix = (changes: JsonLine): JsonLine => lineOf('apisix', { jti: 'v', iss: SHOP, exp: undefined, ...changes });

  it.each<[string, JsonLine, JsonLine, string]>([
    ['Envoy, absent', envoy(undefined), { kind: 'never' }, 'active'],
    ['Envoy, null', envoy(null), { kind: 'never' }, 'active'],
    ['Envoy, empty', envoy(''), { kind: 'never' }, 'active'],
    ['Envoy, 0', envoy(0), { kind: 'at', flags: ['at-issue'], raw: 0 }, 'expired'],
    ['Envoy, "0"', envoy('0'), { kind: 'at', flags: ['at-issue'] }, 'expired'],
    ['Envoy, equal to iat', envoy(IAT), { kind: 'at', at: iso(0), flags: ['at-issue'] }, 'expired'],
    ['Envoy, before iat', envoy(IAT - 100), { kind: 'at', at: iso(-100), flags: ['at-issue'] }, 'expired'],
    ['Kong, absent beside iat', kong({ token_iat: IAT }), { kind: 'never' }, 'active'],
    ['Kong, null beside iat', kong({ token_iat: IAT, token_exp: null }), { kind: 'never' }, 'active'],
    ['Kong, where the operator logs no times', kong({}), { kind: 'unknown' }, 'active'],
    ['Kong, 0', kong({ token_iat: IAT, token_exp: 0 }), { kind: 'at', flags: ['at-issue'] }, 'expired'],
    ['APISIX, -', apisix({ exp: '-' }), { kind: 'never' }, 'active'],
    ['APISIX, without iat', apisix({ iat: undefined }), { kind: 'unknown' }, 'active'],
    ['APISIX, true', apisix({ exp: true }), { kind: 'unknown' }, 'active'],
  ])('reads %s', async (_what, line, expiry, status) => {
    await withProduct([[line]], async (product) => {
      expect(await product.token({ jti: 'v', issuer: SHOP }, end)).toMatchObject({ expiry, status });
      expect(await product.findings(end, { rule: 'never-expires' })).toHaveLength(expiry['kind'] === 'never' ? 1 : 0);
    });
  });

  it('revokes a token without expiry', () =>
    withProduct(
      [
        [envoy(undefined)],
        [cloudEvent('token.revoked', iso(60), { issuer: SHOP, jti: 'v', cause: 'by the operator' })],
      ],
      async (product) => {
        expect(await product.token({ jti: 'v', issuer: SHOP }, after(59))).toMatchObject({ status: 'active' });
        expect(await product.token({ jti: 'v', issuer: SHOP }, end)).toMatchObject({ status: 'revoked', endedAt: iso(60), expiry: { kind: 'never' } });
      },
      { ...caseSettings(), sources: { ...caseSettings().sources, cloudevents: { format: 'cloudevents', authority: 'operator' } } },
    ));

  it('counts it in a plan, far past every date', () =>
    withProduct([[envoy(undefined), lineOf('envoy', { deployment_version: 'v42', start_time: iso(200), 'jwt.verified_jwt.exp': EXP })]], async (product) => {
      const plan = await product.plan('v42', 'v41', 'time:2026-03-10T23:00:00Z');
      expect(Object.values(plan.counts).reduce((sum, n) => sum + n, 0)).toBe(1);
      expect(plan.counts).toMatchObject({ keep: 1 });
    }));

  it('lets an issuer’s date stand above a gateway’s absence', () =>
    withProduct([[kong({ token_jti: 'AT.v', token_iss: 'https://org.example.com/oauth2/default', token_iat: IAT })], [lineOf('okta', { 'target.0.id': 'AT.v' })]], async (product) => {
      expect((await product.token({ jti: 'AT.v', issuer: 'https://org.example.com/oauth2/default' }, end)).expiry).toMatchObject({ kind: 'at', at: iso(3600) });
    }));
});

describe.each(['auto', 'apigee'])('case 7, expires_in of zero, minus one, empty, or not a number (--source %s)', (source) => {
  it('records all seven issuances and dates two', async () => {
    const product = await Product.open();
    try {
      expect(await product.ingest(caseBytes(LIFETIMES), source)).toMatchObject({ records: 7, accepted: 7, rejected: 0 });
      const expected = [
        { kind: 'at', at: iso(3599), raw: '3599' },
        { kind: 'unknown', at: null, raw: '0' },
        { kind: 'unknown', at: null, raw: '-1' },
        { kind: 'unknown', at: null, raw: '' },
        { kind: 'at', at: iso(4 + 1500), raw: '1.5e3' },
        { kind: 'implausible', at: null, raw: '9223372036854775807' },
        { kind: 'unknown', at: null, raw: 'NaN' },
      ];
      for (const [i, expiry] of expected.entries()) {
        const sha256 = String(caseRecord(LIFETIMES, i + 1)['access_token_hash']);
        expect(await product.token({ sha256 }, after(10))).toMatchObject({ status: 'issued', issuedAt: iso(i), expiry });
      }
      expect((await product.state(after(10))).rows).toHaveLength(7);
      expect((await product.rows('deadletters.list', {})).rows).toEqual([]);
    } finally {
      await product.close();
    }
  });
});

describe('case 7, other lifetimes', () => {
  const odd = (words: JsonLine): SettingsInput => withSource('apigee', { oddExpiry: words });
  const hash = 'ab'.repeat(32);

  it.each<[string, unknown, JsonLine, SettingsInput?]>([
    ['a number', 3599, { kind: 'at', at: iso(3599), raw: 3599 }],
    ['the number 0', 0, { kind: 'unknown', raw: 0 }],
    ['the number -1', -1, { kind: 'unknown', raw: -1 }],
    ['a fraction', '0.5', { kind: 'at', at: iso(0.5) }],
    ['minus zero', '-0', { kind: 'unknown', raw: '-0' }],
    ['null', null, { kind: 'unknown', raw: null }],
    ['absent', undefined, { kind: 'unknown', raw: null }],
    ['true', true, { kind: 'unknown' }],
    ['an overflow to infinity', '1e999', { kind: 'implausible', raw: '1e999' }],
    ['the word Infinity', 'Infinity', { kind: 'unknown', raw: 'Infinity' }],
    ['hexadecimal', '0x10', { kind: 'unknown', raw: '0x10' }],
    ['a unit', '3600s', { kind: 'unknown', raw: '3600s' }],
    ['past the year 9999', '253402300800', { kind: 'implausible' }],
    ['a hundred years', '3155760000', { kind: 'at', at: '2126-03-11T09:00:00.000Z' }],
    ['0 of a source that means never', '0', { kind: 'never', raw: '0' }, odd({ zero: 'never' })],
    ['the number 0 of such a source', 0, { kind: 'never', raw: 0 }, odd({ zero: 'never' })],
    ['-1 of a source that means expired', '-1', { kind: 'at', at: iso(0), flags: ['at-issue', 'odd'] }, odd({ negative: 'expired' })],
    ['0 where only -1 is declared', '0', { kind: 'unknown' }, odd({ negative: 'expired' })],
    ['-300 of a source that means never', '-300', { kind: 'never' }, odd({ negative: 'never' })],
    ['empty of a source that means never', '', { kind: 'never' }, odd({ empty: 'never' })],
    ['NaN of a source that says all', 'NaN', { kind: 'unknown' }, odd({ zero: 'never', negative: 'never', empty: 'never' })],
  ])('reads %s', async (_what, value, expiry, settings = caseSettings()) => {
    await withProduct(
      [[lineOf('apigee', { expires_in: value, access_token_hash: hash })]],
      async (product, [report]) => {
        expect(report).toMatchObject({ accepted: 1, rejected: 0 });
        const token = await product.token({ sha256: hash }, after(1));
        expect(token.expiry).toMatchObject(expiry);
        const wanted = expiry['kind'] === 'at' && Date.parse(String(expiry['at'])) <= Date.parse(iso(1)) ? 'expired' : 'issued';
        expect(token.status).toBe(wanted);
      },
      settings,
    );
  });
});
