import { status } from '@grpc/grpc-js';
import { jsonEvent } from '@eventstore/db-client';
import { expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { RawClient } from '../testing/raw-client.js';
import { ServedLedger } from '../testing/served-ledger.js';
import { wireStream, wireUuid } from './identifiers.js';
import { shared, streams } from './protocol.js';

it('closing cuts an append that is not whole, batch streams and subscriptions, and what was written is there', async () => {
  const served = await ServedLedger.start();
  const raw = new RawClient(`127.0.0.1:${served.endpoint.port}`);
  const { position } = await served.client.appendToStream('a', [jsonEvent({ type: 'test', data: {} })]);

  const options = new streams.AppendReq.Options().setStreamIdentifier(wireStream('cut')).setAny(new shared.Empty());
  const message = new streams.AppendReq.ProposedMessage().setId(wireUuid(randomUUID(), true));
  message.getMetadataMap().set('type', 'test').set('content-type', 'application/json');
  const append = raw
    .append([new streams.AppendReq().setOptions(options), new streams.AppendReq().setProposedMessage(message)], {
      isLeftOpen: true,
    })
    .catch((error: unknown) => error);
  const subscription = served.client.subscribeToAll();
  const ended = new Promise((resolve) => subscription.once('error', resolve));
  const batch = new Promise((resolve) => {
    subscription.once('caughtUp', () => {
      // The client's batch stream is open since its first append; what is under way on it fails with it.
      void served.endpoint.close(500).then(resolve);
    });
  });
  await batch;
  expect(await append).toMatchObject({ code: status.UNAVAILABLE });
  expect(await ended).toMatchObject({ type: 'unavailable' });
  raw.close();

  await served.shut();
  await served.open();
  const read = [];
  for await (const { event } of served.client.readAll()) read.push(event?.position);
  expect(read).toEqual([position]);
  await served.remove();
});

it('a batch stream that is open ends cancelled', async () => {
  const served = await ServedLedger.start();
  const raw = new RawClient(`127.0.0.1:${served.endpoint.port}`);
  const { call, ended, answered } = raw.openBatch();
  const request = new streams.BatchAppendReq().setCorrelationId(wireUuid(randomUUID(), false)).setIsFinal(true);
  const options = new streams.BatchAppendReq.Options().setStreamIdentifier(wireStream('a'));
  request.setOptions(options.setStreamPosition('9'));
  call.write(request);
  await answered;
  await served.endpoint.close(500);
  expect((await ended).status.code).toBe(status.CANCELLED);
  raw.close();
  await served.remove();
});
