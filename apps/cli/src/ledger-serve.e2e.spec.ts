import { EventStoreDBClient, jsonEvent } from '@eventstore/db-client';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { ChildProcess } from 'node:child_process';
import { runTally, startTally } from './testing/run-tally.js';

let cwd: string;
let child: ChildProcess | undefined;
beforeEach(() => {
  cwd = mkdtempSync(join(tmpdir(), 'tally-serve-'));
});
afterEach(() => {
  child?.kill('SIGKILL');
  rmSync(cwd, { recursive: true, force: true });
});

/** Starts `tally ledger serve`; gives what it prints. */
async function serve(...flags: string[]): Promise<{ line: string; child: ChildProcess }> {
  const started = startTally(['ledger', 'serve', ...flags], { cwd });
  child = started;
  let stderr = '';
  started.stderr?.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const lines = createInterface({ input: started.stdout! });
  const first = await Promise.race([
    once(lines, 'line') as Promise<[string]>,
    once(started, 'close') as Promise<[number]>,
  ]);
  if (typeof first[0] !== 'string') throw new Error(`tally ledger serve ended with ${first[0]}: ${stderr}`);
  return { line: first[0], child: started };
}

async function stop(signal: NodeJS.Signals): Promise<number | null> {
  const closed = once(child!, 'close') as Promise<[number | null]>;
  child!.kill(signal);
  const [code] = await closed;
  return code;
}

const numbered = (n: number) => [jsonEvent({ type: 'test', data: { n } })];

describe('tally ledger serve', () => {
  it('prints how to connect, answers, holds the directory, and stops cleanly', async () => {
    const { line } = await serve('-o', 'json');
    const told = JSON.parse(line) as { url: string; port: number };
    expect(told).toMatchObject({ url: `esdb://127.0.0.1:${told.port}?tls=false`, host: '127.0.0.1', pid: child?.pid });
    const client = EventStoreDBClient.connectionString(told.url);
    await client.appendToStream('a', numbered(1));
    const waiting = await runTally(['status'], { cwd });
    expect(waiting).toMatchObject({ code: 1, stderr: expect.stringContaining('ledger serve') });
    await client.dispose();
    expect(await stop('SIGTERM')).toBe(0);

    // The product takes the directory as its own; what others wrote is no fact of it.
    expect(
      (await runTally(['deployment', 'activate', '--component', 'gateway', '--version', 'v1'], { cwd })).code,
    ).toBe(0);
    const exported = await runTally(['export'], { cwd });
    expect(exported.code).toBe(0);
    expect(exported.stdout.trimEnd().split('\n')).toHaveLength(1);
    expect((await runTally(['status', '-o', 'json'], { cwd })).code).toBe(0);
    expect((await runTally(['state'], { cwd })).code).toBe(0);
  });

  it('loses nothing that it acknowledged, and leaves no hole, when it is killed', async () => {
    for (let round = 0, next = 0; round < 3; round++) {
      const { line } = await serve();
      const client = EventStoreDBClient.connectionString(line);
      // A number at a time at an exact revision, until the server is gone.
      const acknowledged: number[] = [];
      const repeat = next === 0 ? undefined : { n: next - 1 };
      if (repeat !== undefined) {
        const revisions: number[] = [];
        for await (const { event } of client.readStream('a')) revisions.push((event?.data as { n: number }).n);
        expect(revisions).toEqual(revisions.map((_n, index) => index));
        expect(revisions.length).toBeGreaterThanOrEqual(next);
        next = revisions.length;
      }
      for (let left = 200; left > 0; left--) {
        if (left === 100) child!.kill('SIGKILL');
        const expectedRevision = next === 0 ? 'no_stream' : BigInt(next - 1);
        const written = await client.appendToStream('a', numbered(next), { expectedRevision }).then(
          () => true,
          () => false,
        );
        if (!written) break;
        acknowledged.push(next);
        next += 1;
      }
      expect(acknowledged.length).toBeGreaterThanOrEqual(90);
      await client.dispose();
    }
  });

  it('is refused where it would be open to others, and with flags that make no sense', async () => {
    expect(await runTally(['ledger', 'serve', '--host', '0.0.0.0'], { cwd })).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('--tls-cert'),
    });
    for (const flags of [
      ['--port', '99999'],
      ['--tls-cert', 'x.pem'],
      ['--max-append-size', 'much'],
    ])
      expect((await runTally(['ledger', 'serve', ...flags], { cwd })).code).toBe(2);
  });
});
