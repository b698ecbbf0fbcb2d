import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EmbeddedLedger, LedgerEndpoint } from '#ledger';
import { Stores } from './tally/stores.js';
import { vitalsOf } from './vitals.js';

let folder: string;
let ledger: EmbeddedLedger;
let endpoint: LedgerEndpoint;
let stores: Stores;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'tally-vitals-'));
  ledger = EmbeddedLedger.open(join(folder, 'ledger.sqlite'), { access: 'write', clock: () => 1.8e12 });
  endpoint = await LedgerEndpoint.start({ ledger });
  const eventstore = `esdb://127.0.0.1:${endpoint.port}?tls=false`;
  stores = await Stores.open(join(folder, 'data'), { access: 'write', purpose: 'test', eventstore });
});
afterEach(async () => {
  await stores.close();
  await ledger.close();
  rmSync(folder, { recursive: true });
});

it('ready is not whose ledger is away, or does not answer; when it is back, it is ready again', async () => {
  const { checkWritable } = vitalsOf({ stores }, 500);
  await checkWritable();
  const { port } = endpoint;
  await endpoint.close();
  await expect(checkWritable()).rejects.toMatchObject({
    code: expect.stringMatching(/^TALLY_(EVENTSTORE_UNREACHABLE|LEDGER_SILENT)$/),
  });
  const stop = await listenSilently(port);
  await expect(checkWritable()).rejects.toMatchObject({ retry: true });
  await stop();
  endpoint = await LedgerEndpoint.start({ ledger, port });
  await expect(untilReady(checkWritable)).resolves.toBeUndefined();
  await endpoint.close();
});

/** A server that takes connections and says nothing. */
async function listenSilently(port: number): Promise<() => Promise<unknown>> {
  const sockets: Socket[] = [];
  const server = createServer((socket) => sockets.push(socket)).listen(port, '127.0.0.1');
  await once(server, 'listening');
  return () => {
    const closed = once(server, 'close');
    server.close();
    for (const socket of sockets) socket.destroy();
    return closed;
  };
}

async function untilReady(checkWritable: () => Promise<void>): Promise<void> {
  for (let tries = 0; ; tries++) {
    try {
      return await checkWritable();
    } catch (error) {
      if (tries === 20) throw error;
    }
  }
}
