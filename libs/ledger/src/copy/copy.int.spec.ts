import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EmbeddedLedger } from '../embedded/store.js';
import { LedgerEndpoint } from '../endpoint/ledger-endpoint.js';
import { EventStoreLedger } from '../eventstore/store.js';
import type { Ledger, NewEvent } from '../port.js';
import { testEvent } from '../testing/test-event.js';
import { copyLedger, verifyCopy } from './copy-ledger.js';

let directory: string;
let from: EmbeddedLedger;
let to: EmbeddedLedger;
let closing: (() => Promise<void>)[];
const open = (name: string): EmbeddedLedger => {
  const ledger = EmbeddedLedger.open(join(directory, name), { access: 'write', clock: () => 1_770_000_000_000 });
  closing.unshift(() => ledger.close());
  return ledger;
};

beforeEach(() => {
  closing = [];
  directory = mkdtempSync(join(tmpdir(), 'tally-copy-'));
  from = open('from.sqlite');
  to = open('to.sqlite');
});
afterEach(async () => {
  for (const close of closing) await close();
  rmSync(directory, { recursive: true, force: true });
});

/** Streams that come again at once, soon, and late; some of many events. */
async function fill(count: number): Promise<void> {
  for (let index = 0; index < count; index++) {
    const stream = index % 10 < 3 ? 'hot' : `s${(index * 7) % 53}`;
    const event: NewEvent = testEvent(`e${index}`, `{"n":${index}, "é": "\\ud800"}`);
    if (index % 4 === 0) event.metadata = `{"m" : ${index}}`;
    await from.append(stream, index % 25 === 0 ? [event, testEvent(`${index}b`)] : [event], 'any');
  }
}
async function served(ledger: EmbeddedLedger): Promise<Ledger> {
  const endpoint = await LedgerEndpoint.start({ ledger });
  const client = await EventStoreLedger.open({ url: `esdb://127.0.0.1:${endpoint.port}?tls=false` });
  closing.unshift(
    () => client.close(),
    () => endpoint.close(),
  );
  return client;
}
async function contents(ledger: Ledger): Promise<object[]> {
  const all: object[] = [];
  for await (const { position: _position, recordedAt: _recordedAt, ...event } of ledger.readAll()) all.push(event);
  return all;
}

