import { describe, expect, it } from '@jest/globals';
import type { SettingsInput } from '#lifecycle';
import { vary } from './lines.js';
import {
  after,
  caseBytes,
  caseRecord,
  caseSettings,
  iso,
  Product,
  T0,
  withProduct,
  type FindingRow,
  type JsonLine,
} from './product.js';

const RACE = '01-refresh-race.keycloak.ndjson';
const SHOP = 'https://idp.example.com/realms/shop';

describe.each(['auto', 'keycloak'])('case 1, a refresh race locks the user out (--source %s)', (source) => {
  async function withRace(check: (product: Product) => Promise<void>): Promise<void> {
    const product = await Product.open();
    try {
      await product.ingest(caseBytes(RACE), source);
      await check(product);
    } finally {
      await product.close();
    }
  }
  const end = after(3461);
  const shop = (product: Product, jti: string) => product.token({ jti, issuer: SHOP }, end);

  it('rotates rt-01-1 into rt-01-2, and calls nobody an attacker', () =>
    withRace(async (product) => {
      const parent = await shop(product, 'rt-01-1');
      const child = await shop(product, 'rt-01-2');
      expect(parent).toMatchObject({ status: 'rotated', endedAt: iso(900), cause: 'rotated', kind: 'refresh' });
      expect(child.parent).toBe(parent.name);
      expect(JSON.stringify(await product.findings(end))).not.toContain('attacker');
      const rotated = (await product.history(parent.name, end)).find((entry) => entry['type'] === 'token.rotated');
      expect(rotated).toMatchObject({ effectiveAt: iso(900), data: { successor: child.name } });
    }));

  it('raises one low concurrent rotation for u-501: the gaps, the network, the forced re-login', () =>
    withRace(async (product) => {
      const own = await product.findings(end, { token: (await shop(product, 'rt-01-1')).name });
      expect(own).toHaveLength(1);
      const [race] = own as [FindingRow];
      expect(race).toMatchObject({ rule: 'D1', kind: 'concurrent rotation', severity: 'low', provisional: false });
      expect(race.evidence).toMatchObject({
        gapsMs: [13, 21],
        sameNetwork: true,
        forcedRelogin: { at: iso(912.9), family: (await shop(product, 'rt-01-3')).family },
      });
      expect(race.summary).toContain('13/21 ms');
      expect(race.summary).toContain('log in again');
    }));

  it('raises one critical reuse for u-502, with the whole family', () =>
    withRace(async (product) => {
      const critical = (await product.findings(end)).filter((finding) => finding.severity === 'critical');
      expect(critical).toHaveLength(1);
      expect(critical[0]).toMatchObject({ rule: 'D1', kind: 'refresh token reuse' });
      const members = await Promise.all(
        ['rt-01-8', 'rt-01-9', 'at-01-8', 'at-01-9'].map(async (jti) => (await shop(product, jti)).name),
      );
      expect([...critical[0]!.tokens].sort()).toEqual(members.sort());
      expect(critical[0]!.evidence).toMatchObject({ gapsMs: [2_460_000], network: 'other network' });
      expect(await product.findings(end)).toHaveLength(2);
    }));

  it('keeps a family per grant: two logins of one user are two', () =>
    withRace(async (product) => {
      const [a1, a2, at, c, b] = await Promise.all(
        ['rt-01-1', 'rt-01-2', 'at-01-2', 'rt-01-3', 'rt-01-8'].map((jti) => shop(product, jti)),
      );
      expect(new Set([a1!.family, a2!.family, at!.family]).size).toBe(1);
      expect(new Set([a1!.family, c!.family, b!.family]).size).toBe(3);
      expect(a1!.subject).toBe(c!.subject);
      expect((await product.state(end)).rows).toHaveLength(10);
    }));
});

