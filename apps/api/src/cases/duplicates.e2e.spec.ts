import { describe, expect, it } from '@jest/globals';
import type { SettingsInput } from '#lifecycle';
import { cloudEvent, lineOf, vary } from './lines.js';
import {
  after,
  answersOf,
  caseBytes,
  caseLines,
  caseRecord,
  caseSettings,
  iso,
  Product,
  sumsUp,
  T0,
  withProduct,
  type Input,
  type JsonLine,
  type Row,
} from './product.js';

const APISIX = '10-duplicates.apisix.ndjson';
const OKTA = '10-duplicates.okta.ndjson';
const ORG = 'https://org.example.com/oauth2/default';
const LOGIN = 'https://login.example.com/';
const end = after(60);

const tokenFacts = async (product: Product, source: string): Promise<Row[]> =>
  (await product.export()).filter((event) => event['source'] === source && String(event['type']).includes('.token.'));
const namesOf = (event: Row): Row => (event['data'] as Row)['names'] as Row;

describe.each(['auto', 'named'])('case 10, duplicate log lines (--source %s)', (how) => {
  const source = (name: string): string => (how === 'auto' ? 'auto' : name);

  it('stores five distinct requests of partner_7, whatever is delivered again, and after a restart', async () => {
    const product = await Product.open();
    try {
      const first = await product.ingest(caseBytes(APISIX), source('apisix'));
      expect(first).toMatchObject({ records: 7, accepted: 4, duplicates: 2, conflicts: 1, rejected: 0, events: 5 });
      for (let n = 0; n < 3; n++) {
        if (n === 1) await product.restart();
        const again = await product.ingest(caseBytes(APISIX), source('apisix'));
        expect(again).toMatchObject({ records: 7, duplicates: 7, events: 0 });
      }
      const facts = await tokenFacts(product, 'apisix');
      expect(facts.map((fact) => fact['time'])).toEqual([iso(0.25), iso(1.5), iso(1.5), iso(2), iso(2)]);
      // No token stands on these lines: they belong to the consumer, and are no rows of state.
      expect(new Set(facts.map((fact) => namesOf(fact)['con'])).size).toBe(1);
      expect(facts.every((fact) => fact['subject'] === namesOf(fact)['con'])).toBe(true);
      expect((await product.state(end)).rows).toEqual([]);
      const history = await product.history(String(facts[0]!['subject']), end);
      expect(history.map((fact) => [fact['type'], fact['conflicting']])).toEqual([
        ['token.validated', false],
        ['token.validated', true],
        ['token.rejected', true],
        ['token.validated', false],
        ['token.validated', false],
      ]);
      expect(await product.findings(end)).toMatchObject([{ rule: 'conflicting-duplicate', kind: 'conflicting duplicate' }]);
    } finally {
      await product.close();
    }
  });

  it('drops Okta’s repeat, and keeps the revocation that hides behind the reused id', async () => {
    const product = await Product.open();
    try {
      const report = await product.ingest(caseBytes(OKTA), source('okta'));
      expect(report).toMatchObject({ records: 3, accepted: 1, duplicates: 1, conflicts: 1, rejected: 0, events: 2 });
      const token = await product.token({ jti: 'AT.case10-1', issuer: ORG }, end);
      expect(token).toMatchObject({ status: 'revoked', endedAt: iso(5) });
      expect((await product.token({ jti: 'AT.case10-1', issuer: ORG }, after(4.999))).status).toBe('issued');
      const history = await product.history(token.name, end);
      expect(history.map((fact) => [fact['type'], fact['conflicting']])).toEqual([
        ['token.issued', true],
        ['token.revoked', true],
      ]);
      const raised = await product.findings(end);
      expect(raised).toMatchObject([{ kind: 'conflicting duplicate', severity: 'medium', tokens: [token.name] }]);
    } finally {
      await product.close();
    }
  });
});

