import { describe, expect, it } from '@jest/globals';
import type { SettingsInput } from '#lifecycle';
import { lineOf } from './lines.js';
import {
  after,
  answersOf,
  caseBytes,
  caseLines,
  caseSettings,
  iso,
  Product,
  T0,
  withProduct,
  type JsonLine,
} from './product.js';

const KONG = '02-revocation-cache.kong.ndjson';
const OKTA = '02-revocation-cache.okta.ndjson';
const ORG = 'https://org.example.com/oauth2/default';

describe('case 2, a revoked token is accepted until a cache expires', () => {
  const end = after(676);
  const token = { jti: 'AT.case02-a', issuer: ORG };
  const windowOf = (text: string): SettingsInput => ({ ...caseSettings(), gateways: { 'gw-a': { propagationWindow: text } } });

  it.each([
    ['auto', [OKTA, KONG]],
    ['auto', [KONG, OKTA]],
    ['named', [KONG, OKTA]],
    ['named', [OKTA, KONG]],
  ])('is revoked from the revocation on, and lag within the window (%s, %j)', async (how, files) => {
    const product = await Product.open();
    try {
      for (const file of files) await product.ingest(caseBytes(file), how === 'auto' ? 'auto' : file.split('.')[1]!);
      expect(await product.token(token, end)).toMatchObject({ status: 'revoked', endedAt: iso(600) });
      expect((await product.token(token, after(600))).status).toBe('revoked');
      expect((await product.token(token, after(599.999))).status).toBe('active');
      const [lag, ...others] = await product.findings(end);
      expect(others).toEqual([]);
      expect(lag).toMatchObject({ rule: 'D2', kind: 'propagation lag', severity: 'info', gateway: 'gw-a', provisional: false });
      expect(lag!.summary).toContain('between 48 s and 75 s');
      expect(lag!.evidence).toMatchObject({ lagMs: { atLeast: 48_000, atMost: 75_000 }, theftIndicator: false });
      const classed = lag!.evidence['uses'] as { afterMs: number; class: string }[];
      // +590 is normal use: it is not listed.
      expect(classed.map((use) => [use.afterMs, use.class])).toEqual([
        [20_000, 'propagation lag'],
        [48_000, 'propagation lag'],
      ]);
      const accepted = (await product.history((await product.token(token, end)).name, end)).filter((fact) => fact['type'] === 'token.validated');
      expect(accepted).toHaveLength(3);
    } finally {
      await product.close();
    }
  });

  it('finds an enforcement gap with a window of 30 s, and no theft by that alone', () =>
    withProduct(
      [caseBytes(KONG), caseBytes(OKTA)],
      async (product) => {
        const [gap] = await product.findings(end);
        expect(gap).toMatchObject({ rule: 'D2', kind: 'enforcement gap', severity: 'high', evidence: { theftIndicator: false } });
        expect((gap!.evidence['uses'] as { class: string }[]).map((use) => use.class)).toEqual([
          'propagation lag',
          'enforcement gap',
        ]);
      },
      windowOf('30s'),
    ));

  it('lets the window of the version’s contract win over the gateway’s setting', async () => {
    for (const [seconds, kind] of [[30, 'enforcement gap'], [60, 'propagation lag'], [48, 'propagation lag'], [47, 'enforcement gap']] as const) {
      await withProduct([caseBytes(KONG), caseBytes(OKTA)], async (product) => {
        const declaration = { component: 'gateway', version: 'v41', contract: { revocationWindowSeconds: seconds } };
        await product.value('deployment.declare', { declaration });
        expect((await product.findings(end))[0]!.kind).toBe(kind);
      });
    }
  });

  const kong = caseLines(KONG);
  const use = (seconds: number, changes: JsonLine = {}): JsonLine =>
    lineOf('kong', { started_at: T0 + seconds * 1000, ...changes });

  it.each<[string, (string | JsonLine)[], string, [string, string, string][], string?]>([
    ['no refusal afterwards', kong.slice(0, 3), '60s', [['propagation lag', 'info', 'at least 48 s']]],
    ['nothing after the revocation', [kong[0]!, kong[3]!], '60s', []],
    ['an acceptance in its very millisecond', [kong[0]!, use(600)], '60s', []],
    ['an acceptance within the clock error', [kong[0]!, use(600.5)], '60s', []],
    ['an acceptance just past the clock error', [kong[0]!, use(600.6)], '60s', [['propagation lag', 'info', '0.6 s']]],
    ['the window’s last instant', [kong[0]!, use(660)], '60s', [['propagation lag', 'info', 'at least 60 s']]],
    ['just past the window', [kong[0]!, use(660.1)], '60s', [['enforcement gap', 'high', 'at least 60.1 s']]],
    ['a new network within the window', [kong[0]!, use(620, { client_ip: '203.0.113.9' })], '60s', [['propagation lag', 'info', '20 s']]],
    ['a new network past the window', [kong[0]!, use(700, { client_ip: '203.0.113.9' })], '60s', [['enforcement gap', 'critical', '100 s']]],
    ['a new agent past the window', [kong[0]!, use(700, { 'request.headers.user-agent': 'curl/8.5' })], '60s', [['enforcement gap', 'critical', '100 s']]],
    ['a refusal between two acceptances', [use(620), use(630, { 'response.status': 401, tries: [] }), use(640), kong[3]!], '60s', [['propagation lag', 'info', 'between 40 s and 75 s']]],
  ])('judges %s', async (_what, lines, window, expected) => {
    await withProduct(
      [caseBytes(OKTA), lines],
      async (product) => {
        const found = await product.findings(after(3000), { rule: 'D2' });
        expect(found.map(({ kind, severity, summary }) => [kind, severity, summary])).toEqual(
          expected.map(([kind, severity, words]) => [kind, severity, expect.stringContaining(words)]),
        );
        expect((await product.token(token, after(3000))).status).toBe('revoked');
      },
      windowOf(window),
    );
  });

  it('judges each gateway by its own window', async () => {
    const settings = windowOf('60s');
    Object.assign(settings.sources!['kong']!, { propagationWindow: '30s' });
    const lines = [use(620), use(648), use(620, { gateway_id: 'gw-b' }), use(648, { gateway_id: 'gw-b' })];
    await withProduct(
      [caseBytes(OKTA), lines],
      async (product) => {
        const found = await product.findings(after(3000), { rule: 'D2' });
        expect(found.map(({ gateway, kind }) => [gateway, kind]).sort()).toEqual([
          ['gw-a', 'propagation lag'],
          ['gw-b', 'enforcement gap'],
        ]);
      },
      settings,
    );
  });

  it('answers the same whenever the revocation comes', async () => {
    const [issue, revoke] = caseLines(OKTA) as [string, string];
    const orders = [
      [issue, revoke, ...kong],
      [revoke, ...kong, issue],
      [...kong, issue, revoke],
      [kong[0]!, revoke, kong[3]!, issue, kong[1]!, kong[2]!],
    ];
    const answers: unknown[] = [];
    for (const lines of orders) await withProduct([lines], async (product) => void answers.push(await answersOf(product, end)));
    expect(new Set(answers.map((answer) => JSON.stringify(answer))).size).toBe(1);
  });

  it('knew of no revocation before it came, and says so for ever', () =>
    withProduct([kong], async (product) => {
      const asKnownAt = `position:${(await product.token(token, end)).knownAt.position}`;
      const then = async (): Promise<unknown> => {
        const { rows } = await product.rows('findings', { asOf: end, asKnownAt });
        return [await product.value('token.show', { ...token, asOf: end, asKnownAt }), rows];
      };
      const before = await then();
      await product.ingest(caseBytes(OKTA));
      expect(await then()).toEqual(before);
      expect(before).toMatchObject([{ status: 'active' }, []]);
      expect((await product.token(token, end)).status).toBe('revoked');
    }));
});
