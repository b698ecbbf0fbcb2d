import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { DiskFull } from '#platform';
import { EmbeddedLedger } from '../../index.js';
import { testEvent } from '../../testing/test-event.js';
import type { ResolvedEvent } from '../links.js';
import { shuttingDown } from '../refusals.js';
import { ServerCore } from '../server-core.js';
import { Groups } from './groups.js';
import type { Message } from './message.js';
import { SETTINGS } from './testing.js';

describe('a full disk', () => {
  let directory: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'tally-groups-'));
  });
  afterEach(() => rmSync(directory, { recursive: true, force: true }));

  const open = (options = {}) =>
    EmbeddedLedger.open(join(directory, 'ledger.sqlite'), { access: 'write', busyMs: 0, ...options });

  /** The groups of a ledger, and a subscriber that keeps what it is given. */
  function watching(ledger: EmbeddedLedger) {
    const groups = new Groups(new ServerCore(ledger.raw, () => 0), { clock: () => 0, repeat: () => () => {} });
    const given: Message<ResolvedEvent>[] = [];
    let wake = () => {};
    const outlet = {
      send: (message: Message<ResolvedEvent>) => {
        given.push(message);
        wake();
      },
      drop: () => {},
    };
    const join = () =>
      groups.find('s', 'group').join({ username: '', connectionName: '', from: '', slots: 10 }, outlet);
    const got = async (count: number) => {
      while (given.length < count) await new Promise<void>((resolve) => (wake = resolve));
      return given.map(({ event }) => event.event?.revision);
    };
    return { groups, given, join, got };
  }

  async function fill(ledger: EmbeddedLedger): Promise<void> {
    for (const size of [4000, 100, 1]) {
      for (let number = 0; ; number++) {
        const event = testEvent(`${size}-${number}`, JSON.stringify('x'.repeat(size)));
        const outcome = await ledger.append(`fill-${size}-${number}`, [event], 'any').catch((error: unknown) => error);
        if (outcome instanceof DiskFull) break;
      }
    }
  }

  it('loses no message that was to be parked, and no event that a checkpoint could not note', async () => {
    let ledger = open({ maxPages: 60 });
    let { groups, given, join, got } = watching(ledger);
    const settings = { ...SETTINGS, minCheckpointCount: 1, maxCheckpointCount: 1 };
    await groups.create({ stream: 's', group: 'group', settings, startFrom: { place: 0n, text: '0' } }, 'test');
    await ledger.append('s', [testEvent('a'), testEvent('b')], 'any');
    const membership = join();
    await got(2);
    await fill(ledger);
    membership.acknowledge([given[0]?.id ?? '']);
    membership.refuse([given[1]?.id ?? ''], 'park', 'poison');
    expect(await got(3)).toEqual([0, 1, 1]);
    expect(groups.find('s', 'group').figures()).toMatchObject({ parked: 0, checkpoint: undefined });
    await groups.close(shuttingDown());
    await ledger.close();

    ledger = open();
    ({ groups, given, join, got } = watching(ledger));
    const again = join();
    expect(await got(2)).toEqual([0, 1]);
    again.acknowledge([given[0]?.id ?? '']);
    again.refuse([given[1]?.id ?? ''], 'park', 'poison');
    const group = groups.find('s', 'group');
    while (group.figures().checkpoint !== 1n) await nextTurn();
    expect(group.figures()).toMatchObject({ parked: 1, counts: { outstanding: 0 } });
    await groups.close(shuttingDown());
    await ledger.close();
  });
});
