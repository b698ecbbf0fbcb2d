import { describe, expect, it } from '@jest/globals';
import { lineOf, vary } from './lines.js';
import {
  after,
  answersOf,
  caseBytes,
  caseLines,
  caseRecord,
  caseSettings,
  iso,
  Product,
  withProduct,
  type JsonLine,
} from './product.js';

const SKEW = '03-clock-skew.envoy.ndjson';
const ROTATION = '04-kid-rotation.tyk.ndjson';
const SHOP = 'https://idp.example.com/realms/shop';

describe('case 3, the issuer’s clock runs ahead', () => {
  const end = after(491);
  const token = { jti: 't-03-1', issuer: SHOP };
  const hash = { sha256: '705b9cbbf4439c0d2ad0bf20c04be266821e238dc4db6f28bb0c66f46f0d682c' };

  it.each(['auto', 'envoy'])('joins the refusals to the token and classes every use (--source %s)', async (source) => {
    const product = await Product.open();
    try {
      expect(await product.ingest(caseBytes(SKEW), source)).toMatchObject({ records: 7, accepted: 7 });
      expect((await product.state(end)).rows).toHaveLength(1);
      const view = await product.token(token, end);
      expect((await product.token(hash, end)).name).toBe(view.name);
      expect(view).toMatchObject({ status: 'expired', expiry: { kind: 'at', at: iso(390) }, endedAt: null, flags: [] });

      const findings = await product.findings(end);
      expect(findings.map(({ rule }) => rule).sort()).toEqual(['D3', 'clock-skew']);
      const skew = findings.find(({ rule }) => rule === 'clock-skew')!;
      expect(skew).toMatchObject({ kind: 'clock skew', gateway: 'gw-envoy-1', provisional: false });
      expect(skew.evidence).toMatchObject({ issuer: SHOP, aheadMs: { atLeast: 88_800 } });
      expect(skew.evidence['aheadMs']).not.toHaveProperty('atMost');
      expect(skew.summary).toContain('at least 88.8 s ahead');
      expect(skew.evidence['refusals']).toMatchObject([
        { at: iso(1.2), reason: 'not-yet-valid', class: 'clock skew' },
        { at: iso(18), reason: 'not-yet-valid', class: 'clock skew' },
      ]);
      const late = findings.find(({ rule }) => rule === 'D3')!;
      expect(late).toMatchObject({ kind: 'accepted after expiry', severity: 'high', gateway: 'gw-envoy-1' });
      expect(late.evidence['uses']).toEqual([
        { at: iso(431), lateMs: 41_000, class: 'accepted within leeway' },
        { at: iso(485), lateMs: 95_000, class: 'accepted after expiry' },
      ]);
      expect(late.summary).toContain('95 s past expiry');
    } finally {
      await product.close();
    }
  });

  it('does not reject the token for good: it is observed, then active, and never ended', () =>
    withProduct([caseBytes(SKEW)], async (product) => {
      for (const [at, status] of [[20, 'observed'], [32, 'active'], [389.999, 'active'], [390, 'expired']] as const) {
        const view = await product.token(hash, after(at));
        expect([at, view.status, view.endedAt, view.flags]).toEqual([at, status, null, []]);
      }
      const history = await product.history((await product.token(token, end)).name, end);
      expect(history.filter((fact) => fact['type'] === 'token.rejected')).toHaveLength(3);
    }));

  it('answers the same backwards, and with the hash lines last', async () => {
    const lines = caseLines(SKEW);
    const answers: unknown[] = [];
    for (const order of [lines, [...lines].reverse(), [...lines.slice(2, 6), lines[6]!, lines[0]!, lines[1]!]])
      await withProduct([order], async (product) => void answers.push(JSON.stringify(await answersOf(product, end))));
    expect(new Set(answers).size).toBe(1);
  });

  const use = (at: number, claims: JsonLine = {}, changes: JsonLine = {}): JsonLine =>
    lineOf('envoy', {
      start_time: iso(at),
      ...Object.fromEntries(Object.entries(claims).map(([claim, value]) => [`jwt.verified_jwt.${claim}`, value])),
      ...changes,
    });
  const leeway = (text: string): JsonLine => ({ leeway: text });

  it.each<[string, number, string | undefined, JsonLine?]>([
    ['a millisecond before exp', 389.999, undefined],
    ['exactly at exp', 390, 'accepted within leeway'],
    ['at exp + leeway', 450, 'accepted within leeway'],
    ['at exp + leeway + clock error', 450.5, 'accepted within leeway'],
    ['a millisecond past both', 450.501, 'accepted after expiry'],
    ['41 s past exp without leeway', 431, 'accepted after expiry', leeway('0s')],
    ['95 s past exp with a leeway of 2 min', 485, 'accepted within leeway', leeway('2m')],
  ])('classes an acceptance %s', async (_what, at, kind, envoy = {}) => {
    const settings = caseSettings();
    Object.assign(settings.sources['envoy']!, envoy);
    await withProduct(
      [[use(100), use(at)]],
      async (product) => {
        const found = await product.findings(after(600), { rule: 'D3' });
        expect(found.map((finding) => finding.kind)).toEqual(kind === undefined ? [] : [kind]);
        if (kind === 'accepted within leeway') expect(found[0]!.severity).toBe('info');
      },
      settings,
    );
  });

  it('takes the leeway of the version’s contract before the setting', () =>
    withProduct([[use(431)]], async (product) => {
      const declaration = { component: 'gateway', version: 'v41', contract: { leewaySeconds: 10 } };
      await product.value('deployment.declare', { declaration });
      expect(await product.findings(after(600), { rule: 'D3' })).toMatchObject([{ kind: 'accepted after expiry' }]);
    }));

  it.each<[string, JsonLine[], [string, string, number][]]>([
    ['ahead by less than the clock error', [use(89.6)], []],
    ['ahead by one second', [use(89)], [['clock skew', 'low', 1000]]],
    ['first accepted early, then refused early', [use(85), use(88)], [['clock skew', 'low', 5000]]],
    ['five minutes and more ahead', [use(100, { iat: 1773133200 + 500, exp: 1773133200 + 900 })], [['seen before it was issued', 'medium', 400_000]]],
  ])('measures an issuer %s', async (_what, lines, expected) => {
    await withProduct([lines], async (product) => {
      const found = await product.findings(after(800), { rule: 'clock-skew' });
      expect(found.map(({ kind, severity, evidence }) => [kind, severity, (evidence['aheadMs'] as JsonLine)['atLeast']])).toEqual(expected);
    });
  });

  it('measures each gateway by itself', () =>
    withProduct([[use(80), use(85, {}, { node_id: 'gw-envoy-2' }), use(95, {}, { node_id: 'gw-envoy-3' })]], async (product) => {
      const found = await product.findings(after(300), { rule: 'clock-skew' });
      expect(found.map(({ gateway, evidence }) => [gateway, evidence['aheadMs']]).sort()).toEqual([
        ['gw-envoy-1', { atLeast: 10_000 }],
        ['gw-envoy-2', { atLeast: 5_000 }],
      ]);
    }));

  it('knows no skew where the claims never come: the refused token has its hash alone', () =>
    withProduct([caseLines(SKEW).slice(0, 2)], async (product) => {
      const view = await product.token(hash, end);
      expect(view).toMatchObject({ status: 'observed', jti: null, issuer: null, flags: [] });
      expect(await product.findings(end)).toEqual([]);
    }));
});

