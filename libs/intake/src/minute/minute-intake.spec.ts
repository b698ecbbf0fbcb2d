import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { settingsSchema } from '#lifecycle';
import { ADAPTERS, type JsonObject } from '#sources';
import type { Prepared } from '../prepared.js';
import { InputOutOfOrder } from './errors.js';
import { MinuteIntake, type OffsetRecord } from './minute-intake.js';
import { REFUSALS_KEPT } from './range-fold.js';
import { busyTraffic, eventsOf, preparerFor, recordsFrom, takeAll, withUses } from './testing.js';

const SETTINGS = settingsSchema.parse({ sources: { kong: { format: 'kong', uses: 'minute' } } });
const PARTITION = { topic: 'gateway-events', partition: 3 };
const START = Date.UTC(2026, 2, 10, 9);
const SECOND = 1000;

interface Request {
  id: number | string;
  at?: number;
  jti?: string;
  gateway?: string;
  version?: string;
  address?: string;
  agent?: string;
  status?: number;
  reason?: string;
  path?: string;
  exp?: number;
}

/** A request at Kong, `at` ms after nine o'clock. */
function use(request: Request): string {
  const { id, at = 0, jti = 'a', gateway = 'gw-a', version = 'v41', address = '192.0.2.10' } = request;
  const { agent = 'shop-app/3.2', status = 200, reason, path = '/orders', exp } = request;
  const { sample } = ADAPTERS.kong;
  return JSON.stringify({
    ...sample,
    request: { ...(sample['request'] as JsonObject), id: `rq-${id}`, uri: path, headers: { 'user-agent': agent } },
    response: { status },
    // A refusal is the gateway's own: nothing behind it answered.
    ...(status === 401 && { tries: [], upstream_uri: '' }),
    client_ip: address,
    started_at: START + at,
    token_jti: jti,
    gateway_id: gateway,
    deployment_version: version,
    ...(reason !== undefined && { auth_error: reason }),
    ...(exp !== undefined && { token_exp: (START + exp) / SECOND }),
  });
}

const facts = (prepared: readonly Prepared[]) =>
  prepared.filter((each): each is Extract<Prepared, { kind: 'facts' }> => each.kind === 'facts');
const keptOf = (prepared: readonly Prepared[]) => facts(prepared).filter(({ records }) => records === undefined);
const summariesOf = (prepared: readonly Prepared[]) =>
  facts(prepared)
    .filter(({ records }) => records !== undefined)
    .map(({ events }) => JSON.parse(events[0]!.data) as { data: JsonObject; time: number; personal?: unknown });

