import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EmbeddedLedger } from '#ledger';
import { eventId, recordKey } from './ids.js';
import { Intake } from './intake.js';
import type { Prepared } from './prepared.js';
import { Account } from './report.js';
import { SeenIndex } from './seen-index.js';

const NOW = Date.UTC(2026, 2, 11);
const DIGEST = 'd1'.repeat(16);

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tally-index-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

function record(id: string): Prepared {
  const key = recordKey('default', 'test', id);
  const data = JSON.stringify({ source: 'test', record: { key, digest: DIGEST, ordinal: 0 } });
  const event = { id: eventId(key, DIGEST, 0), stream: `token-${id}`, type: 'tallystick.token.validated.v1', data };
  return {
    kind: 'facts',
    line: 1,
    source: 'test',
    key,
    digest: DIGEST,
    high: NOW,
    events: [{ ...event, links: false }],
  };
}

/** Takes records into a ledger with the one index that this directory has; gives how many events it wrote. */
async function take(file: string, ids: readonly string[], shared: boolean): Promise<number> {
  const ledger = EmbeddedLedger.open(join(folder, file), { access: 'write', clock: () => NOW });
  const seen = SeenIndex.open(join(folder, 'intake.sqlite'));
  try {
    const parts = { ledger, seen, deadLetters: { add: () => undefined }, clock: () => NOW, futureSlack: 0, shared };
    const intake = await Intake.open(parts);
    const account = new Account();
    await intake.takeBatch(ids.map(record), account);
    return account.report.events;
  } finally {
    seen.close();
    await ledger.close();
  }
}

it.each([true, false])('an index is filled anew for a ledger that it was not made of (shared: %s)', async (shared) => {
  expect(await take('one.sqlite', ['a', 'b'], shared)).toBe(2);
  expect(await take('one.sqlite', ['a', 'b'], shared)).toBe(0);
  // Another ledger at the same place, longer than the first one, and without a and b.
  await take('other.sqlite', [], shared);
  const ledger = EmbeddedLedger.open(join(folder, 'other.sqlite'), { access: 'write' });
  for (const id of ['x', 'y', 'z']) {
    const made = record(id);
    if (made.kind === 'facts') await ledger.append(made.events[0]!.stream, made.events, 'no_stream');
  }
  await ledger.close();
  expect(await take('one.sqlite', ['a', 'b'], shared)).toBe(0);
  expect(await take('other.sqlite', ['a', 'b'], shared)).toBe(2);
});