describe('case 10, other duplicates', () => {
  const ops: SettingsInput = caseSettings();
  ops.sources!['cloudevents'] = { format: 'cloudevents', authority: 'operator' };
  const about = { issuer: LOGIN, jti: 'v', reasonId: 'r' };
  const statement = (type: string, seconds: number, id: string, data: JsonLine = {}): JsonLine =>
    cloudEvent(type, iso(seconds), { ...about, ...data }, { id });
  const token = (product: Product, asOf = end) => product.token({ jti: 'v', issuer: LOGIN }, asOf);

  async function inEitherOrder(lines: JsonLine[], check: (product: Product) => Promise<void>): Promise<void> {
    const answers = new Set<string>();
    for (const order of [lines, [...lines].reverse()])
      await withProduct(
        order.map((line): Input => [line]),
        async (product) => {
          await check(product);
          answers.add(JSON.stringify(await answersOf(product, end)));
        },
        ops,
      );
    expect(answers.size).toBe(1);
  }

  it.each<[string, JsonLine[], string]>([
    ['suspended and reinstated under one id', [statement('token.suspended', 10, 'a'), statement('token.reinstated', 20, 'a')], 'suspended'],
    ['reinstated under an id of its own', [statement('token.suspended', 10, 'a'), statement('token.reinstated', 20, 'b')], 'issued'],
    ['reinstated twice under one id at other times', [statement('token.suspended', 10, 'a'), statement('token.reinstated', 20, 'b'), statement('token.reinstated', 21, 'b')], 'suspended'],
    ['reinstated under a contested id and a good one', [statement('token.suspended', 10, 'a'), statement('token.reinstated', 20, 'b'), statement('token.reinstated', 21, 'b'), statement('token.reinstated', 22, 'c')], 'issued'],
    ['revoked and reinstated under one id', [statement('token.revoked', 10, 'a', { cause: 'x' }), statement('token.reinstated', 20, 'a')], 'revoked'],
    ['observed and compromised under one id', [statement('token.observed', 10, 'a'), statement('token.compromised', 20, 'a', { cause: 'x' })], 'compromised'],
  ])('lets the restrictive variants take effect in either order: %s', async (_what, lines, status) => {
    await inEitherOrder([statement('token.issued', 0, 'i'), ...lines], async (product) => {
      expect((await token(product)).status).toBe(status);
    });
  });

  it('lets no longer expiry of a conflicting id take effect, in either order', async () => {
    const grant = lineOf('okta', { uuid: 'one-id', 'target.0.id': 'AT.y' });
    const longer = vary(grant, { 'target.0.detailEntry.expires': '2026-03-10T12:00:00.000Z' });
    await inEitherOrder([grant, longer], async (product) => {
      expect((await product.token({ jti: 'AT.y', issuer: ORG }, end)).expiry.at).toBe(iso(3600));
      expect(await product.findings(end)).toMatchObject([{ kind: 'conflicting duplicate' }]);
    });
    await inEitherOrder([grant, longer, vary(longer, { uuid: 'other-id' })], async (product) => {
      expect((await product.token({ jti: 'AT.y', issuer: ORG }, end)).expiry.at).toBe(iso(3600));
    });
  });

  it('revokes whichever variant of the Okta case came first', async () => {
    const [issue, , revoke] = caseLines(OKTA) as [string, string, string];
    const answers = new Set<string>();
    for (const order of [[issue, revoke], [revoke, issue], [revoke, issue, revoke, issue]])
      await withProduct([order], async (product, [report]) => {
        expect(report).toMatchObject({ accepted: 1, conflicts: 1, events: 2 });
        expect((await product.token({ jti: 'AT.case10-1', issuer: ORG }, end)).status).toBe('revoked');
        answers.add(JSON.stringify(await answersOf(product, end)));
      });
    expect(answers.size).toBe(1);
  });

  const pay = caseRecord(APISIX, 1);
  it.each<[string, JsonLine[], Record<string, number>]>([
    ['three variants of one id', [pay, vary(pay, { 'response.status': 401 }), vary(pay, { 'response.status': 403 }), pay], { accepted: 1, conflicts: 2, duplicates: 1, events: 3 }],
    ['a copy with another latency', [pay, vary(pay, { latency: 13, apisix_latency: 3 })], { accepted: 1, duplicates: 1, events: 1 }],
    ['a copy with its status as text', [pay, vary(pay, { 'response.status': '200' })], { accepted: 1, duplicates: 1, events: 1 }],
    ['a copy with its keys in another order', [pay, Object.fromEntries(Object.entries(pay).reverse())], { accepted: 1, duplicates: 1, events: 1 }],
    ['the id again at another time', [pay, vary(pay, { start_time: T0 + 9000 })], { accepted: 2, events: 2 }],
    ['the id again at another host', [pay, vary(pay, { 'request.headers.host': 'other.example.com' })], { accepted: 2, events: 2 }],
    ['the id again at another gateway', [pay, vary(pay, { 'server.hostname': 'gw-apisix-9' })], { accepted: 2, events: 2 }],
    ['no ids, told apart by latency', [1, 2].map((latency) => vary(pay, { latency, 'request.headers.x-request-id': undefined })), { accepted: 2, events: 2 }],
    ['no ids, alike in all', [1, 1].map((latency) => vary(pay, { latency, 'request.headers.x-request-id': undefined })), { accepted: 1, duplicates: 1, events: 1 }],
  ])('counts %s', async (_what, lines, counts) => {
    await withProduct([lines], async (product, [report]) => {
      expect(report).toMatchObject({ records: lines.length, conflicts: 0, duplicates: 0, rejected: 0, ignored: 0, ...counts });
      expect(sumsUp(report!)).toBe(true);
      expect(await product.ingest(lines)).toMatchObject({ duplicates: lines.length, events: 0 });
      expect(await tokenFacts(product, 'apisix')).toHaveLength(counts['events']!);
    });
  });

  it('takes the whole as one array, as separate lines, and as gzip for the same records', () =>
    withProduct([caseBytes(APISIX)], async (product) => {
      const records = caseLines(APISIX).map((line) => JSON.parse(line) as JsonLine);
      expect(await product.ingest(JSON.stringify(records))).toMatchObject({ records: 7, duplicates: 7, events: 0 });
      const { gzipSync } = await import('node:zlib');
      expect(await product.ingest(gzipSync(caseBytes(APISIX)))).toMatchObject({ records: 7, duplicates: 7, events: 0 });
      expect(await product.ingest(`\ufeff${caseLines(APISIX).join('\r\n')}\r\n\r\n`)).toMatchObject({ records: 7, duplicates: 7, events: 0 });
    }));
});
