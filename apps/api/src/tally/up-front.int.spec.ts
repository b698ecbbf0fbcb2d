import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { TallyError } from '#platform';
import { lineOf } from '../cases/lines.js';
import { after, type JsonLine, Product, sha256, T0 } from '../cases/product.js';
import type { Params, QuestionName } from './questions.js';

/** What is mistyped is told before anything is read or recorded, or beside what was done. */

const SHOP = 'https://shop.example.com/';
const end = after(700);
const hash = sha256('a token of two jtis');

let product: Product;
beforeAll(async () => {
  product = await Product.open();
  const shown = (jti: string, seconds: number): JsonLine =>
    lineOf('kong', { started_at: T0 + seconds * 1000, token_jti: jti, token_iss: SHOP, token_sha256: hash });
  await product.ingest([shown('a', 0), shown('b', 60), lineOf('kong', { started_at: T0, token_jti: 'lone' })]);
});
afterAll(() => product.close());

async function refusal(done: Promise<unknown>): Promise<Pick<TallyError, 'code' | 'message'>> {
  try {
    await done;
  } catch (error) {
    const { code, message } = error as TallyError;
    return { code, message };
  }
  throw new Error('was not refused');
}
const asked = (question: QuestionName, params: object): Promise<unknown> =>
  product.value(question, params as Params<QuestionName>);
const head = async (): Promise<unknown> =>
  ((await product.value<Record<string, Record<string, unknown>>>('status', {}))['knownAt'] ?? {})['position'];

describe('a mistyped source', () => {
  it('is refused with the names there are, without its own text, and nothing becomes a dead letter', async () => {
    const refused = await refusal(product.ingest('{"a":1}\n', 'kongg-eyJhbGciOiJub25lIn0'));
    expect(refused.code).toBe('TALLY_WRONG_USE');
    expect(refused.message).toMatch(/auto.*kong.*apisix.*cdevents/);
    expect(refused.message).not.toContain('kongg');
    expect((await product.rows('deadletters.list', {})).rows).toEqual([]);
    for (const inherited of ['constructor', '__proto__', '', 'tally'])
      expect((await refusal(product.ingest('{}\n', inherited))).code).toBe('TALLY_WRONG_USE');
  });

  it('is not distrusted if it may be a token; one that is unknown is, with a note', async () => {
    const by = ['ada', 'grace'];
    const before = await head();
    for (const source of ['eyJhbGciOiJub25lIn0.eyJhIjoxfQ.c2ln', 'a b', 'x'.repeat(65)]) {
      const refused = await refusal(asked('source.distrust', { source, by }));
      expect(refused.code).toBe('TALLY_WRONG_USE');
      expect(refused.message).not.toContain(source);
    }
    expect(await head()).toBe(before);
    expect(await asked('source.distrust', { source: 'tyk', by })).toMatchObject({
      notes: [expect.stringMatching(/no fact of tyk/)],
    });
    expect(await asked('source.distrust', { source: 'kong', by, to: '2020-01-01T00:00:00Z' })).toMatchObject({
      notes: [],
    });
  });
});

describe('a token that shows two jtis', () => {
  it('is found by its hash and its name: both jtis, and the history of both', async () => {
    const both = await product.value<{ jti: string }[]>('token.show', { sha256: hash, asOf: end });
    expect(both.map(({ jti }) => jti).sort()).toEqual(['a', 'b']);
    const { rows } = await product.rows('token.history', { sha256: hash });
    const used = rows.filter((row) => row['type'] === 'token.validated');
    const tok = (used[0]!['names'] as Record<string, string>)['tok']!;
    expect(used).toHaveLength(2);
    expect(await product.value('token.show', { name: tok, asOf: end })).toHaveLength(2);
    expect((await product.findings(end, { rule: 'd17', token: tok })).map(({ rule }) => rule)).toEqual(['D17']);
  });

  it('has a history that ends at T', async () => {
    const times = async (asOf?: string): Promise<unknown[]> =>
      (await product.rows('token.history', { sha256: hash, ...(asOf && { asOf }) })).rows.map(
        (row) => row['effectiveAt'],
      );
    const all = await times();
    const early = await times(after(30));
    expect(early.length).toBeGreaterThan(0);
    expect(all.length).toBeGreaterThan(early.length);
    for (const time of early) expect(Date.parse(String(time))).toBeLessThanOrEqual(T0 + 30_000);
  });
});

describe('questions about what is not there', () => {
  it('say so: rules, tokens and tenants', async () => {
    expect(await refusal(product.findings(end, { rule: 'D5' }))).toMatchObject({
      code: 'TALLY_WRONG_USE',
      message: expect.stringMatching(/D1, D2, .*issuer-spelling/),
    });
    expect(await product.findings(end, { rule: 'Refresh Token Reuse' })).toEqual([]);
    const unknown = await refusal(product.findings(end, { token: '20182a212524b11d12d52920a7213f20' }));
    expect(unknown.code).toBe('TALLY_NOT_FOUND');
    for (const question of ['state', 'findings', 'status', 'export', 'settings.show', 'deadletters.list'] as const)
      expect((await refusal(asked(question, { tenant: 'acme' }))).code).toBe('TALLY_UNKNOWN_TENANT');
    await asked('settings.declare', { tenant: 'acme', settings: { sources: { edge: { format: 'kong' } } } });
    expect(await asked('status', { tenant: 'acme' })).toMatchObject({ tenant: 'acme' });
  });

  it('say so: versions that are not active, and persons that nothing names', async () => {
    const step = { component: 'gateway', version: 'v7' };
    const before = await head();
    expect((await refusal(asked('deployment.deactivate', step))).code).toBe('TALLY_NOT_FOUND');
    expect(await head()).toBe(before);
    await asked('deployment.activate', { ...step, at: '2026-03-10T09:00:00Z' });
    const off = { ...step, at: '2026-03-10T10:00:00Z' };
    // The same once more, as after a broken connection, is no mistake.
    for (const _again of [1, 2]) await asked('deployment.deactivate', off);
    expect((await refusal(asked('deployment.deactivate', step))).code).toBe('TALLY_NOT_FOUND');
    await asked('deployment.deactivate', { ...step, version: '*' });
    expect(await asked('subject.erase', { issuer: SHOP, subject: 'nobody' })).toMatchObject({
      notes: [expect.stringMatching(/nothing in the ledger names this person/)],
    });
    const { rows } = await product.rows('token.history', { sha256: hash });
    const name = rows.map((row) => (row['names'] as Record<string, string>)['sub']).find((sub) => sub !== undefined)!;
    expect(await asked('subject.erase', { name })).toMatchObject({ notes: [] });
  });
});

describe('the end of a state', () => {
  it('names the version that was asked about, and tells counts of the whole alone', async () => {
    const { end: told } = await product.rows('state', {
      projection: 'effective',
      asOf: 'version:v7',
      component: 'gateway',
    });
    expect(told).toMatchObject({ asOf: { version: 'v7', component: 'gateway', contract: false }, tokens: 3 });
    const { end: partial } = await product.rows('state', { asOf: end, after: '0' });
    expect(partial).not.toHaveProperty('tokens');
    expect(partial).not.toHaveProperty('digest');
  });
});
