import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { agedTo, History } from '#lifecycle';
import { EmbeddedLedger, LedgerHistory, LedgerScan } from '#ledger';
import { FindingsFollower } from './findings-follower.js';
import { StoredFindings } from './stored-findings.js';

const PROGRAM = resolve('dist/libs/analytics/src/findings/judge-until-killed.js');
const T = Date.UTC(2026, 2, 10, 9) + 1_000_000_000;

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'tally-judged-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

/** Lets the program judge until `after` batches and some ms more; gives the batch to go on with. */
async function judgeUntilKilled(files: string[], first: number, after: number, ms: number): Promise<number> {
  const child = spawn(process.execPath, [PROGRAM, ...files, String(first)], { stdio: ['ignore', 'pipe', 'inherit'] });
  const exited = once(child, 'exit');
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk;
    if (text.split('\n').length > after) void wait(ms).then(() => child.kill('SIGKILL'));
  });
  await Promise.all([exited, once(child.stdout, 'close')]);
  const judged = text.split('\n').slice(0, -1);
  return Number(judged.at(-1)) + 1;
}

/** What the stream of each finding says, by revision; fails on a hole in a stream. */
function said(scan: LedgerScan): Map<string, { type: string; content: string }[]> {
  const streams = new Map<string, { type: string; content: string }[]>();
  for (const row of scan.scanAll()) {
    if (!row.type.startsWith('tallystick.finding.')) continue;
    const stream = scan.streamName(row.streamId);
    const events = streams.get(stream) ?? [];
    expect(row.revision).toBe(events.length);
    const { data } = JSON.parse(row.data) as { data: { finding: never } };
    events.push({ type: row.type.split('.')[2]!, content: JSON.stringify(agedTo(data.finding, undefined)) });
    streams.set(stream, events);
  }
  return streams;
}

describe('a follower killed with kill -9', () => {
  it('says each thing once, and the next one ends with what the whole history gives: 10 kills', async () => {
    if (!existsSync(PROGRAM)) throw new Error(`run \`npm run build\` first: ${PROGRAM} is missing`);
    const files = [join(directory, 'ledger.sqlite'), join(directory, 'findings.sqlite')];
    const points = fc.sample(fc.tuple(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 0, max: 60 })), {
      numRuns: 10,
      seed: 20260310,
    });
    let first = 0;
    const kinds = new Set<string>();
    for (const [n, [after, ms]] of points.entries()) {
      first = await judgeUntilKilled(files, first, after, ms);
      const ledger = EmbeddedLedger.open(files[0]!, { access: 'write' });
      const scan = LedgerScan.open(files[0]!);
      // Every third time the store itself is lost, too.
      if (n % 3 === 2) rmSync(files[1]!);
      const follower = new FindingsFollower({ ledger, scan, file: files[1]!, clock: () => T });
      const { position } = await follower.catchUp();
      expect(await follower.catchUp()).toEqual({ position, raised: 0, amended: 0, withdrawn: 0 });
      expect(await ledger.head()).toBe(position);
      for (const events of said(scan).values()) {
        for (const [i, { type, content }] of events.entries()) {
          kinds.add(type);
          const before = events[i - 1];
          expect(type === 'raised').toBe(before === undefined || before.type === 'withdrawn');
          if (type === 'amended') expect(content).not.toBe(before?.content);
        }
      }
      const [row] = [...scan.scanAll({ after: position - 1n })];
      const stored = StoredFindings.open(files[1]!)!;
      const whole = new History(new LedgerHistory(scan, 'default', position)).findings({ T });
      expect(whole.length).toBeGreaterThan(0);
      expect(stored.at('default', position, row!.recordedAt, T)).toEqual(JSON.parse(JSON.stringify(whole)));
      stored.close();
      await follower.close();
      scan.close();
      await ledger.close();
    }
    expect([...kinds].sort()).toEqual(['amended', 'raised', 'withdrawn']);
  }, 120_000);
});