describe('case 4, every token is refused until the key cache refreshes', () => {
  const end = after(600);
  const incident = after(390);
  const lines = caseLines(ROTATION);
  const key = (n: number): JsonLine => caseRecord(ROTATION, n);

  it.each(['auto', 'tyk'])('marks five wrongly rejected and one unresolved, none terminal (--source %s)', async (source) => {
    const product = await Product.open();
    try {
      expect(await product.ingest(caseBytes(ROTATION), source)).toMatchObject({ records: 18, accepted: 18 });
      const { rows } = await product.state(end);
      expect(rows).toHaveLength(6);
      const flags: string[] = [];
      for (const row of rows) {
        const token = await product.token({ name: String(row['name']) }, end);
        expect(token).toMatchObject({ kind: 'apiKey', status: 'active', endedAt: null, cause: null });
        flags.push(token.flags.join());
      }
      expect(flags.sort()).toEqual(['rejectedUnresolved', ...Array<string>(5).fill('wronglyRejected:v42')]);
      const during = await product.state(incident);
      for (const row of during.rows) {
        const token = await product.token({ name: String(row['name']) }, incident);
        expect([token.status, token.flags]).toEqual(['active', ['rejectedUnresolved']]);
      }
    } finally {
      await product.close();
    }
  });

  it.each([
    ['incident', incident, 6],
    ['end', end, 1],
  ])('plans a rollback at the %s: all six kept, and hold for two reasons', async (_when, at, restored) => {
    await withProduct([caseBytes(ROTATION)], async (product) => {
      const plan = await product.plan('v42', 'v41', at);
      expect(plan.verdict).toBe('hold');
      expect(plan.counts).toEqual({ keep: 6 - restored, restore: restored, until: 0, quarantine: 0, revoke: 0, reissue: 0, none: 0 });
      const decisions = plan.decisions.filter((decision) => decision.decision === 'restore');
      expect(decisions).toHaveLength(restored);
      for (const { steps } of decisions) expect(steps).toContain('clearLockout');
      const texts = plan.blockers.map((blocker) => blocker.text).join('\n');
      expect(plan.blockers).toHaveLength(2);
      expect(texts).toMatch(/issuance was never seen for 6 of 6/);
      expect(texts).toMatch(/v41 declares no contract/);
    });
  });

  it('infers the versions’ intervals from what is stamped on lines, and says so', () =>
    withProduct([caseBytes(ROTATION)], async (product) => {
      const { rows } = await product.rows('deployment.list', {});
      expect(rows.map(({ version, inferred }) => [version, inferred])).toEqual([['v41', true], ['v42', true]]);
    }));

  it('shows all six good and unrefused as of v41', () =>
    withProduct([caseBytes(ROTATION)], async (product) => {
      const asOf = 'version:v41';
      const { rows } = await product.rows('state', { asOf, component: 'gateway' });
      expect(rows.map((row) => row['status'])).toEqual(Array<string>(6).fill('active'));
      for (const { name } of rows) {
        const token = await product.token({ name: String(name) }, asOf);
        expect(token).toMatchObject({ flags: [], versions: { accepted: ['v41'], refused: [] }, asOf: { inferred: true } });
      }
    }));

  it('answers the same whatever came first', async () => {
    const answers: unknown[] = [];
    for (const order of [lines, [...lines].reverse(), [...lines.slice(13), ...lines.slice(0, 13)]])
      await withProduct([order], async (product) => void answers.push(JSON.stringify([await answersOf(product, end), (await product.plan('v42', 'v41', incident)).counts])));
    expect(new Set(answers).size).toBe(1);
  });

  const changed = (n: number, changes: JsonLine): JsonLine => vary(key(n), changes);
  const flagsOf = async (product: Product): Promise<string[]> => {
    const { rows } = await product.state(end);
    const views = await Promise.all(rows.map((row) => product.token({ name: String(row['name']) }, end)));
    return views.map((view) => view.flags.join()).sort();
  };

  it('has none unresolved where all six recover', () =>
    withProduct([[...lines, changed(18, { api_key: key(6)['api_key'], timestamp: '2026-03-10T09:09:45.000Z' }), ...[1, 2, 3, 4, 5].map((n) => changed(18, { api_key: key(n)['api_key'], timestamp: '2026-03-10T09:09:46.000Z' }))]], async (product) => {
      expect(await flagsOf(product)).toEqual(Array<string>(6).fill('wronglyRejected:v42'));
    }));

  it('takes no refusal for wrong that the first version made too', () =>
    withProduct([[key(1), changed(1, { response_code: 403, timestamp: '2026-03-10T09:01:00.000Z' })]], async (product) => {
      expect(await flagsOf(product)).toEqual(['rejectedUnresolved']);
      expect((await product.token({ name: String((await product.state(end)).rows[0]!['name']) }, end)).versions).toMatchObject({ refused: ['v41'] });
    }));

  it('clears no lockout where v42 closed a hole', () =>
    withProduct([caseBytes(ROTATION)], async (product) => {
      const declaration = { component: 'gateway', version: 'v42', contract: { securityFix: true } };
      await product.value('deployment.declare', { declaration });
      const plan = await product.plan('v42', 'v41', incident);
      expect(plan.counts).toMatchObject({ restore: 0 });
      expect(plan.decisions.flatMap((decision) => decision.steps)).not.toContain('clearLockout');
      expect(plan.notes.join()).toContain('closes a hole');
    }));

  it('holds for the issuance alone once v41 declares what it accepts', () =>
    withProduct([caseBytes(ROTATION)], async (product) => {
      const contract = { role: 'validator', issuers: [], unknownClaims: 'ignore', store: 's', requiredClaims: [], restrictingClaims: [], leewaySeconds: 0, expUnit: 's', cnf: { required: false, checked: true }, revocationWindowSeconds: 0 };
      for (const version of ['v41', 'v42']) await product.value('deployment.declare', { declaration: { component: 'gateway', version, contract } });
      const plan = await product.plan('v42', 'v41', incident);
      expect(plan.counts).toMatchObject({ restore: 6 });
      expect(plan.blockers.map((blocker) => blocker.text).join()).not.toMatch(/declares no contract/);
      expect(plan.blockers.map((blocker) => blocker.text).join()).toMatch(/issuance was never seen/);
      expect(plan.verdict).toBe('hold');
    }));

  it.each<[string, JsonLine, string]>([
    ['expired', { 'response.status': 401, tries: [], auth_error: 'token_expired' }, ''],
    ['not permitted', { 'response.status': 403, tries: [], auth_error: 'insufficient_scope' }, ''],
    ['of an unknown kid', { 'response.status': 401, tries: [], auth_error: 'unknown kid' }, 'rejectedUnresolved'],
    ['for no reason', { 'response.status': 401, tries: [] }, 'rejectedUnresolved'],
  ])('blames the version for a refusal that is %s or not (Kong)', async (_what, changes, flags) => {
    const at = (seconds: number): JsonLine => ({ started_at: Date.parse(iso(seconds)) });
    const before = lineOf('kong', at(0));
    const refused = lineOf('kong', { ...at(330), deployment_version: 'v42', ...changes });
    await withProduct([[before, refused]], async (product) => {
      expect(await flagsOf(product)).toEqual([flags]);
    });
  });
});
