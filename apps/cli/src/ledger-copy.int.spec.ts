import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EmbeddedLedger, LedgerEndpoint } from '#ledger';
import { DataDirectory } from '#platform';
import { runHere } from './testing/run-here.js';
import type { Ran } from './testing/run-tally.js';

let directory: string;
const at = (name: string): string => join(directory, name);
const tally = (...args: string[]): Promise<Ran> => runHere(args, { data: at('none') });
const id = (index: number): string => `00000000-0000-4000-8000-${String(index).padStart(12, '0')}`;

async function write(name: string, use: (ledger: EmbeddedLedger) => Promise<void>): Promise<void> {
  const data = await DataDirectory.open(at(name), { access: 'write', purpose: 'a test' });
  const ledger = EmbeddedLedger.open(data.file('ledger'), { access: 'write' });
  await use(ledger);
  await ledger.close();
  data.updateMeta({ ledger: true });
  data.close();
}
const fill = (ledger: EmbeddedLedger, from: number, to: number) =>
  ledger
    .appendMany(
      Array.from({ length: to - from }, (_, index) => ({
        stream: `s${(from + index) % 5}`,
        events: [{ id: id(from + index), type: 'tallystick.test.v1', data: `{"n":${from + index}}` }],
        expected: 'any' as const,
      })),
    )
    .then(() => undefined);

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'tally-copy-'));
  await write('a', (ledger) => fill(ledger, 1, 201));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

describe('tally ledger copy', () => {
  it('copies a data directory to a server and back, and says one digest three times', async () => {
    const served = EmbeddedLedger.open(at('served.sqlite'), { access: 'write' });
    const endpoint = await LedgerEndpoint.start({ ledger: served });
    const url = `esdb://admin:s3cret@127.0.0.1:${endpoint.port}?tls=false`;
    const there = await tally('ledger', 'copy', at('a'), url);
    expect(there).toMatchObject({ code: 0, stderr: '' });
    const digest = /sha256 ([0-9a-f]{64})/.exec(there.stdout)?.[1];
    expect(there.stdout.split('\n')).toEqual([
      '200 events copied, 0 were there',
      `from  200 events  sha256 ${digest}  ${at('a')}`,
      `to    200 events  sha256 ${digest}  127.0.0.1:${endpoint.port}`,
      '',
    ]);
    const back = await tally('ledger', 'copy', url, at('b'), '-o', 'json');
    expect(JSON.parse(back.stdout)).toMatchObject({
      found: 0,
      copied: 200,
      to: { ledger: at('b'), events: 200, digest },
    });
    const verified = await tally('ledger', 'copy', at('a'), at('b'), '--verify-only');
    expect(verified.stdout).toContain(`to    200 events  sha256 ${digest}`);
    expect([there, back, verified].map(({ stdout, stderr }) => stdout + stderr).join('')).not.toContain('s3cret');
    await endpoint.close();
    await served.close();
  });

  it('goes on with what came since', async () => {
    await tally('ledger', 'copy', at('a'), at('b'));
    await write('a', (ledger) => fill(ledger, 201, 211));
    const again = await tally('ledger', 'copy', at('a'), at('b'));
    expect(again).toMatchObject({ code: 0, stdout: expect.stringMatching(/^10 events copied, 200 were there\n/) });
  });

  it('refuses a target that holds other events, and names the first', async () => {
    await write('b', async (ledger) => {
      await fill(ledger, 1, 8);
      await fill(ledger, 900, 901);
    });
    for (const flags of [[], ['--verify-only']]) {
      const ran = await tally('ledger', 'copy', at('a'), at('b'), ...flags);
      expect(ran).toMatchObject({ code: 1, stdout: '', stderr: expect.stringMatching(/The ledgers differ: event 8 /) });
    }
  });

  it('refuses nonsense: itself, what is not there, a server off this machine in plain text', async () => {
    expect((await tally('ledger', 'copy', at('a'), at('./a'))).code).toBe(2);
    expect((await tally('ledger', 'copy', at('none'), at('c'))).stderr).toContain('There is no ledger in');
    const plain = await tally('ledger', 'copy', at('a'), 'esdb://u:s3cret@192.0.2.1:2113?tls=false');
    expect(plain).toMatchObject({ code: 1, stderr: expect.stringContaining('--allow-plaintext eventstore') });
    const bad = await tally('ledger', 'copy', at('a'), 'esdb://u:s3cret@host:x?tls=false');
    expect(bad).toMatchObject({ code: 1, stderr: expect.stringContaining('bad host') });
    expect(plain.stderr + bad.stderr).not.toContain('s3cret');
  });
});
