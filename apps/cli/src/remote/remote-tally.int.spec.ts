import { expect, it } from '@jest/globals';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { RemoteTally } from './remote-tally.js';

async function* endless(): AsyncGenerator<Uint8Array> {
  for (;;) yield Buffer.alloc(65_536, 32);
}

it('stops waiting for a tally that takes nothing in, when its signal says so', async () => {
  // It neither reads nor answers, as one does whose places are taken.
  const server = createServer(() => undefined);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const place = { url: `http://127.0.0.1:${port}`, token: 'tally_x', pid: process.pid };
  const tally = new RemoteTally(place);
  const stop = new AbortController();
  const options = { tenant: 'default', source: 'auto', what: 'input', finished: true, signal: stop.signal };
  const arrived = once(server, 'request');
  const sending = tally.ingest(endless(), options);
  await arrived;
  stop.abort();
  await expect(sending).rejects.toMatchObject({ code: 'TALLY_NOT_REACHED' });
  await tally.close();
  server.closeAllConnections();
  server.close();
});
