import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { EventStoreDBClient } from '@eventstore/db-client';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EmbeddedLedger } from '../embedded/store.js';
import { LedgerEndpoint } from '../endpoint/ledger-endpoint.js';
import { NamedOtherwise } from './errors.js';
import { EventStoreLedger } from './store.js';

const ONE = '11111111-1111-4111-8111-111111111111';
const KEYS = '33333333-3333-4333-8333-333333333333';
const TWO = '22222222-2222-4222-8222-222222222222';

let folder: string;
let embedded: EmbeddedLedger;
let endpoint: LedgerEndpoint;
let url: string;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'tally-identity-'));
  embedded = EmbeddedLedger.open(join(folder, 'ledger.sqlite'), { access: 'write' });
  endpoint = await LedgerEndpoint.start({ ledger: embedded });
  url = endpoint.connectionString;
});
afterEach(async () => {
  await endpoint.close();
  await embedded.close();
  rmSync(folder, { recursive: true });
});

it('is what the first process proposes, for every process, and no event that a replay sees', async () => {
  const [one, two] = [await EventStoreLedger.open({ url }), await EventStoreLedger.open({ url })];
  const [first, second] = await Promise.all([one.identify(ONE, KEYS), two.identify(TWO, KEYS)]);
  expect(first).toBe(second);
  expect([ONE, TWO]).toContain(first);
  expect(await two.identify(TWO, KEYS)).toBe(first);
  await expect(two.identify(TWO, TWO)).rejects.toBeInstanceOf(NamedOtherwise);
  for await (const event of one.readAll()) throw new Error(`there is ${event.type}`);
  await one.close();
  await two.close();
});

it('is not taken where the metadata is of another program', async () => {
  const client = EventStoreDBClient.connectionString(url);
  await client.setStreamMetadata('tallystick-ledger', { owner: 'somebody else' });
  await client.dispose();
  const ledger = await EventStoreLedger.open({ url });
  await expect(ledger.identify(ONE, KEYS)).rejects.toThrow(/another program/);
  await ledger.close();
});
