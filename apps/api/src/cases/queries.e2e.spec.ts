import { describe, expect, it } from '@jest/globals';
import { after, caseBytes, caseLines, caseSettings, iso, Product, type Input, type JsonLine } from './product.js';

/** A product with these inputs, ClickHouse filled. One at a time: the embedded engine has one directory a process. */
async function withQueries(inputs: readonly Input[], check: (product: Product) => Promise<void>): Promise<void> {
  const product = await Product.open(caseSettings());
  try {
    for (const input of inputs) await product.ingest(input);
    await product.settle();
    await check(product);
  } finally {
    await product.close();
  }
}

const SHOP = 'https://idp.example.com/realms/shop';

describe('the field cases, asked of ClickHouse', () => {
  it('case 1: one lock-out, told with the renewal that failed and the login that followed', () =>
    withQueries([caseBytes('01-refresh-race.keycloak.ndjson')], async (product) => {
      const { rows } = await product.query('lockouts', after(7200));
      expect(rows).toHaveLength(1);
      expect(rows[0]).toMatchObject({ cause: 'renewal failed' });
      expect(Number(rows[0]!['afterMs'])).toBeGreaterThan(0);
      expect(Number(rows[0]!['afterMs'])).toBeLessThan(60_000);
      const renewals = await product.query('renewals', after(7200), { by: 'none', step: 'day' });
      expect(renewals.rows).toMatchObject([{ rotated: 2 }]);
    }));

  it('case 2: the lag at gw-a is between 48 s and 75 s, in either order of input', async () => {
    const files = [caseBytes('02-revocation-cache.okta.ndjson'), caseBytes('02-revocation-cache.kong.ndjson')];
    for (const inputs of [files, [...files].reverse()]) {
      await withQueries(inputs, async (product) => {
        const { rows, end } = await product.query('revocation-lag', after(3600));
        expect(rows).toMatchObject([
          { gateway: 'gw-a', tokens: 1, acceptedAfter: 1, enforcementGaps: 0, lagAtLeastMs: 48_000, lagAtMostMs: 75_000, endedAt: iso(600) },
        ]);
        expect(end).toMatchObject({ query: 'revocation-lag', lagEvents: 0, lagSeconds: 0 });
        const narrow = await product.query('revocation-lag', after(3600), { window: '30s' });
        expect(narrow.rows).toMatchObject([{ enforcementGaps: 1 }]);
        const ends = await product.query('tokens-invalidated', after(3600), { step: 'day' });
        expect(ends.rows).toMatchObject([{ tokens: 1, statements: 1 }]);
      });
    }
  });

  it('case 3: the issuer is at least 88.8 s ahead, by the refusals that show a hash alone', () =>
    withQueries([caseBytes('03-clock-skew.envoy.ndjson')], async (product) => {
      const { rows } = await product.query('clock-skew', after(3600));
      expect(rows).toMatchObject([
        { issuer: SHOP, gateway: 'gw-envoy-1', aheadAtLeastMs: 88_800, tokens: 1, refusedEarly: 1, firstPresented: iso(1.2), issueTime: iso(90), olderSightings: 0 },
      ]);
    }));

  it('case 4: one incident', () =>
    withQueries([caseBytes('04-kid-rotation.tyk.ndjson')], async (product) => {
      for (const scope of ['all', 'gateway']) {
        const { rows } = await product.query('incidents', after(3600), { scope });
        expect(rows).toMatchObject([
          { component: 'gateway', version: 'v42', form: 'small', tokens: 6, requests: 7, refusedBefore: 0, recovered: 5, unresolved: 1, gateways: ['tyk-1'] },
        ]);
        expect(rows[0]!['names']).toHaveLength(6);
        expect(Date.parse(String(rows[0]!['endAt']))).toBeGreaterThan(Date.parse(String(rows[0]!['startAt'])));
      }
      const { rows } = await product.query('rejections', after(3600));
      expect(rows).toMatchObject([{ version: 'v42', reason: 'none given', tokens: 6, requests: 7 }]);
    }));

  it('case 6: three tokens never expire, with age and last use', () =>
    withQueries([caseBytes('06-no-exp.apisix.ndjson')], async (product) => {
      const { rows } = await product.query('never-expiring', after(43_200));
      expect(rows).toHaveLength(3);
      for (const row of rows) expect(row).toMatchObject({ ageDays: 0, old: false, endedAt: null, token: expect.stringMatching(/^[0-9a-f]{32}$/) });
      const later = await product.query('never-expiring', 'time:2027-06-01T00:00:00Z');
      expect(later.rows.map((row) => row['old'])).toEqual([true, true, true]);
    }));

  it('case 9: a leak at a gateway leads to its tokens', () =>
    withQueries([caseBytes('09-jti-collision.envoy.ndjson')], async (product) => {
      const { rows } = await product.query('leak', after(3600), { gateway: 'gw-envoy-1' });
      expect(rows.length).toBeGreaterThanOrEqual(3);
    }));

  it('case 10: counts are those of distinct inputs, whatever was delivered twice', () =>
    withQueries(
      [caseBytes('10-duplicates.apisix.ndjson'), caseBytes('10-duplicates.okta.ndjson'), caseBytes('10-duplicates.apisix.ndjson')],
      async (product) => {
        const { rows } = await product.query('use', after(86_400), { step: 'day', by: 'none' });
        const total = rows.reduce((sum, row) => sum + Number(row['accepted']) + Number(row['refused']) + Number(row['denied']) + Number(row['observed']), 0);
        expect(total).toBe(5);
        const sql = await product.rows('sql', { sql: "SELECT count() AS n FROM facts WHERE source = 'apisix' AND outcome != ''" });
        expect(sql.rows).toEqual([{ n: 5 }]);
      },
    ));
});

describe('an incident is none', () => {
  const lines = caseLines('04-kid-rotation.tyk.ndjson').map((line) => JSON.parse(line) as JsonLine);
  const without = async (changed: readonly JsonLine[]): Promise<unknown[]> => {
    let found: unknown[] = [];
    await withQueries([changed], async (product) => {
      found = (await product.query('incidents', after(3600))).rows;
    });
    return found;
  };
  const isV42 = (line: JsonLine): boolean => (line['tags'] as string[]).includes('deploy-v42');

  it('of four tokens', async () => {
    const keys = [...new Set(lines.map((line) => String(line['api_key'])))].slice(0, 4);
    expect(await without(lines.filter((line) => keys.includes(String(line['api_key']))))).toEqual([]);
  });

  it('where the version before refused them as well', async () => {
    const refusals = lines.filter((line) => isV42(line) && line['response_code'] === 403);
    const earlier = refusals.slice(0, 6).map((line, i) => ({ ...line, tags: (line['tags'] as string[]).map((tag) => (tag === 'deploy-v42' ? 'deploy-v41' : tag)), timestamp: iso(50 + i), request_time: 99 + i }));
    const kept = lines.filter((line) => isV42(line) || Date.parse(String(line['timestamp'])) < Date.parse(iso(50)));
    expect(kept.some((line) => !isV42(line))).toBe(true);
    const found = await without([...kept, ...earlier]);
    expect(found.map((row) => (row as JsonLine)['form'])).not.toContain('small');
  });

  it('where nothing is refused', async () => {
    expect(await without(lines.map((line) => ({ ...line, response_code: 200 })))).toEqual([]);
  });

});
