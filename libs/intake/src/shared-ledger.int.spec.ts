import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DEFAULT_THRESHOLDS } from '#lifecycle';
import { EmbeddedLedger, type ReadAll, type RecordedEvent, type StreamAppend } from '#ledger';
import { eventId, recordKey } from './ids.js';
import { Intake } from './intake.js';
import type { Prepared, PreparedEvent } from './prepared.js';
import { Account } from './report.js';
import { SeenIndex } from './seen-index.js';

const NOW = Date.UTC(2026, 2, 11);
const DIGEST = 'd1'.repeat(16);
const OTHER_DIGEST = 'd2'.repeat(16);

let folder: string;
let ledger: EmbeddedLedger;
const indexes: SeenIndex[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tally-shared-'));
  ledger = EmbeddedLedger.open(join(folder, 'ledger.sqlite'), { access: 'write', clock: () => NOW });
});
afterEach(async () => {
  for (const index of indexes.splice(0)) index.close();
  await ledger.close();
  rmSync(folder, { recursive: true });
});

async function projector(name: string): Promise<Intake> {
  const seen = SeenIndex.open(join(folder, `${name}.sqlite`));
  indexes.push(seen);
  return Intake.open({
    ledger,
    seen,
    deadLetters: { add: () => undefined },
    clock: () => NOW,
    futureSlack: DEFAULT_THRESHOLDS.futureSlack,
    shared: true,
  });
}

/** A record with one event in each of these streams. */
function record(id: string, streams: readonly string[], digest = DIGEST): Prepared {
  const key = recordKey('default', 'test', id);
  const events = streams.map((stream, ordinal): PreparedEvent => ({
    id: eventId(key, digest, ordinal),
    stream,
    type: 'tallystick.token.validated.v1',
    data: JSON.stringify({ source: 'test', record: { key, digest, ordinal } }),
    links: false,
  }));
  return { kind: 'facts', line: 1, source: 'test', key, digest, high: NOW, events };
}

async function events(): Promise<RecordedEvent[]> {
  const all: RecordedEvent[] = [];
  for await (const event of ledger.readAll()) all.push(event);
  return all;
}

async function take(intake: Intake, batch: Prepared[]): Promise<Account> {
  const account = new Account();
  await intake.takeBatch(batch, account);
  return account;
}

describe('batches that queue while another is under way', () => {
  it('are told apart in their accounts, and a record of two of them is written once', async () => {
    const intake = await projector('one');
    const batches = [['1'], ['2', '3'], ['3', '4'], ['5']];
    const accounts = await Promise.all(
      batches.map((ids) =>
        take(
          intake,
          ids.map((id) => record(id, ['token-a'])),
        ),
      ),
    );
    expect(accounts.map(({ report }) => [report.accepted, report.duplicates, report.events])).toEqual([
      [1, 0, 1],
      [2, 0, 2],
      [1, 1, 1],
      [1, 0, 1],
    ]);
    expect(new Set((await events()).map(({ id }) => id)).size).toBe(5);
    expect(await events()).toHaveLength(5);
  });

  it('do not fail with a neighbour that the ledger refuses', async () => {
    const intake = await projector('one');
    const refused = record('bad', ['']);
    const outcomes = await Promise.allSettled([
      take(intake, [record('1', ['token-a'])]),
      take(intake, [record('2', ['token-b'])]),
      take(intake, [refused]),
      take(intake, [record('3', ['token-a'])]),
    ]);
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'rejected', 'fulfilled']);
    expect((await events()).map(({ stream }) => stream).sort()).toEqual(['token-a', 'token-a', 'token-b']);
    // What was refused was not seen.
    await expect(take(intake, [refused])).rejects.toThrow();
  });
});

