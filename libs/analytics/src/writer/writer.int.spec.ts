import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EmbeddedLedger, LedgerScan } from '#ledger';
import {
  Links,
  Resolver,
  settingsSchema,
  streamOf,
  storedJson,
  type Name,
  type ObservationType,
  type RecordedFact,
} from '#lifecycle';
import { fact, ISSUER, named, SECOND, T0 } from '../../../lifecycle/src/testing.js';
import type { AnalyticsEngine } from '../engine.js';
import { migrate, planMigrations, readMigrations } from '../migrate.js';
import { engineForSpec } from '../testing-server/index.js';
import { readBatch } from './batch.js';
import { AnalyticsWriter } from './follower.js';
import { BatchJournal } from './journal.js';

const directory = mkdtempSync(join(tmpdir(), 'tally-writer-'));
let engine: AnalyticsEngine;
let databases = 0;

beforeAll(async () => {
  engine = await engineForSpec(join(directory, 'clickhouse'));
});
afterAll(async () => {
  await engine.close();
  rmSync(directory, { recursive: true });
});

/** A ledger of its own with these facts, each a batch of the ledger, and a database of its own. */
async function ledgerOf(facts: readonly RecordedFact[], recordedAt: (index: number) => number = () => 1.8e12) {
  const number = ++databases;
  const file = join(directory, `ledger-${number}.sqlite`);
  let index = 0;
  const ledger = EmbeddedLedger.open(file, { access: 'write', clock: () => recordedAt(index) });
  const put = async (each: RecordedFact): Promise<void> => {
    const { type, tenant, subject } = each;
    const hex = (index + 1).toString(16).padStart(12, '0');
    const record = { key: hex.padStart(32, '1'), digest: hex.padStart(32, '2'), ordinal: 0 };
    const data = storedJson({ ...each, record });
    const stream = streamOf(type.slice('tallystick.'.length, -'.v1'.length) as ObservationType, tenant, subject);
    await ledger.append(
      stream,
      [{ id: `00000000-0000-4000-8000-${hex}`, type, data, metadata: '{"links":true}' }],
      'any',
    );
    index++;
  };
  for (const each of facts) await put(each);
  const scan = LedgerScan.open(file);
  const own = engine.over(`writer_${number}`);
  await migrate(own);
  const journal = BatchJournal.open(join(directory, `journal-${number}.sqlite`), own.database);
  const close = async (): Promise<void> => {
    journal.close();
    scan.close();
    await ledger.close();
    await own.command('DROP DATABASE {db} SYNC');
  };
  const writer = (batchEvents: number): AnalyticsWriter =>
    new AnalyticsWriter(own, scan, journal, () => 1.8e12, batchEvents);
  return { engine: own, ledger, put, scan, journal, writer, close };
}

const use = (jti: string, at: number): RecordedFact =>
  fact('token.validated', {
    at,
    names: { jti, sub: 's0' },
    data: { issuer: ISSUER, verified: true },
    source: 'kong',
    gateway: 'gw-a',
  });

const COUNTED = ['facts', 'rollup_minute', 'token_minutes'] as const;
async function counts(own: AnalyticsEngine): Promise<number[]> {
  const out: number[] = [];
  for (const table of COUNTED) {
    const what = table === 'facts' ? 'count()' : 'sum(facts)';
    const [row] = await own.rows<{ n: number }>(`SELECT ${what} AS n FROM {db}.${table} FINAL`);
    out.push(row!.n);
  }
  return out;
}

describe('batches', () => {
  const months = [Date.UTC(2026, 0, 31, 23), Date.UTC(2026, 1, 1)];

  it('end at a month border, at their size, and behind a change of settings', async () => {
    const facts = [use('j0', 1), use('j1', 2), use('j2', 3), use('j3', 4)];
    const settled = fact('settings.declared', {
      at: 5,
      names: {},
      data: { settings: {} },
      source: 'tally',
      subject: 'default',
    });
    const { scan, close } = await ledgerOf([...facts, settled, use('j4', 6)], (i) => months[i < 2 ? 0 : 1]!);
    const bounds = [];
    for (let at = 0; ;) {
      const batch = readBatch(scan, at, { events: 2 });
      if (batch === undefined) break;
      bounds.push(batch.bounds);
      at = batch.bounds.end;
    }
    expect(bounds).toEqual([
      { start: 1, end: 2 },
      { start: 3, end: 4 },
      { start: 5, end: 5 },
      { start: 6, end: 6 },
    ]);
    await close();
  });

  it('are there once, whatever was forgotten: the journal, the token, the row that says that it is there', async () => {
    const facts = Array.from({ length: 25 }, (_, i) => use(`j${i % 3}`, i * SECOND));
    const { engine: own, writer, journal, close } = await ledgerOf(facts);
    expect(await writer(10).catchUp()).toMatchObject({ reached: 25n, facts: 25 });
    const once = await counts(own);
    expect(once).toEqual([25, 25, 25]);
    // A crash before the last row of a batch: the journal still has its bounds.
    await own.command('ALTER TABLE {db}.batches DELETE WHERE start = 21 SETTINGS mutations_sync = 2');
    journal.begin({ start: 21, end: 25 });
    expect(await writer(3).catchUp()).toMatchObject({ reached: 25n, facts: 5 });
    expect(await counts(own)).toEqual(once);
    // Everything anew under tokens that were never seen.
    await own.command('TRUNCATE TABLE {db}.batches');
    await writer(7).catchUp();
    const [facts2] = await counts(own);
    expect(facts2).toBe(25);
    await close();
  });
});

