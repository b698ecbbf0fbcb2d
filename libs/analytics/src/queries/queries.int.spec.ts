import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { AnalyticsEngine } from '../engine.js';
import { migrate } from '../migrate.js';
import { engineForSpec } from '../testing-server/index.js';
import { readAuthority } from './authority.js';
import { namedQuery, queryCatalog } from './catalog.js';
import { Reader } from './reader.js';
import type { AnswerRow } from './rows.js';
import { runQuery } from './run-query.js';

/** Small histories whose right answers are known, each a tenant of its own. */
const NOW = Date.UTC(2026, 2, 10, 12);
const HOUR = 3_600_000;
const ISSUER = 'https://idp.example.com/realms/shop';
type Fact = Record<string, string | number>;
type Table = 'facts' | 'attributes' | 'speakers';

let folder: string;
let engine: AnalyticsEngine;
let reader: Reader;
let position = 0;
let inserts = 0;
const written: { table: Table; columns: string[]; rows: string }[] = [];

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'tally-queries-'));
  engine = await engineForSpec(folder);
  await migrate(engine);
  reader = await Reader.beside(engine);
});
afterAll(async () => {
  await reader.close();
  await engine.close();
  rmSync(folder, { recursive: true, force: true });
});

const name = (kind: string, text: string | number): string =>
  kind + createHash('sha256').update(`${kind} ${text}`).digest('hex').slice(1, 32);
const token = (n: string | number): string => name('2', n);

async function insert(table: Table, rows: readonly Fact[]): Promise<void> {
  const columns = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  const text = rows.map((row) => `${columns.map((column) => row[column] ?? '\\N').join('\t')}\n`).join('');
  written.push({ table, columns, rows: text });
  await engine.insert(table, columns, text, `test ${inserts++}`);
}

/** Facts of one batch. A use stands for itself alone. */
async function facts(tenant: string, rows: readonly Fact[]): Promise<void> {
  const batch = position + 1;
  await insert(
    'facts',
    rows.map(({ at, ...row }) => ({
      shape: Number.parseInt(createHash('sha256').update(JSON.stringify(row)).digest('hex').slice(0, 12), 16),
      ...{
        tenant,
        position: ++position,
        batch,
        recorded_month: 202603,
        time: at!,
        recorded_at: at!,
        first_at: at!,
        last_at: at!,
      },
      ...{
        source: 'kong',
        kind: 'token.validated',
        speaker: 2,
        uses: 0,
        data: '{}',
        gateway: '',
        region: '',
        version: '',
        api: '',
      },
      ...{
        issuer: '',
        outcome: '',
        reason: '',
        class: '',
        token_kind: '',
        cli: token(0),
        sub: token(0),
        fam: token(0),
        cause: '',
        shadow: 0,
      },
      ...row,
    })),
  );
}
const accepted = (n: number | string, at: number, version: string, more: Fact = {}): Fact => ({
  ...{ name: token(n), at, version, outcome: 'accepted', uses: 1, gateway: 'gw-a', region: 'eu', cli: name('7', 'x') },
  ...more,
});
const refused = (n: number | string, at: number, version: string, more: Fact = {}): Fact => ({
  ...accepted(n, at, version, { kind: 'token.rejected', outcome: 'refused', reason: 'kid', class: 'who', speaker: 3 }),
  ...more,
});
const speakers = (tenant: string): Promise<void> =>
  insert('speakers', [
    {
      tenant,
      speaker: 1,
      source: 'keycloak',
      kind: 'token.issued',
      issuer: 'keycloak:shop',
      issuer_known: 1,
      by_jti: 0,
    },
    { tenant, speaker: 2, source: 'kong', kind: 'token.validated', issuer: ISSUER, issuer_known: 1, by_jti: 0 },
    { tenant, speaker: 9, source: 'stranger', kind: 'token.issued', issuer: ISSUER, issuer_known: 1, by_jti: 0 },
  ]);

