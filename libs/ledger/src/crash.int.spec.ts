import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { LedgerScan } from './embedded/scan.js';

const WRITER = resolve('dist/libs/ledger/src/testing/append-until-killed.js');
const EVENTS_A_BATCH = 50;

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'tally-crash-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

/** Starts the writer and kills it once it has acknowledged `after` batches; gives the last one acknowledged. */
async function writeUntilKilled(file: string, first: number, after: number): Promise<number> {
  const child = spawn(process.execPath, [WRITER, file, String(first)], { stdio: ['ignore', 'pipe', 'inherit'] });
  const exited = once(child, 'exit');
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk;
    if (text.split('\n').length > after) child.kill('SIGKILL');
  });
  if (after === 0) {
    await once(child, 'spawn');
    child.kill('SIGKILL');
  }
  await Promise.all([exited, once(child.stdout, 'close')]);
  const acknowledged = text.split('\n').slice(0, -1);
  return acknowledged.length > 0 ? Number(acknowledged.at(-1)) : first - 1;
}

/** The events of each batch; fails on a hole in a stream's revisions and on an event that is there twice. */
function readBatches(file: string): Map<number, Set<string>> {
  const batches = new Map<number, Set<string>>();
  const scan = LedgerScan.open(file);
  const next = new Map<number, number>();
  let rows = 0;
  for (const row of scan.scanAll()) {
    rows += 1;
    if (row.revision !== (next.get(row.streamId) ?? 0)) throw new Error(`a hole before position ${row.position}`);
    next.set(row.streamId, row.revision + 1);
    const { label } = JSON.parse(row.data) as { label: string };
    const batch = Number(label.split('.')[0]);
    batches.set(batch, (batches.get(batch) ?? new Set()).add(label));
  }
  scan.close();
  expect([...batches.values()].reduce((sum, labels) => sum + labels.size, 0)).toBe(rows);
  return batches;
}

describe('a writer killed with kill -9', () => {
  it('leaves all that it acknowledged, whole batches only, each once: 20 kills', async () => {
    if (!existsSync(WRITER)) throw new Error(`run \`npm run build\` first: ${WRITER} is missing`);
    const file = join(directory, 'ledger.sqlite');
    const points = fc.sample(fc.integer({ min: 1, max: 40 }), { numRuns: 19, seed: 20260310 });
    let last = await writeUntilKilled(file, 0, 0);
    for (const after of points) {
      last = await writeUntilKilled(file, last + 1, after);
      const batches = readBatches(file);
      // One more than was acknowledged may be there: it was synced, but the killed process could not say so.
      expect(batches.size === last + 1 || batches.size === last + 2).toBe(true);
      for (let batch = 0; batch < batches.size; batch++) expect(batches.get(batch)?.size).toBe(EVENTS_A_BATCH);
    }
    expect(last).toBeGreaterThan(19);
  });
});
