import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { once } from 'node:events';
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { generateBenchLines } from '#sources';
import { LocalTally } from '../../api/src/tally/local-tally.js';
import { random } from './testing/random.js';
import { linesOf, startTally } from './testing/run-tally.js';

const FILES = 20;
const LINES_A_FILE = 40;
const ROUNDS = 20;

const lines = [...generateBenchLines({ seed: 'crash', records: FILES * LINES_A_FILE, keycloakShare: 0.2 })].map(
  ({ line }) => line,
);
let root: string;
let files: string[];
/** Ids of the events that an undisturbed intake makes of all lines. */
let expected: string[];

/** The ids of what sources said, in order of id. */
async function idsIn(tally: LocalTally): Promise<string[]> {
  const answer = await tally.ask('export', {});
  if (answer.kind !== 'rows') throw new TypeError('an export has rows');
  const ids: string[] = [];
  // What the product itself states of sources and concludes is not of the input.
  for await (const { id, type } of answer.rows)
    if (!/^tallystick\.(source\.closed|finding\..*)\.v1$/.test(String(type))) ids.push(String(id));
  return ids.sort();
}

/** Opens a directory as the next command would, looks, and feeds all lines: the ids before, and after. */
async function reopened(data: string): Promise<{ kept: string[]; whole: string[] }> {
  const tally = await LocalTally.open(data, { access: 'write', purpose: 'test' });
  const kept = await idsIn(tally);
  async function* input(): AsyncGenerator<Uint8Array> {
    yield Buffer.from(lines.join('\n'));
  }
  const report = await tally.ingest(input(), { tenant: 'default', source: 'auto', what: 'all', finished: false });
  expect(report.accepted + report.duplicates).toBe(lines.length);
  const whole = await idsIn(tally);
  await tally.close();
  return { kept, whole };
}

beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), 'tally-crash-'));
  files = Array.from({ length: FILES }, (_, i) => {
    const file = join(root, `${i}.log`);
    writeFileSync(file, `${lines.slice(i * LINES_A_FILE, (i + 1) * LINES_A_FILE).join('\n')}\n`);
    return file;
  });
  // All rounds begin with the same secrets, so that the same line has the same event id in each.
  const first = await LocalTally.open(join(root, 'empty'), { access: 'write', purpose: 'test' });
  await first.ingest((async function* () {})(), { tenant: 'default', source: 'auto', what: 'none', finished: false });
  await first.close();
  cpSync(join(root, 'empty'), join(root, 'whole'), { recursive: true });
  expected = (await reopened(join(root, 'whole'))).whole;
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

/** Ingests all files and sends a signal at a random point; gives what was acknowledged until then. */
async function interrupted(data: string, signal: 'SIGKILL' | 'SIGINT', next: () => number) {
  const child = startTally(['ingest', ...files, '--source', 'auto', '-o', 'ndjson', '--data', data], { cwd: root });
  const closed = once(child, 'close') as Promise<[number | null]>;
  // Before the first report too: while the process starts, or opens the directory.
  const strikeAfter = Math.floor(next() * FILES);
  const delay = next() * (strikeAfter === 0 ? 400 : 20);
  const strike = (): void => void setTimeout(() => child.kill(signal), delay);
  const told: { file?: string; events: number }[] = [];
  if (strikeAfter === 0) strike();
  for await (const line of linesOf(child)) {
    told.push(JSON.parse(line) as { file?: string; events: number });
    if (told.length === strikeAfter) strike();
  }
  const [code] = await closed;
  const events = told.filter(({ file }) => file !== undefined).reduce((sum, report) => sum + report.events, 0);
  return { events, total: told.find(({ file }) => file === undefined)?.events, code };
}

describe.each(['SIGKILL', 'SIGINT'] as const)('%s at a random point of an intake', (signal) => {
  it(`loses nothing acknowledged, and the same input again completes it: ${ROUNDS} times`, async () => {
    const next = random(signal === 'SIGKILL' ? 9 : 2);
    let struck = 0;
    for (let round = 0; round < ROUNDS; round++) {
      const data = join(root, `${signal}-${round}`);
      cpSync(join(root, 'empty'), data, { recursive: true });
      const { events, total, code } = await interrupted(data, signal, next);
      if (code !== 0) struck++;
      const { kept, whole } = await reopened(data);
      expect(kept.length).toBeGreaterThanOrEqual(events);
      if (signal === 'SIGINT' && total !== undefined) {
        // It ended in order: what it told is exactly what is there.
        // No code: the signal came after it had told its total and stopped listening.
        expect([0, 130, null]).toContain(code);
        expect(kept).toHaveLength(total);
      }
      expect(whole).toEqual(expected);
      rmSync(data, { recursive: true });
    }
    expect(struck).toBeGreaterThan(ROUNDS / 2);
  });
});
