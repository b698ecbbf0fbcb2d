import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startUp, type Up } from './testing/run-tally.js';

/**
 * The README's console blocks, run as they stand against the demo: what they print is what the README shows, but for
 * names, digests, times of recording and places, which differ from one ledger to the next.
 * `UPDATE_README=1` writes the outputs anew.
 */
const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const README = join(ROOT, 'README.md');

interface Step {
  command: string;
  shown: string;
}

let folder: string;
let up: Up;
let started: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'tally-readme-'));
  up = await startUp(['--demo'], { cwd: folder });
  // The last line of its story.
  while (!up.stderr().includes('tally ingest access.log')) await once(up.child.stderr!, 'data');
  started = up.stderr();
});
afterAll(async () => {
  await up.stop();
  rmSync(folder, { recursive: true, force: true });
});

function stepsOf(block: string): Step[] {
  const steps: Step[] = [];
  for (const line of block.split('\n')) {
    if (line.startsWith('$ ')) steps.push({ command: line.slice(2), shown: '' });
    else if (steps.length > 0) steps.at(-1)!.shown += `${line}\n`;
  }
  return steps;
}

function run(command: string): Promise<string> {
  const script = command
    .replaceAll('npx tally', `"${process.execPath}" bin/tally.js`)
    .replace('--out plan.json', `--out "${folder}/plan.json"`);
  const { NODE_OPTIONS: _options, ...env } = process.env;
  return new Promise((resolve, reject) => {
    let out = '';
    const child = spawn('bash', ['-c', `exec 2>&1; ${script}`], {
      cwd: ROOT,
      env: { ...env, TALLY_DATA: join(folder, '.tally'), NO_COLOR: '1', COLUMNS: '160' },
    });
    child.stdout.setEncoding('utf8').on('data', (text: string) => (out += text));
    child.on('error', reject);
    child.on('close', () => resolve(out));
  });
}

/** What may differ between two ledgers of the same demo. */
function normal(text: string): string {
  return text
    .replaceAll(folder, '.')
    .replace(/\b[0-9a-f]{64}\b/g, '<digest>')
    .replace(/\b[0-9a-f]{32}\b/g, '<name>')
    .replace(/\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b/g, (uuid) =>
      uuid.startsWith('f29f6140') ? uuid : '<uuid>',
    )
    .replace(/tally_[\w-]{20,}/g, '<bearer>')
    .replace(/20(?!26-03)\d\d-\d\d-\d\dT[\d:.]+Z/g, '<now>')
    .replace(/127\.0\.0\.1:\d+/g, '127.0.0.1:<port>')
    .replace(/\bp(?=[0-9a-z]*\d)[0-9a-z]{2,5}\b/g, '<position>')
    .replace(/"seconds": ?[\d.]+/g, '"seconds":<s>')
    .replace(/in [\d.]+ s\b.*$/gm, 'in <s>')
    .replace(/[ \t]+$/gm, '')
    .trimEnd();
}

it('shows what its commands print', async () => {
  const text = readFileSync(README, 'utf8');
  const blocks = [...text.matchAll(/```console\n([\s\S]*?)```/g)].map((match) => match[1]!);
  expect(blocks.length).toBeGreaterThan(8);
  let updated = text;
  const shown: Step[] = [];
  const printed: Step[] = [];
  for (const block of blocks) {
    const steps = stepsOf(block);
    expect(steps.length).toBeGreaterThan(0);
    let fresh = '';
    for (const { command, shown: before } of steps) {
      const output = command === 'npm start' ? started : await run(command);
      shown.push({ command, shown: normal(before) });
      printed.push({ command, shown: normal(output) });
      fresh += `$ ${command}\n${output
        .replaceAll(folder, '.')
        .replace(/tally_[\w-]{20,}/g, `tally_${'x'.repeat(43)}`)
        .replace(/[ \t]+$/gm, '')
        .trimEnd()}\n`;
    }
    updated = updated.replace(block, () => fresh);
  }
  if (process.env['UPDATE_README'] === '1') writeFileSync(README, updated);
  else expect(shown).toEqual(printed);
}, 240_000);