describe('intervals', () => {
  it('are those that are declared, else those that were seen, and go when they hold no more', async () => {
    const seen = (version: string, at: number): RecordedFact => ({ ...use('j0', at), version });
    const declared = (version: string, at: number): RecordedFact =>
      fact('deployment.activated', { at, names: {}, data: { component: 'gateway', version }, source: 'tally' });
    const facts = [seen('v1', 1), seen('v1', 9), seen('v2', 20), declared('v1', 0), declared('v2', 15)];
    const { engine: own, writer, ledger, put, close } = await ledgerOf(facts.slice(0, 3));
    const told = async (): Promise<unknown> =>
      own.rows(`SELECT version, from_at - ${T0} AS on, if(to_at = 9223372036854775807, -1, to_at - ${T0}) AS off, inferred
        FROM {db}.intervals FINAL ORDER BY version`);
    await writer(10).catchUp();
    expect(await told()).toEqual([
      { version: 'v1', on: 1, off: 10, inferred: 1 },
      { version: 'v2', on: 20, off: 21, inferred: 1 },
    ]);
    for (const each of facts.slice(3)) await put(each);
    expect(await ledger.head()).toBe(5n);
    await writer(10).catchUp();
    const declaredOnes = [
      { version: 'v1', on: 0, off: 15, inferred: 0 },
      { version: 'v2', on: 15, off: -1, inferred: 0 },
    ];
    expect(await told()).toEqual(declaredOnes);
    await writer(10).catchUp();
    expect(await told()).toEqual(declaredOnes);
    await close();
  });
});

describe('migrations', () => {
  it('are planned, applied once, and refused where their history was edited or is newer', async () => {
    const own = engine.over('migrations');
    const known = readMigrations();
    expect(await planMigrations(own)).toEqual({ applied: [], pending: known.map(({ id }) => id) });
    await migrate(own);
    expect(await planMigrations(own)).toEqual({ applied: known.map(({ id }) => id), pending: [] });
    expect((await migrate(own)).pending).toEqual([]);
    const edited = known.map((each, i) => (i === 1 ? { ...each, checksum: 'other' } : each));
    await expect(migrate(own, edited)).rejects.toMatchObject({ code: 'TALLY_EDITED_MIGRATION' });
    await expect(migrate(own, known.slice(0, 2))).rejects.toMatchObject({ code: 'TALLY_NEWER_SCHEMA' });
    await own.command('DROP DATABASE {db} SYNC');
  });

  it('go on where a crash left them', async () => {
    const own = engine.over('half_migrated');
    const known = readMigrations();
    await migrate(own, known.slice(0, 1));
    await own.command(known[1]!.statements[0]!);
    await migrate(own);
    expect((await planMigrations(own)).pending).toEqual([]);
    await own.command('DROP DATABASE {db} SYNC');
  });
});

describe('family labels', () => {
  const token = fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f', 'g');
  const edge = fc.record({
    token,
    fam: fc.option(fc.constantFrom('f0', 'f1', 'f2'), { nil: undefined }),
    parent: fc.option(token, { nil: undefined }),
    // Of an issuer that its source may not speak for: without effect.
    claimed: fc.boolean(),
  });
  const factOfEdge = ({
    token: jti,
    fam,
    parent,
    claimed,
  }: {
    token: string;
    fam: string | undefined;
    parent: string | undefined;
    claimed: boolean;
  }) =>
    fact('token.issued', {
      at: 1,
      names: { jti, ...(fam !== undefined && { fam }) },
      data: {
        issuer: claimed ? 'https://other.example.com' : ISSUER,
        ...(parent !== undefined && { parent: named('jti', parent) }),
      },
      source: 'idp',
    });
  const profile = (issuers: readonly string[]) => ({
    sources: { idp: { format: 'cloudevents', authority: 'issuer', mayIssue: issuers } },
  });
  const settle = (at: number, issuers: readonly string[]): RecordedFact =>
    fact('settings.declared', {
      at,
      names: {},
      data: { settings: profile(issuers) },
      source: 'tally',
      subject: 'default',
    });

  it('are at each position those of the core, also after authority changed', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(edge, { minLength: 1, maxLength: 12 }),
        fc.array(edge, { maxLength: 6 }),
        fc.constantFrom<readonly string[]>([ISSUER], [ISSUER, 'https://other.example.com'], []),
        fc.integer({ min: 1, max: 5 }),
        async (first, then, issuers, size) => {
          const facts = [settle(0, [ISSUER]), ...first.map(factOfEdge), settle(1, issuers), ...then.map(factOfEdge)];
          const { engine: own, writer, close } = await ledgerOf(facts);
          await writer(size).catchUp();
          for (let K = 1; K <= facts.length; K++) {
            const may = K > first.length + 1 ? issuers : [ISSUER];
            const resolver = new Resolver(settingsSchema.parse(profile(may)));
            const links = new Links();
            for (const each of facts.slice(0, K)) links.add(resolver.resolve(each)!);
            const rows = await own.rows<{ member: string; label: Name }>(
              `SELECT replaceAll(toString(member), '-', '') AS member, replaceAll(toString(argMax(label, position)), '-', '') AS label
               FROM {db}.family_labels FINAL WHERE position <= {K:UInt64} GROUP BY member`,
              { K },
            );
            const stored = new Map(rows.map(({ member, label }) => [member, label]));
            for (const name of ['a', 'b', 'c', 'd', 'e', 'f', 'g']) {
              const label = stored.get(named('jti', name));
              expect([K, name, label === '0'.repeat(32) ? undefined : label]).toEqual([
                K,
                name,
                links.familyOf([named('jti', name)]),
              ]);
            }
          }
          await close();
        },
      ),
      { numRuns: 8, seed: 4 },
    );
  });
});
