import { describe, expect, it } from '@jest/globals';
import { generateBenchLines } from '#sources';
import { lineOf } from './lines.js';
import { caseLines, CASE_FILES, iso, Product, seeded, sha256, type Row } from './product.js';

/** Naming secrets that are rotated while lines come in: the answers are those of one secret, but for the names. */

const INSTANTS = ['time:2026-03-10T09:00:20Z', 'time:2026-03-10T23:00:00Z'];
const LINES = [
  ...CASE_FILES.flatMap((file) => caseLines(file)),
  ...[...generateBenchLines({ seed: 'rotation', records: 300, keycloakShare: 0.3 })].map(({ line }) => line),
];

/** What things were called first: through every rename, back to its beginning. */
async function firstNames(product: Product): Promise<(text: string) => string> {
  const before = new Map<string, string>();
  const known = new Set<string>();
  for (const { type, data, ...rest } of await product.export()) {
    for (const name of JSON.stringify([data, rest]).match(/(?<=")[1-9a][0-9a-f]{31}(?=")/g) ?? []) known.add(name);
    if (!String(type).includes('renamed')) continue;
    const { from, to } = data as { from: string; to: string };
    // A name has one older name for each version: the oldest is the first.
    const other = before.get(to);
    if (other === undefined || from[1]! < other[1]!) before.set(to, from);
  }
  const first = (name: string): string => before.get(name) ?? name;
  // Parts that no tok names share half of their name with their jti (ADR 0003).
  const halves = new Map([...known].map((name) => [name.slice(0, 16), first(name).slice(0, 16)]));
  return (name) => (known.has(name) ? first(name) : `part of ${halves.get(name.slice(0, 16)) ?? name}`);
}

async function answers(product: Product, asOf: string): Promise<unknown> {
  const first = await firstNames(product);
  const { rows } = await product.state(asOf);
  const families = new Map<string, string[]>();
  const states = rows.map(({ name, status, flags, endedAt, expiry, family }) => {
    if (family !== '-') families.set(String(family), [...(families.get(String(family)) ?? []), first(String(name))]);
    return [first(String(name)), status, flags, endedAt, expiry].join(' ');
  });
  const findings = (await product.findings(asOf)).map(({ rule, kind, severity, provisional, gateway, tokens }) =>
    [rule, kind, severity, provisional, gateway, ...tokens.map(first).sort()].join(' '),
  );
  const plan = await product.plan('v42', 'v41', asOf);
  const decisions = plan.decisions.map(({ token, decision, steps, reasons }) =>
    [first(token), decision, ...steps, ...reasons.map(({ rule }) => rule)].join(' '),
  );
  return {
    states: states.sort(),
    families: [...families.values()].map((members) => members.sort().join(' ')).sort(),
    findings: findings.sort(),
    decisions: decisions.sort(),
    counts: plan.counts,
    verdict: plan.verdict,
  };
}

const rotate = (product: Product): Promise<unknown> => product.value('secrets.rotate', {});

describe('naming secrets rotated at any point', () => {
  it.each([1, 2, 3, 4])('give the answers of one secret (%d)', async (seed) => {
    const random = seeded(seed);
    const at = [0, 0].map(() => Math.floor(random() * LINES.length)).sort((a, b) => a - b) as [number, number];
    const [plain, rotated] = [await Product.open(), await Product.open()];
    try {
      await plain.ingest(LINES);
      await rotated.ingest(LINES.slice(0, at[0]));
      await rotate(rotated);
      await rotated.ingest(LINES.slice(at[0], at[1]));
      await rotate(rotated);
      await rotated.restart();
      await rotated.ingest(LINES.slice(at[1]));
      for (const instant of INSTANTS) expect(await answers(rotated, instant)).toEqual(await answers(plain, instant));
    } finally {
      await plain.close();
      await rotated.close();
    }
  });

  it('leave what comes again a duplicate, with and without ids of its own, and rename what it names', async () => {
    const product = await Product.open();
    try {
      const before = await product.ingest(LINES);
      const stated = (await product.export()).length;
      await rotate(product);
      const again = await product.ingest(LINES);
      const { accepted, duplicates, conflicts } = before;
      expect(again).toMatchObject({ accepted: 0, conflicts: 0, duplicates: accepted + duplicates + conflicts });
      // The same once more states no rename twice.
      expect((await product.ingest(LINES)).events).toBe(0);
      const added = (await product.export()).slice(stated);
      const renames = added.filter(({ type }) => String(type).includes('renamed'));
      expect(new Set(renames.map(({ data }) => JSON.stringify(data))).size).toBe(renames.length);
      expect(renames.length).toBeGreaterThan(300);
      expect(added.filter(({ type }) => !/renamed|aliased|source\.closed/.test(String(type)))).toEqual([]);
    } finally {
      await product.close();
    }
  });

  it('give the same states out of ClickHouse and out of the ledger', async () => {
    const product = await Product.open();
    try {
      await product.ingest(LINES.slice(0, 250));
      await rotate(product);
      await product.ingest(LINES.slice(200));
      const fromLedger = await product.rows('state', { asOf: INSTANTS[1]! });
      await product.settle();
      const settled = await product.rows('state', { asOf: INSTANTS[1]! });
      expect(settled.end['digest']).toBe(fromLedger.end['digest']);
      expect(fromLedger.end['from']).toBe('ledger');
    } finally {
      await product.close();
    }
  });

  it('a raw token, a digest and a jti find what was named before, and what was named after', async () => {
    const token = 'opaque-token-of-a-rotation-test-0123456789';
    const line = (seconds: number) =>
      lineOf('kong', { 'request.headers.authorization': `Bearer ${token}`, started_at: Date.parse(iso(seconds)) });
    const product = await Product.open();
    try {
      await product.ingest([line(1)], 'kong');
      const before = await product.token({ sha256: sha256(token) }, INSTANTS[1]!);
      await rotate(product);
      expect(await product.token({ sha256: sha256(token) }, INSTANTS[1]!)).toMatchObject({ name: before.name });
      await product.ingest([line(2)], 'kong');
      const after = await product.token({ sha256: sha256(token) }, INSTANTS[1]!);
      expect(after.name).not.toBe(before.name);
      expect(await product.token({ name: before.name }, INSTANTS[1]!)).toEqual(after);
      expect(await product.history(before.name, INSTANTS[1]!)).toHaveLength(
        (await product.history(after.name, INSTANTS[1]!)).length,
      );
    } finally {
      await product.close();
    }
  });
});

