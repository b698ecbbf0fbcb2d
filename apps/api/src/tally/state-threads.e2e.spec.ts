import { expect, it } from '@jest/globals';
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

/** In the built program, for a worker thread loads no TypeScript: a listing by two threads is that of one. */
const SCRIPT = `
  const [, , folder, dist] = process.argv;
  const { LocalTally } = await import(dist + 'apps/api/src/tally/local-tally.js');
  const { Frames } = await import(dist + 'apps/api/src/tally/frames.js');
  const { linesInThreads } = await import(dist + 'apps/api/src/tally/state-threads.js');
  const { demoTraffic } = await import(dist + 'libs/sources/src/index.js');
  const tally = await LocalTally.open(folder, { access: 'write', purpose: 'test', threads: true });
  const demo = demoTraffic();
  await tally.ask('settings.declare', { settings: demo.settings });
  const bySource = new Map();
  for (const { source, line } of demo.lines) bySource.set(source, [...(bySource.get(source) ?? []), line]);
  for (const [source, lines] of bySource) {
    const bytes = (async function* () { yield Buffer.from(lines.join('\\n')); })();
    await tally.ingest(bytes, { tenant: 'default', source, what: source, finished: true });
  }
  const asOf = 'time:2026-03-10T10:58:00Z';
  const answer = await tally.ask('state', { asOf });
  const one = [];
  for await (const row of answer.rows) one.push(Object.values(row).join('\\t') + '\\n');
  const frames = new Frames(tally.stores, true);
  const two = [];
  for await (const line of linesInThreads(await frames.frame({ tenant: 'default', asOf }), frames.ledger)) two.push(line);
  await tally.close();
  process.stdout.write(JSON.stringify({ tokens: one.length, same: one.join('') === two.join('') }));
`;

it('two threads list what one lists', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'tally-threads-'));
  try {
    const dist = new URL('../../../../dist/', import.meta.url).href;
    // A file, for threads inherit what the process was started with.
    const script = join(folder, 'script.mjs');
    writeFileSync(script, SCRIPT);
    const { NODE_OPTIONS: _options, ...env } = process.env;
    const { stdout } = await promisify(execFile)(process.execPath, [script, join(folder, 'data'), dist], {
      env,
      cwd: fileURLToPath(new URL('../../../../', import.meta.url)),
    });
    const { tokens, same } = JSON.parse(stdout) as { tokens: number; same: boolean };
    expect(tokens).toBeGreaterThan(500);
    expect(same).toBe(true);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