async function ask(query: string, tenant: string, given: Record<string, string> = {}): Promise<AnswerRow[]> {
  const context = { tenant, clock: NOW, authority: await readAuthority(engine, tenant) };
  return (await runQuery(reader, namedQuery(query), given, context)).rows;
}

describe('an incident of the large form', () => {
  const traffic = (share: (n: number) => Fact[]): Fact[] => Array.from({ length: 400 }, (_each, n) => share(n)).flat();
  const at = NOW - 2 * HOUR;

  it('is a canary that refuses more than the others in the same client and region', async () => {
    await facts('canary', [
      ...traffic((n) => [accepted(`old ${n}`, at - 2 * HOUR + n, 'v1', { cli: name('7', n % 2) })]),
      ...traffic((n) => [accepted(n, at + n, 'v1', { cli: name('7', n % 2) })]),
      ...traffic((n) => [(n % 10 === 0 ? refused : accepted)(`c${n}`, at + n, 'v2', { cli: name('7', n % 2) })]),
    ]);
    const rows = await ask('incidents', 'canary', { from: 'now-150m' });
    expect(rows).toMatchObject([
      {
        version: 'v2',
        form: 'large',
        tokens: 40,
        requests: 40,
        validations: 400,
        refused: 40,
        baselineValidations: 400,
        baselineRefused: 0,
        difference: 0.1,
        endAt: null,
      },
    ]);
    expect(Number(rows[0]!['pValue'])).toBeLessThan(0.001);
  });

  it.each<[string, Fact]>([
    ['may you', { class: 'may', reason: 'scope' }],
    ['a dark launch', { shadow: 1 }],
  ])('is none of refusals that are %s', async (what, more) => {
    const tenant = what.replaceAll(' ', '-');
    await facts(tenant, [
      ...traffic((n) => [accepted(n, at - HOUR / 2 + n, 'v1')]),
      ...traffic((n) => [n % 10 === 0 ? refused(n, at + n, 'v2', more) : accepted(n, at + n, 'v2')]),
    ]);
    expect(await ask('incidents', tenant, { from: 'now-150m' })).toEqual([]);
    expect(await ask('rejections', tenant)).toEqual([]);
    const [use] = await ask('use', tenant, { by: 'version', step: 'day', api: 'any' });
    expect(use).toMatchObject({ refused: 0 });
  });

  it('is none where the canary has but another share of a client that both refuse', async () => {
    const bad = { cli: name('7', 'bad') };
    const good = { cli: name('7', 'good') };
    await facts('cohort', [
      ...traffic((n) => [n < 40 ? refused(`b${n}`, at + n, 'v1', bad) : accepted(`b${n}`, at + n, 'v1', good)]),
      ...traffic((n) => [n < 360 ? refused(`c${n}`, at + n, 'v2', bad) : accepted(`c${n}`, at + n, 'v2', good)]),
    ]);
    expect(await ask('incidents', 'cohort', { from: 'now-150m' })).toEqual([]);
  });
});

describe('an incident of the small form', () => {
  const at = NOW - HOUR;
  const six = [1, 2, 3, 4, 5, 6];

  it('ends with the first recovery, and holds its tokens', async () => {
    await facts('small', [
      ...six.map((n) => accepted(n, at - 60_000 + n, 'v1')),
      ...six.map((n) => refused(n, at + n * 1000, 'v2')),
      ...six.slice(0, 5).map((n) => accepted(n, at + 240_000 + n * 1000, 'v2')),
    ]);
    expect(await ask('incidents', 'small')).toMatchObject([
      {
        form: 'small',
        tokens: 6,
        requests: 6,
        refusedBefore: 0,
        recovered: 5,
        unresolved: 1,
        reasons: ['kid'],
        startAt: new Date(at + 1000).toISOString(),
        endAt: new Date(at + 241_000).toISOString(),
      },
    ]);
  });

  it.each<[string, Fact[]]>([
    ['one that came over was accepted meanwhile', [accepted(7, at - 60_000, 'v1'), accepted(7, at + 3500, 'v2')]],
    ['they had been refused just before', six.map((n) => refused(n, at - 30_000 + n, 'v1'))],
    ['they had been revoked', six.map((n) => ({ name: token(n), at: at - 1000, kind: 'token.revoked', speaker: 1 }))],
    ['they work under the version', six.map((n) => accepted(n, at + n, 'v2'))],
  ])('is none where %s', async (what, more) => {
    const tenant = what.replaceAll(' ', '-');
    await facts(tenant, [
      ...six.map((n) => accepted(n, at - 60_000 + n, 'v1')),
      ...six.map((n) => refused(n, at + n * 1000, 'v2')),
      ...more,
    ]);
    expect(await ask('incidents', tenant)).toEqual([]);
  });
});