describe('a range by the minute', () => {
  it('keeps the first use with its box, and folds its repeats without', () => {
    const lines = [0, 1, 2, 3].map((n) => use({ id: n, at: n * SECOND }));
    const all = takeAll(lines, SETTINGS, 100);
    expect(keptOf(all).map(({ line }) => line)).toEqual([0]);
    expect(JSON.parse(eventsOf(keptOf(all))[0]!.data)).toHaveProperty('personal');
    const [summary, ...more] = summariesOf(all);
    expect(more).toEqual([]);
    expect(summary).not.toHaveProperty('personal');
    expect(summary).toMatchObject({
      time: START + SECOND,
      data: { count: 3, firstAt: START + SECOND, lastAt: START + 3 * SECOND, jti: 'a', status: 200 },
    });
  });

  it.each<[string, Partial<Request>]>([
    ['another token', { jti: 'b' }],
    ['another gateway', { gateway: 'gw-b' }],
    ['another version', { version: 'v42' }],
    ['a new network', { address: '198.51.100.1' }],
    ['a new agent', { agent: 'curl/8.0' }],
    ['a refusal', { status: 401, reason: 'token_inactive' }],
    ['another thing said of the token', { exp: 3_600_000 }],
  ])('keeps %s', (_what, change) => {
    const all = takeAll([use({ id: 1 }), use({ id: 2, at: 5, ...change }), use({ id: 3 })], SETTINGS, 100);
    expect(keptOf(all).map(({ line }) => line)).toEqual([0, 1]);
    expect(summariesOf(all)).toHaveLength(1);
  });

  it('keeps the first use after the expiry that the line shows, and no summary reaches over it', () => {
    const exp = 30 * SECOND;
    const lines = [0, 10, 20, 31, 40, 50].map((s, n) => use({ id: n, at: s * SECOND, exp }));
    const all = takeAll(lines, SETTINGS, 100);
    expect(keptOf(all).map(({ line }) => line)).toEqual([0, 3]);
    const spans = summariesOf(all).map(({ data }) => [Number(data['firstAt']) - START, Number(data['lastAt']) - START]);
    expect(spans).toEqual([
      [10_000, 20_000],
      [40_000, 50_000],
    ]);
  });

  it('folds by the minute, and never two different uses together', () => {
    const rest = [
      { id: 2, at: 59_999 },
      { id: 3, at: 60_000 },
      { id: 4, status: 204 },
      { id: 5, status: 204 },
      { id: 6, path: '/cart' },
    ];
    const counts = summariesOf(takeAll([{ id: 1 }, ...rest].map(use), SETTINGS, 100)).map(({ data }) => data['count']);
    expect(counts).toEqual([2, 1, 2]);
  });

  it('keeps refusals up to the cap, for each reason', () => {
    const refusal = (n: number, reason: string): string => use({ id: `${reason}-${n}`, at: n, status: 401, reason });
    const lines = Array.from({ length: REFUSALS_KEPT + 5 }, (_, n) => [
      refusal(n, 'expired'),
      refusal(n, 'unknown kid'),
    ]);
    const all = takeAll(lines.flat(), SETTINGS, 1000);
    expect(keptOf(all)).toHaveLength(2 * REFUSALS_KEPT);
    expect(summariesOf(all).map(({ data }) => [data['reason'], data['count']])).toEqual([
      ['expired', 5],
      ['kid', 5],
    ]);
  });

  it('drops what a range holds twice, and keeps both variants of one record', () => {
    const again = use({ id: 2, at: 10 });
    const lines = [use({ id: 1 }), again, again, use({ id: 2, at: 10, path: '/other' }), use({ id: 3, at: 20 }), again];
    const all = takeAll(lines, SETTINGS, 100);
    expect(all.filter(({ kind }) => kind === 'duplicate').map((each) => 'line' in each && each.line)).toEqual([2, 5]);
    // The variant that had been folded is a fact of its own again, and no longer in the summary.
    expect(keptOf(all).map(({ line }) => line)).toEqual([0, 3, 3]);
    const [one, other] = keptOf(all).slice(1);
    expect(one!.key).toBe(other!.key);
    expect(one!.digest).not.toBe(other!.digest);
    expect(summariesOf(all).map(({ data }) => data['count'])).toEqual([1]);
    const each = settingsSchema.parse({ sources: { kong: { format: 'kong' } } });
    const known = new Set(facts(takeAll(lines, each, 100)).map(({ key, digest }) => `${key} ${digest}`));
    for (const { key, digest } of keptOf(all)) expect(known).toContain(`${key} ${digest}`);
  });

  it('leaves sources in each mode, observations and summaries of others alone', () => {
    const observed = use({ id: 2, status: 404 }).replace(/"token_(jti|iss|sub)":"[^"]*"/g, '"x_$1":"x"');
    const summed = JSON.stringify({
      specversion: '1.0',
      id: 's',
      source: '/edge',
      type: 'tallystick.token.validated.v1',
      time: '2026-03-10T09:00:00Z',
      data: { issuer: 'https://idp.example.com/realms/shop', jti: 'a', count: 7, firstAt: START, lastAt: START + 5 },
    });
    const settings = settingsSchema.parse({
      sources: { kong: { format: 'kong' }, edge: { format: 'cloudevents', uses: 'minute' } },
    });
    const all = takeAll([use({ id: 1 }), use({ id: 2 }), observed, summed, summed.replace('"s"', '"t"')], settings, 9);
    expect(all.filter(({ kind }) => kind === 'facts')).toHaveLength(4);
    expect(summariesOf(all)).toEqual([]);
  });
});

