import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DEFAULT_THRESHOLDS } from '#lifecycle';
import { EmbeddedLedger } from '#ledger';
import { DeadLetters } from '../dead-letters.js';
import { Intake } from '../intake.js';
import { packBatch, unpackBatch } from '../packed-batch.js';
import type { Prepared } from '../prepared.js';
import { Account } from '../report.js';
import { SeenIndex } from '../seen-index.js';
import { MinuteIntake } from './minute-intake.js';
import { busyTraffic, eventsOf, preparerFor, recordsFrom, takeAll, withUses } from './testing.js';

const NOW = Date.UTC(2026, 2, 11);
const SIZE = 256;
const { lines, settings } = busyTraffic({ seed: 4, sessions: 8, minutes: 60 }, 6);
const byMinute = withUses(settings, 'minute');

let folder: string;
let ledger: EmbeddedLedger;
let seen: SeenIndex;
let deadLetters: DeadLetters;
let intake: Intake;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'tally-minute-'));
  await open();
});
afterEach(async () => {
  await close();
  rmSync(folder, { recursive: true });
});

async function open(): Promise<void> {
  ledger = EmbeddedLedger.open(join(folder, 'ledger.sqlite'), { access: 'write', clock: () => NOW });
  seen = SeenIndex.open(join(folder, 'intake.sqlite'));
  deadLetters = new DeadLetters(join(folder, 'dead.sqlite'), () => NOW);
  const { futureSlack } = DEFAULT_THRESHOLDS;
  intake = await Intake.open({ ledger, seen, deadLetters, clock: () => NOW, futureSlack });
}
async function close(): Promise<void> {
  seen.close();
  deadLetters.close();
  await ledger.close();
}

async function take(prepared: Prepared[]): Promise<Account> {
  const account = new Account();
  async function* one(): AsyncGenerator<Prepared[]> {
    yield prepared;
  }
  await intake.take(one(), account);
  return account;
}

async function stored(): Promise<string[]> {
  const out: string[] = [];
  for await (const { id, data } of ledger.readAll()) out.push(`${id} ${data}`);
  return out.sort();
}

describe('summaries in a ledger', () => {
  it('account for every record, once', async () => {
    const each = await take(takeAll(lines, withUses(settings, 'each'), SIZE));
    await close();
    rmSync(folder, { recursive: true });
    folder = mkdtempSync(join(tmpdir(), 'tally-minute-'));
    await open();
    const all = takeAll(lines, byMinute, SIZE);
    const { report } = await take(unpackBatch(packBatch(all)));
    expect(report.records).toBe(lines.length);
    const { ignored, rejected } = each.report;
    expect(report).toMatchObject({ ignored, rejected });
    // Duplicates in two ranges are not told apart from uses; what is lost is lost to `accepted`.
    expect(report.accepted + report.duplicates + report.conflicts).toBe(lines.length - ignored - rejected);
    expect(report.duplicates).toBeLessThanOrEqual(each.report.duplicates);
    expect(report.events).toBeLessThan(each.report.events * 0.8);
    const again = await take(takeAll(lines, byMinute, SIZE));
    expect(again.report).toMatchObject({ records: lines.length, accepted: 0, conflicts: 0, events: 0 });
  });

  it('are there once after a restart in the middle of a range, with a lost commit and a lost index', async () => {
    let partition = new MinuteIntake(preparerFor(byMinute), { topic: 'gateway-events', partition: 3 }, SIZE);
    let committed = 0;
    for (let at = 0, turn = 0; at < lines.length; turn++) {
      const { prepared, committable } = partition.take(recordsFrom(lines.slice(at, at + 150), at));
      at += 150;
      await take(prepared);
      if (turn % 3 !== 2) {
        committed = Number(committable);
        continue;
      }
      await close();
      for (const suffix of ['', '-wal', '-shm']) rmSync(join(folder, `intake.sqlite${suffix}`), { force: true });
      await open();
      partition = new MinuteIntake(preparerFor(byMinute), { topic: 'gateway-events', partition: 3 }, SIZE);
      at = committed;
      // From here on without crashes for one range, so that it gets on.
      const on = partition.take(recordsFrom(lines.slice(at, at + SIZE + 150), at));
      await take(on.prepared);
      at += SIZE + 150;
      committed = Number(on.committable);
    }
    await take(partition.reach(BigInt(lines.length + 2 * SIZE)).prepared);
    const expected = new Map<string, string>();
    // Aliases are stated once for all records that show them: as the first of them does.
    for (const { id, data } of eventsOf(takeAll(lines, byMinute, SIZE))) if (!expected.has(id)) expected.set(id, data);
    const whole = await stored();
    expect(whole.length).toBe(new Set(whole).size);
    expect(whole).toEqual([...expected].map(([id, data]) => `${id} ${data}`).sort());
  });
});
