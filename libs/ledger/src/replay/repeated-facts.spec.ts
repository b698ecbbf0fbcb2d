import { describe, expect, it } from '@jest/globals';
import { storedJson, type Fact } from '#lifecycle';
import type { RawRow } from '../embedded/scan.js';
import { factOfRow, RepeatedFacts } from './repeated-facts.js';

const TYPE = 'tallystick.token.validated.v1';
const HEX = 'ab'.repeat(16);
const FACT: Fact = {
  id: '',
  type: TYPE,
  source: 'edge "a", "time":1',
  tenant: 'default',
  subject: HEX,
  time: 1_773_133_200_014,
  names: { jti: HEX },
  version: 'v41',
  data: { issuer: 'https://idp.example.com', status: 200, agent: '","record":{"key":"' },
  record: { key: '0'.repeat(32), digest: '1'.repeat(32), ordinal: 0 },
};

function row(change: Partial<Fact> = {}, place: Partial<RawRow> = {}): RawRow {
  const data = storedJson({ ...FACT, ...change });
  return { position: 1, streamId: 1, revision: 0, type: TYPE, recordedAt: 2e12, metadata: null, data, ...place };
}

/** What either reader makes of a row, getters included. */
function told(fact: ReturnType<typeof factOfRow>): unknown {
  const { id, type, source, tenant, subject, time, names, version, gateway, region, api, data, personal } = fact;
  const { record, position, recordedAt } = fact;
  const stated = { id, type, source, tenant, subject, time, names, version, gateway, region, api, data, personal };
  return { ...stated, record, position, recordedAt };
}

const record = (key: string, digest: string, ordinal = 0): Fact['record'] => ({ key, digest, ordinal });

describe('RepeatedFacts', () => {
  it('shares what a fact has said before, and reads its own time and record', () => {
    const reader = new RepeatedFacts();
    const first = reader.read(row());
    const again = row({ time: FACT.time + 5, record: record('2'.repeat(32), '3'.repeat(32), 7) }, { position: 9 });
    const second = reader.read(again);
    expect(told(second)).toEqual(told(factOfRow(again)));
    expect(second.data).toBe(first.data);
    expect(second.names).toBe(first.names);
  });

  it.each<[string, RawRow]>([
    ['another status', row({ data: { ...FACT.data, status: 401 } })],
    ['another name', row({ names: { jti: 'ba'.repeat(16) } })],
    ['another source of the same length', row({ source: 'edge "b", "time":1' })],
    ['another version', row({ version: 'v42' })],
    ['a longer ordinal', row({ record: record('2'.repeat(32), '3'.repeat(32), 12) })],
    ['a shorter time', row({ time: 999_999_999_999 })],
    ['a time before the epoch', row({ time: -999_999_999_999 })],
    ['another type', row({}, { type: 'tallystick.token.rejected.v1' })],
    ['personal data', row({ personal: { keyId: 'k', box: 'b' } })],
    ['another stream', row({ subject: 'ba'.repeat(16), names: { jti: 'ba'.repeat(16) } }, { streamId: 2 })],
    ['a shorter key with a longer digest', row({ record: record('2'.repeat(31), '3'.repeat(33)) })],
  ])('reads what differs as it is: %s', (_what, other) => {
    const reader = new RepeatedFacts();
    for (const each of [row(), other, row(), other]) expect(told(reader.read(each))).toEqual(told(factOfRow(each)));
  });

  it('refuses bytes that are no fact after like ones', () => {
    const reader = new RepeatedFacts();
    reader.read(row());
    const damaged = row();
    expect(() => reader.read({ ...damaged, data: `${damaged.data.slice(0, -1)} ` })).toThrow('is not JSON');
  });
});
