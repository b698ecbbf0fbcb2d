import { describe, expect, it } from '@jest/globals';
import type { Fact } from './observations.js';
import { factOf, storedJson, UnreadableFactError } from './stored.js';
import { upcast, type Upcasters } from './upcast.js';

const TOK = `31${'0'.repeat(30)}`;
const FACT: Fact = {
  id: 'e-1',
  type: 'tallystick.token.validated.v1',
  source: 'envoy',
  tenant: 'default',
  subject: TOK,
  time: 1_773_133_200_000,
  names: { tok: TOK },
  gateway: 'gw-a',
  data: { status: 200, 'x-unknown': { kept: true } },
  record: { key: 'k', digest: 'd', ordinal: 0 },
};

const event = (data: string, type = FACT.type) => ({ id: FACT.id, type, data, position: 7n, recordedAt: 9 });

describe('a fact as it is stored', () => {
  it('comes back with its place in the ledger, unknown fields and all', () => {
    expect(factOf(event(storedJson(FACT)))).toEqual({ ...FACT, position: 7n, recordedAt: 9 });
  });

  it('gives the same bytes whatever the order of its fields, and none for absent ones', () => {
    const reversed = Object.fromEntries(Object.entries(FACT).reverse()) as typeof FACT;
    expect(storedJson(reversed)).toBe(storedJson(FACT));
    expect(storedJson(FACT)).not.toMatch(/version|region|personal/);
  });

  it.each(['', '[]', 'null', '{"source":"x"}', storedJson(FACT).slice(0, -1)])('refuses other bytes: %j', (bytes) => {
    expect(() => factOf(event(bytes))).toThrow(UnreadableFactError);
  });
});

describe('upcasting', () => {
  // A hypothetical version 0 that called the gateway a node.
  const upcasters: Upcasters = {
    'token.validated': {
      0: ({ node, ...rest }) => ({ ...rest, gateway: node }),
    },
  };
  const old = { ...(JSON.parse(storedJson(FACT)) as Record<string, unknown>), gateway: undefined, node: 'gw-a' };

  it('reads an old version as the current one and keeps the fields that it does not know', () => {
    const read = factOf(event(JSON.stringify({ ...old, later: [1] }), 'tallystick.token.validated.v0'), upcasters);
    expect(read).toMatchObject({ type: FACT.type, gateway: 'gw-a', later: [1], data: FACT.data });
    expect(read).not.toHaveProperty('node');
  });

  it('takes one step after another up to the current version', () => {
    const twice: Upcasters = { x: { 0: (b) => ({ ...b, a: 1 }), 1: (b) => ({ ...b, b: b['a'] }) } };
    expect(upcast('tallystick.x.v0', {}, twice, 2)).toEqual({ type: 'tallystick.x.v2', body: { a: 1, b: 1 } });
  });

  it('leaves alone what has no step: a newer version, an unknown type, an old version of another type', () => {
    for (const type of ['tallystick.token.validated.v2', 'tallystick.other.v0', 'example.other']) {
      expect(upcast(type, old, upcasters)).toEqual({ type, body: old });
    }
  });
});