describe('case 1, other races', () => {
  /** rt-01-1 rotated at 900 s, then presented again. */
  const rotation = [caseRecord(RACE, 1), caseRecord(RACE, 2)];
  let n = 0;
  const stale = (seconds: number, changes: JsonLine = {}): JsonLine =>
    vary(caseRecord(RACE, 3), { id: `stale-${n++}`, time: T0 + seconds * 1000, ...changes });
  const login = (seconds: number, changes: JsonLine = {}): JsonLine =>
    vary(caseRecord(RACE, 6), { id: `login-${n++}`, time: T0 + seconds * 1000, ...changes });
  const elsewhere = { ipAddress: '203.0.113.77' };
  const settings = (keycloak: JsonLine): SettingsInput => {
    const all = caseSettings();
    Object.assign(all.sources['keycloak']!, keycloak);
    return all;
  };

  it.each<[string, JsonLine[], string, string, JsonLine?]>([
    ['9.9 s later', [stale(909.9)], 'low', 'concurrent rotation'],
    ['10 s later, the last of the window', [stale(910)], 'low', 'concurrent rotation'],
    ['10.1 s later, agent unknown', [stale(910.1)], 'high', 'refresh token reuse'],
    ['41 min later on the same network, agent unknown', [stale(3360)], 'high', 'refresh token reuse'],
    ['13 ms later from another network', [stale(900.013, elsewhere)], 'critical', 'refresh token reuse'],
    ['13 ms later from another client', [stale(900.013, { clientId: 'other' })], 'high', 'refresh token reuse'],
    ['13 ms later, address unknown', [stale(900.013, { ipAddress: undefined })], 'critical', 'refresh token reuse'],
    ['13 ms later, the same /24', [stale(900.013, { ipAddress: '192.0.2.99' })], 'low', 'concurrent rotation'],
    ['13 ms, and 41 min from elsewhere', [stale(900.013), stale(3360, elsewhere)], 'critical', 'refresh token reuse'],
    ['within a grace of 30 s', [stale(930)], 'info', 'reuse within grace', { rotationGrace: '30s' }],
    ['within grace, from elsewhere', [stale(910, elsewhere)], 'info', 'reuse within grace', { rotationGrace: '30s' }],
    ['after a grace of 30 s', [stale(930.1)], 'high', 'refresh token reuse', { rotationGrace: '30s' }],
    ['41 min with grace', [stale(3360, elsewhere)], 'critical', 'refresh token reuse', { rotationGrace: '30s' }],
    // A gap of 0 is not above a grace of 0.
    ['in the very millisecond', [stale(900)], 'info', 'reuse within grace'],
  ])('grades a presentation %s', async (_what, presentations, severity, kind, keycloak = {}) => {
    await withProduct(
      [[...rotation, ...presentations]],
      async (product) => {
        const found = await product.findings(after(3600));
        expect(found.map((finding) => [finding.rule, finding.severity, finding.kind])).toEqual([['D1', severity, kind]]);
        // Grace is a grade of a finding, never a state.
        expect((await product.token({ jti: 'rt-01-1', issuer: SHOP }, after(3600))).status).toBe('rotated');
      },
      settings(keycloak),
    );
  });

  it('takes the same network and agent for medium', async () => {
    const agent = { 'details.user_agent': 'shop-app/3.2 (Linux)' };
    const lines = [rotation[0]!, vary(rotation[1]!, agent), stale(960, { 'details.user_agent': 'shop-app/3.3' })];
    await withProduct([lines], async (product) => {
      expect(await product.findings(after(3600))).toMatchObject([{ rule: 'D1', severity: 'medium' }]);
    });
  });

  it.each<[string, JsonLine, boolean]>([
    ['59.9 s after the last presentation', login(959.92), true],
    ['60.1 s after it', login(960.122), false],
    ['of another user', login(912, { userId: 'u-777' }), false],
    ['at another client', login(912, { clientId: 'other' }), false],
    ['before the race', login(899), false],
  ])('names a login %s as forced or not', async (_what, again, forced) => {
    await withProduct([[...rotation, stale(900.013), stale(900.021), again]], async (product) => {
      const [race] = await product.findings(after(3600));
      expect(race).toMatchObject({ kind: 'concurrent rotation', severity: 'low' });
      expect('forcedRelogin' in race!.evidence).toBe(forced);
    });
  });

  it('only renews where the realm lets refresh tokens live on', async () => {
    await withProduct(
      [[...rotation, stale(900.013)]],
      async (product) => {
        const token = await product.token({ jti: 'rt-01-1', issuer: SHOP }, after(3600));
        expect(token.endedAt).toBeNull();
        expect(token.status).not.toBe('rotated');
        expect(await product.findings(after(3600), { rule: 'D1' })).toEqual([]);
      },
      settings({ refreshTokens: 'keep' }),
    );
  });

  it('sees two live holders where both successors are used, and not where one lies unused', async () => {
    const second = vary(rotation[1]!, {
      id: 'second',
      time: T0 + 900_013,
      'details.updated_refresh_token_id': 'rt-01-2b',
      'details.token_id': 'at-01-2b',
    });
    const use = (jti: string, next: string): JsonLine =>
      vary(rotation[1]!, {
        id: `use-${jti}`,
        time: T0 + 1_800_000,
        'details.refresh_token_id': jti,
        'details.updated_refresh_token_id': next,
        'details.token_id': `at-${next}`,
      });
    await withProduct([[...rotation, second, use('rt-01-2', 'rt-x'), use('rt-01-2b', 'rt-y')]], async (product) => {
      const name = (await product.token({ jti: 'rt-01-1', issuer: SHOP }, after(3600))).name;
      const critical = (await product.findings(after(3600))).filter((f) => f.tokens[0] === name);
      expect(critical).toMatchObject([{ rule: 'D1', kind: 'two live holders', severity: 'critical' }]);
    });
    await withProduct([[...rotation, second, use('rt-01-2', 'rt-x')]], async (product) => {
      expect(await product.findings(after(3600))).toMatchObject([{ kind: 'concurrent rotation', severity: 'low' }]);
    });
  });
});