describe('copyLedger', () => {
  it('copies everything, in the order of $all, and both sides have one digest', async () => {
    await fill(700);
    expect(await copyLedger({ from, to })).toEqual({ found: 0, copied: 728 });
    expect(await contents(to)).toEqual(await contents(from));
    const lines: string[] = [];
    for await (const { stream, revision, id, type, data, metadata } of from.readAll())
      lines.push(`${JSON.stringify([stream, String(revision), id, type, data, metadata ?? null])}\n`);
    const digest = createHash('sha256').update(lines.join('')).digest('hex');
    const both = { events: 728, digest };
    expect(await verifyCopy({ from, to })).toEqual({ from: both, to: both });
  });

  it('copies over the wire both ways', async () => {
    await fill(500);
    const remote = await served(to);
    expect(await copyLedger({ from, to: remote })).toEqual({ found: 0, copied: 520 });
    expect(await contents(remote)).toEqual(await contents(from));
    const back = open('back.sqlite');
    await copyLedger({ from: remote, to: back });
    const { from: there, to: here } = await verifyCopy({ from: remote, to: back });
    expect(here).toEqual(there);
    expect(await contents(back)).toEqual(await contents(from));
  });

  it('goes on where it was broken off, at any point, and writes nothing twice', async () => {
    await fill(300);
    for (let round = 0; ; round++) {
      const stop = new AbortController();
      let windows = 0;
      const interrupted: Ledger = stoppedAfter(to, () => {
        if (++windows === 1 + (round % 4)) stop.abort(new Error('killed'));
      });
      try {
        await copyLedger({ from, to: interrupted, signal: stop.signal });
        break;
      } catch (error) {
        expect(error).toMatchObject({ message: 'killed' });
      }
    }
    expect(await contents(to)).toEqual(await contents(from));
    await from.append('late', [testEvent('late')], 'no_stream');
    expect(await copyLedger({ from, to })).toEqual({ found: 312, copied: 1 });
    expect(await copyLedger({ from, to })).toEqual({ found: 313, copied: 0 });
  });

  it.each<[string, string, (ledger: Ledger) => Promise<unknown>]>([
    ['another event', 'id', (ledger) => ledger.append('hot', [testEvent('x')], 'no_stream')],
    ['another stream', 'stream', (ledger) => ledger.append('cold', [testEvent('e0')], 'no_stream')],
    [
      'other data',
      'data',
      (ledger) => ledger.append('hot', [{ ...testEvent('e0', '{}'), metadata: '{"m" : 0}' }], 'no_stream'),
    ],
    [
      'other metadata',
      'metadata',
      (ledger) => ledger.append('hot', [testEvent('e0', '{"n":0, "é": "\\ud800"}')], 'no_stream'),
    ],
    [
      'another type',
      'type',
      (ledger) => ledger.append('hot', [{ ...testEvent('e0'), type: 'tallystick.x' }], 'no_stream'),
    ],
  ])('refuses a target that holds %s, names the first difference, and writes nothing', async (_what, field, write) => {
    await fill(20);
    await write(to);
    const before = await contents(to);
    const refused = { code: 'TALLY_LEDGERS_DIFFER', facts: { ordinal: 1, field } };
    await expect(copyLedger({ from, to })).rejects.toMatchObject(refused);
    await expect(verifyCopy({ from, to })).rejects.toMatchObject(refused);
    expect(await contents(to)).toEqual(before);
  });

  it('refuses a target that holds more, and verification one that holds less', async () => {
    await fill(20);
    await expect(verifyCopy({ from, to })).rejects.toMatchObject({ facts: { ordinal: 1, field: 'missing' } });
    await copyLedger({ from, to });
    await to.append('more', [testEvent('more')], 'no_stream');
    const refused = { code: 'TALLY_LEDGERS_DIFFER', facts: { ordinal: 22, field: 'more', to: '0@more' } };
    await expect(copyLedger({ from, to })).rejects.toMatchObject(refused);
    await expect(verifyCopy({ from, to })).rejects.toMatchObject(refused);
  });

  it('notices who else writes into the target, and a target that turns the order round', async () => {
    await fill(40);
    let isFirst = true;
    const disturbed = stoppedAfter(to, async () => {
      if (isFirst) await to.append('hot', [testEvent('theirs')], 'any');
      isFirst = false;
    });
    await expect(copyLedger({ from, to: disturbed })).rejects.toMatchObject({
      code: 'TALLY_COPY_DISTURBED',
      facts: { stream: 'hot' },
    });
    const other = open('other.sqlite');
    const turned: Ledger = {
      ...stoppedAfter(other, () => undefined),
      appendMany: async (appends) => (await other.appendMany([...appends].reverse())).reverse(),
    };
    await expect(copyLedger({ from, to: turned })).rejects.toMatchObject({
      code: 'TALLY_COPY_DISTURBED',
      facts: { reason: 'it was written in another order' },
    });
  });
});

function stoppedAfter(ledger: EmbeddedLedger, written: () => void | Promise<void>): Ledger {
  return {
    append: (...of) => ledger.append(...of),
    appendMany: async (appends) => {
      const outcomes = await ledger.appendMany(appends);
      await written();
      return outcomes;
    },
    readStream: (...of) => ledger.readStream(...of),
    readAll: (options) => ledger.readAll(options),
    revisionsOf: (streams) => ledger.revisionsOf(streams),
    head: () => ledger.head(),
    subscribeAll: (options) => ledger.subscribeAll(options),
    close: async () => undefined,
  };
}