describe('issuance, expiry and ends', () => {
  const at = NOW - 3 * HOUR;
  const issued = (n: number, more: Fact = {}): Fact => ({
    ...{
      name: token(n),
      at: at + n,
      kind: 'token.issued',
      source: 'keycloak',
      speaker: 1,
      issuer: ISSUER,
      token_kind: 'access',
    },
    ...more,
  });

  it('count each token once, and none that a stranger claims', async () => {
    await speakers('issuing');
    await facts(
      'issuing',
      [1, 2, 3].map((n) => issued(n)),
    );
    await facts('issuing', [issued(3), issued(4, { source: 'stranger', speaker: 9 })]);
    expect(await ask('tokens-issued', 'issuing', { by: 'kind' })).toMatchObject([{ series: 'access', tokens: 3 }]);
  });

  it('expire at the latest renewal, else at what the issuer says, unless ended before', async () => {
    await speakers('expiring');
    const exp = (n: number, speaker: number, expAt: number): Fact => ({
      ...{
        tenant: 'expiring',
        name: token(n),
        speaker,
        said: n * 10 + speaker,
        position: n,
        exp_kind: 'at',
        exp_at: expAt,
        token_kind: 'access',
      },
    });
    await insert(
      'attributes',
      [1, 2, 3, 4].map((n) => exp(n, 1, at + HOUR)),
    );
    await insert('attributes', [exp(1, 2, at + 90 * HOUR), exp(4, 9, at + 90 * HOUR)]);
    await facts('expiring', [
      {
        name: token(2),
        at: at + 1000,
        kind: 'token.renewed',
        source: 'keycloak',
        speaker: 1,
        exp_kind: 'at',
        exp_at: at + 50 * HOUR,
      },
      { name: token(3), at: at + 1000, kind: 'token.revoked', source: 'keycloak', speaker: 1, cause: 'logout' },
    ]);
    expect(await ask('tokens-expired', 'expiring')).toMatchObject([{ series: 'access', expired: 2, endedBefore: 1 }]);
    expect(await ask('tokens-invalidated', 'expiring')).toMatchObject([{ series: 'logout', tokens: 1, statements: 1 }]);
    const [first] = await ask('forecast', 'expiring', { now: String(at) });
    expect(first).toMatchObject({ expected: 0, knownAhead: 0 });
  });
});

it('the forecast takes the method that was right, and says how wrong it was', async () => {
  const week = (weeks: number): Fact[] =>
    Array.from({ length: 168 }, (_each, hour) => hour).flatMap((hour) =>
      Array.from({ length: (hour * 7) % 11 }, (_one, n) => ({
        ...{
          name: token(`${weeks} ${hour} ${n}`),
          kind: 'token.renewed',
          source: 'keycloak',
          speaker: 1,
          issuer: ISSUER,
        },
        at: NOW - (weeks * 168 - hour) * HOUR + n,
      })),
    );
  await facts('weekly', [1, 2, 3, 4].flatMap(week));
  const rows = await ask('forecast', 'weekly', { what: 'renewals', hours: '24' });
  expect(rows.map((row) => row['expected'])).toEqual(Array.from({ length: 24 }, (_each, hour) => (hour * 7) % 11));
  expect(rows[0]).toMatchObject({ method: 'same hour a week ago', errorPastWeek: 0, at: new Date(NOW).toISOString() });
});