describe('where reading may begin again', () => {
  it('is the first record that the range under way depends on', () => {
    const intake = new MinuteIntake(preparerFor(SETTINGS), PARTITION, 10);
    expect(intake.take([]).committable).toBeUndefined();
    const bad = { reason: 'is not UTF-8', bytes: 3, digestOf: 'ff' };
    expect(intake.take([{ offset: 3n, bad }]).committable).toBe(4n);
    expect(intake.take(recordsFrom([use({ id: 1 }), use({ id: 2 })], 4)).committable).toBe(4n);
    // The last offset of a range may never come: what lies behind it completes the range, too.
    const over = intake.take(recordsFrom([use({ id: 3 })], 12));
    expect(summariesOf(over.prepared)).toHaveLength(1);
    expect(over.committable).toBe(12n);
    expect(intake.reach(19n)).toEqual({ prepared: [], committable: 12n });
    expect(intake.reach(20n).committable).toBe(20n);
  });

  it('moves on with every record where no source is in minute mode', () => {
    const each = settingsSchema.parse({ sources: { kong: { format: 'kong' } } });
    const intake = new MinuteIntake(preparerFor(each), PARTITION, 10);
    expect(intake.take(recordsFrom([use({ id: 1 }), use({ id: 2 })], 4)).committable).toBe(6n);
  });

  it('refuses an offset that was passed', () => {
    const intake = new MinuteIntake(preparerFor(SETTINGS), PARTITION, 10);
    intake.take(recordsFrom([use({ id: 1 })], 4));
    expect(() => intake.take(recordsFrom([use({ id: 1 })], 4))).toThrow(InputOutOfOrder);
    const twice: OffsetRecord[] = [5n, 5n].map((offset) => ({ offset, text: use({ id: 2 }) }));
    expect(() => intake.take(twice)).toThrow(InputOutOfOrder);
    expect(() => new MinuteIntake(preparerFor(SETTINGS), PARTITION, 0)).toThrow(RangeError);
  });
});

describe('a partition read in any fetches, with crashes and redeliveries', () => {
  const { lines, settings } = busyTraffic({ seed: 11, sessions: 6, minutes: 60 }, 4);
  const byMinute = withUses(settings, 'minute');
  const SIZE = 128;
  const bytes = (prepared: readonly Prepared[]): string[] => eventsOf(prepared).map(({ id, data }) => `${id} ${data}`);
  const once = new Set(bytes(takeAll(lines, byMinute, SIZE)));

  it('always makes the same events, byte for byte', () => {
    const step = fc.record({
      fetch: fc.integer({ min: 1, max: 200 }),
      // The process dies: before its events are durable, before the commit, or after it.
      crash: fc.constantFrom('no', 'no', 'no', 'before the append', 'before the commit', 'after the commit'),
    });
    fc.assert(
      fc.property(fc.array(step, { minLength: 1, maxLength: 60 }), (steps) => {
        const ledger = new Set<string>();
        let committed = 0;
        let at = 0;
        let turn = 0;
        let intake = new MinuteIntake(preparerFor(byMinute), PARTITION, SIZE);
        while (at < lines.length) {
          const { fetch, crash } = turn < steps.length ? steps[turn]! : { fetch: 97, crash: 'no' };
          turn++;
          const records = recordsFrom(lines.slice(at, at + fetch), at);
          at += records.length;
          const { prepared, committable } = intake.take(records);
          if (crash !== 'before the append') for (const event of bytes(prepared)) ledger.add(event);
          if (crash === 'no' || crash === 'after the commit') committed = Number(committable);
          if (crash === 'no') continue;
          at = committed;
          intake = new MinuteIntake(preparerFor(byMinute), PARTITION, SIZE);
        }
        for (const event of bytes(intake.reach(BigInt(lines.length + SIZE)).prepared)) ledger.add(event);
        expect(ledger).toEqual(once);
      }),
      { seed: 5, numRuns: 25 },
    );
  });

  it('has ids of its own in every partition, range and size', () => {
    const idsOf = (topic: string, partition: number, size: number): string[] => {
      const intake = new MinuteIntake(preparerFor(SETTINGS), { topic, partition }, size);
      const same = [1, 2, 3].map((id) => use({ id }));
      const records = [...recordsFrom(same, 0), ...recordsFrom(same, size)];
      const prepared = [...intake.take(records).prepared, ...intake.reach(BigInt(size * 2)).prepared];
      return facts(prepared).flatMap(({ records: n, key }) => (n === undefined ? [] : [key]));
    };
    const all = [idsOf('a', 0, 10), idsOf('a', 1, 10), idsOf('b', 0, 10), idsOf('a', 0, 20)].flat();
    expect(new Set(all).size).toBe(8);
  });
});