describe('intake into a ledger that others append to as well', () => {
  it('finds what a late writer appended after the take-over, and writes nothing twice', async () => {
    const late = await projector('late');
    const next = await projector('next');
    await take(late, [record('1', ['token-a'])]);
    const account = await take(next, [record('1', ['token-a']), record('2', ['token-a'])]);
    expect(account.report.events).toBe(1);
    expect(await events()).toHaveLength(2);
    // The late writer knows the stream as it left it, and is told otherwise.
    await take(late, [record('2', ['token-a']), record('3', ['token-a'])]);
    expect((await events()).map(({ stream, revision }) => `${stream} ${revision}`)).toEqual([
      'token-a 0',
      'token-a 1',
      'token-a 2',
    ]);
  });

  it('catches up with what was there, though another appends as fast as it reads', async () => {
    const other = await projector('other');
    await take(other, [record('0', ['token-a'])]);
    let appended = 0;
    const moving = new Proxy(ledger, {
      get(target, name) {
        if (name === 'readAll') {
          return async function* (options: ReadAll) {
            for await (const event of target.readAll({ ...options, maxCount: 1 })) {
              let next: RecordedEvent | undefined = event;
              while (next !== undefined && next.position <= (options.to ?? next.position)) {
                if (appended < 1000) await take(other, [record(String(++appended), ['token-a'])]);
                yield next;
                const from: bigint = next.position + 1n;
                next = undefined;
                for await (const more of target.readAll({ from, maxCount: 1 })) next = more;
              }
            }
          };
        }
        const value: unknown = Reflect.get(target, name, target);
        return typeof value === 'function' ? value.bind(target) : value;
      },
    });
    const seen = SeenIndex.open(join(folder, 'behind.sqlite'));
    indexes.push(seen);
    const parts = { seen, deadLetters: { add: () => undefined }, clock: () => NOW, futureSlack: 0, shared: true };
    const behind = await Intake.open({ ...parts, ledger: moving });
    expect(appended).toBe(1);
    await take(behind, [record('0', ['token-a']), record('1', ['token-a']), record('new', ['token-a'])]);
    expect(await events()).toHaveLength(3);
  });

  it('completes a record that a crash left in one of its streams alone', async () => {
    for (const there of [0, 1, 2]) {
      const started = record(`r${there}`, [`token-a${there}`, `token-b${there}`, `token-c${there}`]);
      if (started.kind !== 'facts') throw new Error('unreachable');
      const event = started.events[there]!;
      await ledger.append(event.stream, [{ id: event.id, type: event.type, data: event.data }], 'no_stream');
      const intake = await projector(`after-${there}`);
      await take(intake, [started]);
      await take(intake, [started]);
      const streams = (await events()).map(({ stream }) => stream).filter((stream) => stream.endsWith(String(there)));
      expect(streams.sort()).toEqual([`token-a${there}`, `token-b${there}`, `token-c${there}`]);
    }
  });

  it('marks a variant whose first one another process took in', async () => {
    const one = await projector('one');
    const two = await projector('two');
    await take(one, [record('1', ['token-a'])]);
    const account = await take(two, [record('1', ['token-a'], OTHER_DIGEST)]);
    expect(account.report.events).toBe(1);
    expect((await events()).map(({ metadata }) => metadata)).toEqual([undefined, '{"conflict":true}']);
  });

  it('repeats a batch whose outcome is unknown, whatever of it was written', async () => {
    for (let written = 0; written <= 3; written++) {
      const streams = ['a', 'b', 'c'].map((letter) => `token-${letter}${written}`);
      const batch = [record(`1.${written}`, streams.slice(0, 2)), record(`2.${written}`, streams.slice(1))];
      const lost = new Error('connection lost');
      const seen = SeenIndex.open(join(folder, `unknown-${written}.sqlite`));
      indexes.push(seen);
      let fails = true;
      const cut = new Proxy(ledger, {
        get(target, name) {
          if (name === 'appendMany' && fails) {
            return async (appends: readonly StreamAppend[]) => {
              await target.appendMany(appends.slice(0, written));
              throw lost;
            };
          }
          const value: unknown = Reflect.get(target, name, target);
          return typeof value === 'function' ? value.bind(target) : value;
        },
      });
      const parts = { seen, deadLetters: { add: () => undefined }, clock: () => NOW, futureSlack: 0, shared: true };
      const intake = await Intake.open({ ...parts, ledger: cut });
      await expect(take(intake, batch)).rejects.toBe(lost);
      fails = false;
      await take(intake, batch);
      await take(intake, batch);
      expect((await events()).length).toBe(4 * (written + 1));
    }
  });

  it('remembers a duplicate by the digest under an older secret', async () => {
    const intake = await projector('rotated');
    await take(intake, [record('1', ['token-a'])]);
    const again = record('1', ['token-a'], OTHER_DIGEST);
    if (again.kind !== 'facts') throw new Error('unreachable');
    const account = await take(intake, [{ ...again, older: [{ key: again.key, digest: DIGEST }] }]);
    expect(account.report).toMatchObject({ duplicates: 1, conflicts: 0, events: 0 });
    expect((await take(intake, [again])).report).toMatchObject({ conflicts: 1 });
  });

  it('survives events that others wrote into the ledger in forms of their own', async () => {
    for (const [i, data] of ['{}', 'null', '[]', '{"record":null}', '{"source":1,"record":{}}', 'no json'].entries()) {
      const id = eventId(recordKey('t', 's', String(i)), DIGEST, 0);
      await ledger.append('token-a', [{ id, type: 'foreign', data }], 'any');
    }
    const intake = await projector('any');
    await take(intake, [record('1', ['token-a'])]);
    expect(await events()).toHaveLength(7);
  });
});
