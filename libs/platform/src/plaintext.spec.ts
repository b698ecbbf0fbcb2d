import { describe, expect, it } from '@jest/globals';
import { assertMayBePlain, HOPS, isLoopback, PlaintextRefused, type Hop } from './plaintext.js';

const NONE: ReadonlySet<Hop> = new Set();

describe('isLoopback', () => {
  it.each([
    '127.0.0.1',
    '127.8.9.10',
    '::1',
    '[::1]',
    '0:0:0:0:0:0:0:1',
    '::ffff:127.0.0.1',
    'localhost',
    'LOCALHOST.',
  ])('%s stays on this machine', (host) => expect(isLoopback(host)).toBe(true));

  it.each([
    '0.0.0.0',
    '::',
    '',
    '10.0.0.1',
    '128.0.0.1',
    '::ffff:10.0.0.1',
    '::2',
    // Names that look like it, and spellings that resolvers read in more than one way.
    'localhost.example.com',
    '127.0.0.1.example.com',
    'notlocalhost',
    '127.1',
    '0177.0.0.1',
    '2130706433',
    '[127.0.0.1',
    '127.0.0.1 ',
  ])('%j may leave it', (host) => expect(isLoopback(host)).toBe(false));
});

describe('assertMayBePlain', () => {
  it.each(HOPS)('refuses %s off loopback, and names how to encrypt or allow it', (hop) => {
    const refused = (): void => assertMayBePlain(hop, 'db.example.com', NONE);
    expect(refused).toThrow(PlaintextRefused);
    expect(refused).toThrow(
      expect.objectContaining({
        code: 'TALLY_PLAINTEXT_REFUSED',
        facts: { hop, host: 'db.example.com' },
        remedy: expect.stringContaining(`--allow-plaintext ${hop}`),
      }),
    );
  });

  it('lets through what stays here, and the hop that was allowed, no other', () => {
    expect(() => assertMayBePlain('kafka', '127.0.0.1', NONE)).not.toThrow();
    expect(() => assertMayBePlain('kafka', 'broker', new Set<Hop>(['kafka']))).not.toThrow();
    expect(() => assertMayBePlain('clickhouse', 'db', new Set<Hop>(['kafka', 'api']))).toThrow(PlaintextRefused);
  });
});