describe('an old version', () => {
  const jwt = { iss: 'https://idp.example.com/realms/shop', sub: 'u-1', aud: 'invoices-api', client_id: 'shop-app' };
  /** A use of a token, with its claims verified. */
  const use = (jti: string, seconds: number, claims: Row) =>
    lineOf('envoy', {
      start_time: iso(seconds),
      token_sha256: sha256(jti),
      'jwt.verified_jwt': { ...jwt, jti, iat: Date.parse(iso(0)) / 1000, ...claims },
    });
  const retire = (product: Product): Promise<Row> => product.value('secrets.retire', { version: 0 });
  const [past, future] = [Date.parse(iso(600)) / 1000, Date.parse('2026-03-12T00:00:00Z') / 1000];

  it.each<[string, Row, RegExp | undefined]>([
    ['is retired when all that it named has expired', { exp: past }, undefined],
    ['is kept while a token lives', { exp: future }, /longest-living does at 2026-03-12T00:00:00.000Z/],
    ['is kept for ever by a token without expiry', {}, /no known expiry/],
  ])('%s', async (_what, claims, reason) => {
    const product = await Product.open();
    try {
      await product.ingest([use('t-1', 1, claims)], 'envoy');
      await expect(retire(product)).rejects.toThrow(/names what comes in/);
      await rotate(product);
      await product.restart();
      if (reason === undefined) expect(await retire(product)).toMatchObject({ retired: 0, held: [1] });
      else {
        await expect(retire(product)).rejects.toThrow(reason);
        // Seen again, it has a new name, and the old secret is needed no more.
        await product.ingest([use('t-1', 2, claims)], 'envoy');
        expect(await retire(product)).toMatchObject({ held: [1] });
      }
      await product.restart();
      expect((await product.rows('secrets.list', {})).rows).toMatchObject([{ version: 1 }]);
      await expect(retire(product)).rejects.toMatchObject({ code: 'TALLY_NO_SUCH_SECRET_VERSION' });
      expect((await product.ingest([use('t-1', 3, claims)], 'envoy')).accepted).toBe(1);
      const { rows } = await product.state(INSTANTS[1]!);
      // Before it was retired, one token; a token that had expired may come as another one.
      expect(rows).toHaveLength(reason === undefined ? 2 : 1);
    } finally {
      await product.close();
    }
  });

  it('is kept while an erased person is recognised by it alone', async () => {
    const product = await Product.open();
    try {
      await product.ingest([use('t-1', 1, { exp: past })], 'envoy');
      await product.value('subject.erase', { issuer: jwt.iss, subject: 'u-1' });
      await rotate(product);
      await expect(retire(product)).rejects.toThrow(/1 erased persons/);
    } finally {
      await product.close();
    }
  });

  it('carries an erasure over, in either order: nothing personal is kept of a person under any name', async () => {
    const product = await Product.open();
    const kept = async (): Promise<unknown[]> => {
      const personal: unknown[] = [];
      for (const { name } of (await product.state(INSTANTS[1]!)).rows)
        for (const entry of await product.history(String(name), INSTANTS[1]!, true))
          if (entry['personal'] !== undefined) personal.push(entry['personal']);
      return personal;
    };
    try {
      await product.ingest([use('t-1', 1, { exp: past })], 'envoy');
      expect(await kept()).toEqual([expect.objectContaining({ subject: 'u-1' })]);
      await rotate(product);
      await product.ingest([use('t-2', 2, { exp: past })], 'envoy');
      expect(await kept()).toHaveLength(2);
      // Erased after boxes were sealed under two names.
      const erased = await product.value<{ erased: string[] }>('subject.erase', { issuer: jwt.iss, subject: 'u-1' });
      expect(erased.erased).toHaveLength(2);
      expect(await kept()).toEqual(['erased', 'erased']);
      // And a rotation after an erasure: what comes later is dropped as well.
      await rotate(product);
      await product.restart();
      await product.ingest([use('t-3', 3, { exp: past })], 'envoy');
      expect(await kept()).toEqual(['erased', 'erased']);
      expect(await retire(product)).toMatchObject({ held: [2, 1] });
    } finally {
      await product.close();
    }
  });

  it('is named by a person’s old name, too: an erasure reaches all of them', async () => {
    const product = await Product.open();
    try {
      await product.ingest([use('t-1', 1, { exp: past })], 'envoy');
      await rotate(product);
      await product.ingest([use('t-2', 2, { exp: past })], 'envoy');
      const all = await product.value<{ erased: string[] }>('subject.erase', { issuer: jwt.iss, subject: 'u-1' });
      for (const name of all.erased)
        expect((await product.value<{ erased: string[] }>('subject.erase', { name })).erased.sort()).toEqual(
          all.erased.sort(),
        );
    } finally {
      await product.close();
    }
  });
});