it('a source is silent after five median gaps, not before, and not when all are', async () => {
  const minutes = (source: string, every: number, until: number): Fact[] =>
    Array.from({ length: 20 }, (_each, n) => accepted(n, until - n * every * 60_000, 'v1', { source }));
  await facts('silence', [
    ...minutes('kong', 1, NOW - HOUR),
    ...minutes('okta', 10, NOW - HOUR - 1_200_000),
    ...minutes('envoy', 1, NOW - HOUR - 301_000),
  ]);
  const rows = await ask('silent-sources', 'silence');
  expect(rows.map(({ source, silent }) => [source, silent])).toEqual([
    ['envoy', true],
    ['okta', false],
    ['kong', false],
  ]);
});

it('a leak leads to the tokens of a client at a gateway within a time, and to no others', async () => {
  const leaked = { cli: name('7', 'leaky') };
  await facts('leak', [
    accepted(1, NOW - HOUR, 'v1', leaked),
    accepted(2, NOW - HOUR, 'v1', { ...leaked, gateway: 'gw-b' }),
    accepted(3, NOW - HOUR, 'v1'),
    accepted(4, NOW - 50 * HOUR, 'v1', leaked),
  ]);
  await insert(
    'attributes',
    [1, 2, 4].map((n) => ({
      tenant: 'leak',
      name: token(n),
      speaker: 2,
      said: n,
      position: n,
      cli: name('7', 'leaky'),
      sub: name('6', n),
    })),
  );
  const rows = await ask('leak', 'leak', { client: name('7', 'leaky'), gateway: 'gw-a' });
  expect(rows).toMatchObject([
    { token: token(1), client: name('7', 'leaky'), subject: name('6', 1), uses: 1, gateways: ['gw-a'], live: true },
  ]);
  expect((await ask('leak', 'leak', { client: name('7', 'leaky') })).map((row) => row['token']).sort()).toEqual(
    [token(1), token(2)].sort(),
  );
  expect(await ask('leak', 'leak', { subject: name('6', 2), gateway: 'gw-a' })).toEqual([]);
});

describe('parameters', () => {
  it.each<[Record<string, string>, string, RegExp]>([
    [{ stp: 'hour' }, 'stp', /not a parameter/],
    [{ step: 'week' }, 'step', /is one of minute, hour, day/],
    [{ from: 'yesterday' }, 'from', /ISO 8601/],
    [{ from: 'now-3' }, 'from', /^now|duration|./],
    [{ client: 'eyJ' }, 'client', /32 hex digits/],
  ])('%j is refused by name', async (given, parameter, reason) => {
    const asked = ask('use', 'none', given);
    if (parameter === 'from' && given['from'] === 'now-3') await expect(asked).resolves.toEqual([]);
    else
      await expect(asked).rejects.toMatchObject({
        code: 'TALLY_BAD_PARAMETER',
        facts: { parameter, reason: expect.stringMatching(reason) },
      });
  });

  it('an unknown query is told with the nearest names', () => {
    expect(() => namedQuery('incidnts')).toThrow(
      expect.objectContaining({ code: 'TALLY_UNKNOWN_QUERY', remedy: expect.stringContaining('incidents') }),
    );
  });
});

it('a batch that comes twice changes no answer, also when its token was forgotten', async () => {
  const tenants = ['canary', 'small', 'issuing', 'expiring', 'weekly', 'silence', 'leak'];
  const all = async (): Promise<unknown> => {
    const answers: unknown[] = [];
    for (const tenant of tenants)
      for (const query of queryCatalog().keys())
        answers.push([tenant, query, await ask(query, tenant, query === 'leak' ? { gateway: 'gw-a' } : {})]);
    return answers;
  };
  const before = await all();
  for (const { table, columns, rows } of written) await engine.insert(table, columns, rows, `again ${inserts++}`);
  expect(await all()).toEqual(before);
});
