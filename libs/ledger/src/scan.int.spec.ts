import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type LedgerScan, type RawRow } from './embedded/scan.js';
import { EmbeddedLedger } from './embedded/store.js';
import { testEvent } from './testing/test-event.js';

const LONG = 2500;
let directory: string;
let ledger: EmbeddedLedger;
let scan: LedgerScan;

/** 700 token streams named out of order, one of them longer than two pages, and others around the prefix. */
beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'tally-scan-'));
  let now = 1_000;
  ledger = EmbeddedLedger.open(join(directory, 'ledger.sqlite'), { access: 'write', clock: () => now++ });
  const one = (stream: string, label: string, metadata?: string) => ({
    stream,
    events: [{ ...testEvent(label), ...(metadata === undefined ? {} : { metadata }) }],
    expected: 'any' as const,
  });
  for (let round = 0; round < 3; round++) {
    await ledger.appendMany(
      Array.from({ length: 700 }, (_, index) => {
        const key = ((index * 271) % 700).toString(16).padStart(4, '0');
        return one(`token-${key}`, `${key}.${round}`, index % 100 === 0 ? `{"round":${round}}` : undefined);
      }),
    );
  }
  await ledger.appendMany([one('token', 'before'), one('tokenx-1', 'after'), one('fence-1', 'fence')]);
  await ledger.append(
    'token-0100',
    Array.from({ length: LONG }, (_, index) => testEvent(`long.${index}`)),
    2n,
  );
  scan = ledger.scan();
});
afterAll(async () => {
  scan.close();
  await ledger.close();
  rmSync(directory, { recursive: true, force: true });
});

const labels = (rows: Iterable<RawRow>) => [...rows].map((row) => (JSON.parse(row.data) as { label: string }).label);

describe('scanAll', () => {
  it('gives every event in order, with its type, time and stream', async () => {
    const rows = [...scan.scanAll()];
    expect(rows).toHaveLength(2103 + LONG);
    let index = 0;
    for await (const event of ledger.readAll()) {
      const row = rows[index++];
      expect(row).toMatchObject({
        position: Number(event.position),
        revision: Number(event.revision),
        type: event.type,
      });
      expect([row?.data, row?.recordedAt, row?.metadata ?? undefined]).toEqual([
        event.data,
        event.recordedAt,
        event.metadata,
      ]);
      expect(scan.streamName(row?.streamId ?? 0)).toBe(event.stream);
    }
  });

  it('after is exclusive and to inclusive, across pages', () => {
    expect([...scan.scanAll({ after: 5n, to: 8n })].map((row) => row.position)).toEqual([6, 7, 8]);
    expect([...scan.scanAll({ after: 1n, to: 2001n })]).toHaveLength(2000);
    expect([...scan.scanAll({ after: scan.head() })]).toEqual([]);
  });

  it('with onlyWithMetadata reads nothing else', () => {
    const rows = [...scan.scanAll({ onlyWithMetadata: true })];
    expect(rows).toHaveLength(21);
    expect(rows.map((row) => row.position)).toEqual([...rows.map((row) => row.position)].sort((x, y) => x - y));
    expect([...scan.scanAll({ onlyWithMetadata: true, after: 1n, to: 701n })].map((row) => row.metadata)).toEqual([
      ...Array<string>(6).fill('{"round":0}'),
      '{"round":1}',
    ]);
  });

  it('sees what was appended after it was opened', async () => {
    const before = scan.head();
    await ledger.append('fence-2', [testEvent('later')], 'any');
    expect(labels(scan.scanAll({ after: before }))).toEqual(['later']);
  });
});

describe('scanStreams', () => {
  it('gives the streams of a prefix in the order of their names, each with its rows by revision', () => {
    const names: string[] = [];
    for (const { stream, streamId, rows } of scan.scanStreams({ prefix: 'token-' })) {
      names.push(stream);
      expect(scan.streamName(streamId)).toBe(stream);
      const revisions = [...rows].map((row) => row.revision);
      expect(revisions).toEqual(Array.from({ length: stream === 'token-0100' ? 3 + LONG : 3 }, (_, index) => index));
    }
    expect(names).toHaveLength(700);
    expect(names).toEqual([...names].sort());
  });

  it('can be shared out by ranges of names', () => {
    const share = (range: object) => [...scan.scanStreams({ prefix: 'token-', ...range })].map((one) => one.stream);
    const low = share({ before: 'token-0080' });
    const high = share({ from: 'token-0080' });
    expect(high[0]).toBe('token-0080');
    expect([...low, ...high]).toEqual(share({}));
    expect(share({ from: 'a', before: 'token-0001' })).toEqual(['token-0000']);
  });

  it('stops at a position, and leaves out streams that had begun later', () => {
    const upTo = (to: bigint) => [...scan.scanStreams({ prefix: 'token-', to })];
    expect(upTo(10n)).toHaveLength(10);
    const rows = upTo(701n).flatMap((one) => [...one.rows]);
    expect(rows).toHaveLength(701);
    expect(rows.every((row) => row.position <= 701)).toBe(true);
  });

  it('reads on while appends go on', async () => {
    let streams = 0;
    for (const { rows } of scan.scanStreams({ prefix: 'token-' })) {
      if (streams++ === 300) await ledger.append('issuerkey-1', [testEvent('meanwhile')], 'any');
      expect([...rows].length).toBeGreaterThanOrEqual(3);
    }
    expect(streams).toBe(700);
  });
});

describe('streamRows', () => {
  it('gives one stream, whole or up to a position', () => {
    expect([...scan.streamRows('token-0100')]).toHaveLength(3 + LONG);
    expect(labels(scan.streamRows('token-0000', 700n))).toEqual(['0000.0']);
    expect([...scan.streamRows('token-none')]).toEqual([]);
  });
});

describe('scanByAge', () => {
  it('gives the same streams with the same rows as scanStreams, also bounded by a position, in order of making', () => {
    for (const bound of [{}, { to: 1500n }, { to: 2300n }]) {
      const byName = new Map(
        [...scan.scanStreams({ prefix: 'token-', ...bound })].map((each) => [each.stream, labels(each.rows)]),
      );
      const ids: number[] = [];
      const byAge = new Map(
        [...scan.scanByAge({ prefix: 'token-', ...bound })].map((each) => [
          ids.push(each.streamId) && each.stream,
          labels(each.rows),
        ]),
      );
      expect([...byAge].sort()).toEqual([...byName].sort());
      expect(ids).toEqual([...ids].sort((a, b) => a - b));
    }
  });

  it('gives each stream in one of several shares', () => {
    const told = (each: { stream: string; rows: Iterable<RawRow> }): [string, string[]] => [
      each.stream,
      labels(each.rows),
    ];
    const whole = [...scan.scanByAge({ prefix: 'token-' })].map(told);
    for (const size of [1, 97, 256]) {
      const shares: [string, string[]][] = [];
      for (let from = 1; from <= scan.streamCount(); from += size) {
        const ids = { from, to: from + size - 1 };
        shares.push(...[...scan.scanByAge({ prefix: 'token-', ids })].map(told));
      }
      expect(shares).toEqual(whole);
    }
  });

  it('does not hold a long stream, which may be read twice', () => {
    const long = [...scan.scanByAge({ prefix: 'token-0100' })];
    expect(long).toHaveLength(1);
    expect(Array.isArray(long[0]!.rows)).toBe(false);
    expect(labels(long[0]!.rows)).toHaveLength(3 + LONG);
  });
});
