import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DEFAULT_THRESHOLDS, namingSecrets, settingsSchema, storedJson } from '#lifecycle';
import { EmbeddedLedger, EventStoreLedger, LedgerEndpoint } from '#ledger';
import { ADAPTERS, type JsonObject } from '#sources';
import { eventId, recordKey } from './ids.js';
import { Intake } from './intake.js';
import { Preparer } from './prepare.js';
import type { Prepared } from './prepared.js';
import { Account } from './report.js';
import { SeenIndex } from './seen-index.js';

const NOW = Date.UTC(2026, 2, 11);
const DIGEST = 'd1'.repeat(16);
const STREAM = 'token-hot';

let folder: string;
let embedded: EmbeddedLedger;
let endpoint: LedgerEndpoint;
let remote: EventStoreLedger;
let seen: SeenIndex;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'tally-large-'));
  embedded = EmbeddedLedger.open(join(folder, 'ledger.sqlite'), { access: 'write', clock: () => NOW });
  endpoint = await LedgerEndpoint.start({ ledger: embedded });
  remote = await EventStoreLedger.open({ url: `esdb://127.0.0.1:${endpoint.port}?tls=false` });
  seen = SeenIndex.open(join(folder, 'index.sqlite'));
});
afterEach(async () => {
  seen.close();
  await remote.close();
  await endpoint.close();
  await embedded.close();
  rmSync(folder, { recursive: true });
});

/** A record with one event of the hot stream, whose text is that often repeated. */
function record(line: number, text: string): Prepared {
  const key = recordKey('default', 'test', String(line));
  const ref = { key, digest: DIGEST, ordinal: 0 };
  const type = 'token.validated';
  const about = { id: '', type, source: 'test', tenant: 'default', subject: STREAM, time: NOW, names: {} };
  const data = storedJson({ ...about, data: { text }, record: ref });
  const id = eventId(key, DIGEST, 0);
  const event = { id, stream: STREAM, type: `tallystick.${type}.v1`, data, links: false };
  return { kind: 'facts', line, source: 'test', key, digest: DIGEST, high: NOW, events: [event] };
}

describe('a batch with more for one stream than an append may carry', () => {
  it.each([
    ['its only writer', false, 'x'],
    ['one writer of several', true, 'x'],
    ['one writer of several, in characters of three bytes', true, '語'],
  ])('is written once, in order, by %s', async (_who, shared, character) => {
    const deadLetters = { add: () => undefined };
    const { futureSlack } = DEFAULT_THRESHOLDS;
    const intake = await Intake.open({ ledger: remote, shared, seen, deadLetters, clock: () => NOW, futureSlack });
    const lines = Array.from({ length: 50 }, (_, i) => i + 1);
    // Up to 20 times the limit of one append where a character takes three bytes; each event is well below it.
    const batch = lines.map((line) => record(line, character.repeat(100_000)));
    const account = new Account();
    for (let delivery = 0; delivery < 3; delivery++) await intake.takeBatch(batch, account);
    expect(account.report).toMatchObject({ accepted: 50, duplicates: 100, events: 50 });
    const ids: string[] = [];
    for await (const { id } of embedded.readStream(STREAM)) ids.push(id);
    expect(ids).toEqual(batch.flatMap((each) => (each.kind === 'facts' ? each.events.map(({ id }) => id) : [])));
  });
});

describe('a record whose event no store would take', () => {
  it('is refused with its size, and its neighbour is not', () => {
    const preparer = new Preparer({
      tenant: 'default',
      settings: settingsSchema.parse({}),
      secrets: namingSecrets(0, Buffer.alloc(32, 1), Buffer.alloc(32, 2)),
      source: 'auto',
      today: 1,
      vault: {
        ensure: () => undefined,
        seal: (_owner, _id, content) => ({ keyId: 'k', box: Buffer.from(JSON.stringify(content)).toString('base64') }),
      },
    });
    const sample = ADAPTERS.kong.sample as JsonObject & { request: JsonObject };
    const lineOf = (line: number, agent: string) => {
      const request = { ...sample.request, id: `r${line}`, headers: { 'user-agent': agent } };
      return { kind: 'text' as const, line, text: JSON.stringify({ ...sample, request }) };
    };
    const [large, small] = preparer.lines([lineOf(1, 'a'.repeat(900_000)), lineOf(2, 'app/1.0')]);
    expect(small!.kind).toBe('facts');
    expect(large).toMatchObject({
      kind: 'rejected',
      rejection: {
        line: 1,
        field: '(record)',
        reason: expect.stringMatching(/^states an event of 1[\d]{6} bytes, more/),
      },
    });
    expect(JSON.stringify(large)).not.toContain('aaaa');
  });
});
